"""Throttling: resource units and writes, counted per application as Microsoft documents it.

Each limit is a bucket of tokens: full at first, refilled evenly, and a call that finds too little
in it is refused until there is enough. The limits are on by default, as they are at Microsoft.
They follow real seconds and not the tenant's clock, because so do the callers' waits.
Source: Microsoft Learn, "Microsoft Graph service-specific throttling limits", identity and access.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tools.entra_simulator.limits import Limits, tenant_size

Kind = Literal["units", "writes"]

# From this share of a limit on, answers carry x-ms-throttle-limit-percentage; it ends at 1.8.
_WARNS_FROM, _WARNS_TO = 0.8, 1.8


@dataclass(frozen=True)
class Throttled:
    """A call that is over a limit. Headers and body follow from these."""

    retry_after: int | None
    scope: str
    information: str


@dataclass(frozen=True)
class EarlyCall:
    """A call that came although its application had been told to wait.

    `after` and `early` are seconds: since the refusal, and before its wait was over.
    """

    app_id: str
    method: str
    path: str
    information: str
    after: float
    early: float

    def to_json(self) -> dict[str, Any]:
        return {
            "clientAppId": self.app_id,
            "method": self.method,
            "path": self.path,
            "information": self.information,
            "after": round(self.after, 3),
            "early": round(self.early, 3),
        }


@dataclass
class Usage:
    """What one application has used since the last reset. `refused`: answered 429."""

    calls: int = 0
    units: int = 0
    writes: int = 0
    refused: int = 0
    refunded: int = 0


@dataclass
class _Bucket:
    amount: float
    seconds: float
    level: float
    filled: float

    def fill(self, now: float) -> None:
        gained = (now - self.filled) * self.amount / self.seconds
        self.level = min(self.amount, self.level + gained)
        self.filled = now

    def wait(self, cost: float) -> float:
        """Seconds until there is enough for this cost."""
        # What costs more than the bucket holds is let through when it is full.
        missing = min(cost, self.amount) - self.level
        return max(0.0, missing) * self.seconds / self.amount


@dataclass
class _Wait:
    """What a 429 asked for: until when, and for which calls."""

    since: float
    until: float
    writes_only: bool
    information: str


@dataclass
class _Application:
    usage: Usage = field(default_factory=Usage)
    waits: list[_Wait] = field(default_factory=list)


class Quota:
    """What each application has used.

    `users` tells how many users the tenant has; `clock` counts seconds.
    """

    def __init__(
        self,
        tenant_id: str = "",
        users: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = Limits()
        self._tenant_id = tenant_id
        self._users = users
        self._clock = clock
        self._buckets: dict[tuple[str, Kind, str], _Bucket] = {}
        self._applications: dict[str, _Application] = {}
        self.early_calls: list[EarlyCall] = []

    def admit(
        self, app_id: str, *, units: int, writes: int, method: str = "", path: str = ""
    ) -> Throttled | None:
        """Charges a call before it is carried out; none when it is within the limits.

        Refused calls (400, 403, 429) cost nothing: `refund` gives back what was charged.
        `method` and `path` are told where a call came early.
        """
        now = self._clock()
        application = self._applications.setdefault(app_id, _Application())
        application.usage.calls += 1
        self._note_early(application, app_id, now, writes > 0, method, path)
        costs: dict[Kind, int] = {"units": units, "writes": writes}
        if self.limits.enabled:
            for scope, kind, bucket in self._buckets_of(app_id, now):
                if costs[kind] and (wait := bucket.wait(costs[kind])) > 0:
                    return self._refuse(application, app_id, scope, kind, wait)
            for _, kind, bucket in self._buckets_of(app_id, now):
                bucket.level -= costs[kind]
        application.usage.units += units
        application.usage.writes += writes
        return None

    def refund(self, app_id: str, *, units: int, writes: int) -> None:
        """The call was refused and costs nothing."""
        application = self._applications.setdefault(app_id, _Application())
        application.usage.units -= units
        application.usage.writes -= writes
        application.usage.refunded += units
        costs: dict[Kind, int] = {"units": units, "writes": writes}
        if self.limits.enabled:
            for _, kind, bucket in self._buckets_of(app_id, self._clock()):
                bucket.level = min(bucket.amount, bucket.level + costs[kind])

    def told_to_wait(
        self, app_id: str, seconds: float, *, writes_only: bool, information: str
    ) -> None:
        """The application was answered 429 with this Retry-After, by a limit or by a fault."""
        now = self._clock()
        application = self._applications.setdefault(app_id, _Application())
        application.usage.refused += 1
        application.waits = [wait for wait in application.waits if wait.until > now]
        application.waits.append(_Wait(now, now + seconds, writes_only, information))

    def percentage(self, app_id: str) -> float | None:
        """The fullest of the application's limits, as its header tells it: 0.8 to 1.8, or none."""
        if not self.limits.enabled:
            return None
        shares = [
            1 - bucket.level / bucket.amount
            for _, _, bucket in self._buckets_of(app_id, self._clock())
        ]
        share = max(shares)
        return min(share, _WARNS_TO) if share > _WARNS_FROM else None

    def usage(self, app_id: str) -> Usage:
        application = self._applications.get(app_id)
        return application.usage if application else Usage()

    def reset(self) -> None:
        """Full buckets, and every counter at nothing."""
        self._buckets.clear()
        self._applications.clear()
        self.early_calls.clear()

    def set_limits(self, limits: Limits) -> None:
        """Buckets start full again."""
        self.limits = limits
        self._buckets.clear()

    def to_json(self) -> dict[str, Any]:
        """The limits, the size they follow from, and what was used."""
        now = self._clock()
        return {
            "limits": self.limits.to_json(),
            "tenantSize": tenant_size(self._users())[0],
            "applications": {
                app_id: {
                    **asdict(application.usage),
                    "left": {
                        f"{scope}/{kind}": round(bucket.level, 1)
                        for scope, kind, bucket in self._buckets_of(app_id, now)
                    },
                }
                for app_id, application in self._applications.items()
            },
            "earlyCalls": {
                "count": len(self.early_calls),
                "calls": [call.to_json() for call in self.early_calls],
            },
        }

    def _buckets_of(self, app_id: str, now: float) -> Iterator[tuple[str, Kind, _Bucket]]:
        limits = self.limits
        units = limits.resource_units or tenant_size(self._users())[1]
        amounts: tuple[tuple[str, Kind, str, float, float], ...] = (
            ("Tenant_Application", "units", app_id, units, 10),
            ("Tenant_Application", "writes", app_id, limits.writes, 150),
            ("Application", "units", app_id, limits.application_resource_units, 20),
            ("Application", "writes", app_id, limits.application_writes, 300),
            ("Tenant", "writes", "", limits.tenant_writes, 300),
        )
        for scope, kind, key, limit, seconds in amounts:
            amount = limit * limits.scale
            bucket = self._buckets.get((scope, kind, key))
            if bucket is None:
                bucket = self._buckets[scope, kind, key] = _Bucket(amount, seconds, amount, now)
            elif bucket.amount != amount:
                # The tenant has outgrown its size: what was used stays used.
                bucket.level += amount - bucket.amount
                bucket.amount = amount
            bucket.fill(now)
            yield scope, kind, bucket

    def _refuse(
        self, application: _Application, app_id: str, scope: str, kind: Kind, wait: float
    ) -> Throttled:
        information = "WriteLimitExceeded" if kind == "writes" else "ResourceUnitLimitExceeded"
        retry_after = max(1, math.ceil(wait)) if self.limits.retry_after else None
        self.told_to_wait(
            app_id, retry_after or 0, writes_only=kind == "writes", information=information
        )
        return self.throttled(app_id, retry_after, information, scope=scope, kind=kind)

    def throttled(
        self,
        app_id: str,
        retry_after: int | None,
        information: str,
        *,
        scope: str = "Tenant_Application",
        kind: Kind = "units",
    ) -> Throttled:
        """A refusal as Microsoft words it, also of a limit that is not counted here."""
        what = "Write" if kind == "writes" else "ReadWrite"
        return Throttled(retry_after, f"{scope}/{what}/{app_id}/{self._tenant_id}", information)

    def _note_early(
        self,
        application: _Application,
        app_id: str,
        now: float,
        is_write: bool,
        method: str,
        path: str,
    ) -> None:
        for wait in application.waits:
            applies = is_write or not wait.writes_only
            if applies and now < wait.until and now - wait.since > self.limits.early_grace:
                early = EarlyCall(
                    app_id, method, path, wait.information, now - wait.since, wait.until - now
                )
                self.early_calls.append(early)
                return
