"""Read replicas: copies of the directory that hear of each change later than the primary.

A copy is made once, when lag is switched on, and fed from a queue: what it costs does not depend
on the size of the tenant. Which replica answers a read is left to seeded chance.
Source: Microsoft, "Designing for Eventual Consistency for Microsoft Entra".
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.changes import Change
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.tenant import Tenant


@dataclass
class _Replica:
    lag: timedelta
    directory: Directory
    # Changes with the times at which they were made, oldest first.
    waiting: deque[tuple[datetime, Change]] = field(default_factory=deque)

    def catch_up(self, now: datetime) -> None:
        while self.waiting and self.waiting[0][0] + self.lag <= now:
            self.directory.apply(self.waiting.popleft()[1])


class Replicas:
    """The read replicas of a tenant, as many as its behaviour names lags."""

    def __init__(self, tenant: Tenant, behaviour: Behaviour) -> None:
        self._tenant = tenant
        self._behaviour = behaviour
        self._lags: tuple[float, ...] = ()
        self._replicas: list[_Replica] = []
        self._chance = random.Random(behaviour.seed)
        tenant.follow(self._hear)

    def pick(self) -> Directory:
        """The copy that answers one read."""
        self._arrange()
        if not self._replicas:
            return self._tenant
        replica = self._chance.choice(self._replicas)
        replica.catch_up(self._tenant.clock())
        return replica.directory

    def _hear(self, change: Change) -> None:
        """Of a change that is about to be made on the primary."""
        self._arrange()
        now = self._tenant.clock()
        for replica in self._replicas:
            replica.catch_up(now)
            replica.waiting.append((now, change))

    def _arrange(self) -> None:
        """Follows the switch. A replica that comes anew knows all that there is by now."""
        lags = tuple(self._behaviour.replica_lags)
        if lags != self._lags:
            self._lags = lags
            self._chance = random.Random(self._behaviour.seed)
            self._replicas = [_Replica(timedelta(seconds=lag), self._tenant.fork()) for lag in lags]
