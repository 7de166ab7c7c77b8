"""Compares what leases brought into Entra with what each sync read, and sees to what is missing.

A look goes by the last sync that succeeded, also after a start. What was found is kept before it is
acted on, and acted on until all of it is: a crash in between only has it looked at once more.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from libs.db.writes import Writes
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.connector.domain.reconciliation import Reconciliation, ReconciliationState
from services.connector.domain.sync import Sync
from services.connector.handlers.lost_access import SeeToLostAccess
from services.connector.handlers.reconcile import Reconcile
from services.connector.ports import Provisioning, Reconciliations, Serving, Syncs

EVERY_SECONDS = 2.0
# Requests ends a lost lease within seconds of hearing of it.
_TOLD_AGAIN = timedelta(minutes=5)
_MOST_TOLD = 200
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Reconciler:
    """One look at each tenant that this process serves."""

    syncs: Syncs
    provisioning: Provisioning
    reconciliations: Reconciliations
    serving: Serving
    reconcile: Reconcile
    lost: SeeToLostAccess
    writes: Writes
    clock: Clock
    # The sync that was last looked at, by connection.
    _looked_at: dict[str, str] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Looks where there is something new, and tells once more of what still waits."""
        for connection_id in sorted(self.serving.connection_ids()):
            try:
                await self._see_to(connection_id)
            except LatchkeyError as error:
                _log.warning("reconcile_waits", connection_id=connection_id, problem=error.message)
        try:
            await self._tell_again()
        except LatchkeyError as error:
            _log.warning("lost_leases_wait", problem=error.message)

    async def _see_to(self, connection_id: str) -> None:
        sync = await self.syncs.last_succeeded_of(connection_id)
        if sync is None:
            return
        begun = await self.reconciliations.open_of(connection_id)
        if begun is not None and begun.state is ReconciliationState.CONFIRMED:
            await self._act(begun, sync)
            return
        if self._looked_at.get(connection_id) == sync.sync_id:
            return
        finding = await self.reconcile.look(sync)
        if finding is None:
            return  # there is a next sync, or a next look
        found = await self.writes.run(lambda: self.reconcile.note(connection_id, finding))
        self._looked_at[connection_id] = sync.sync_id
        if found is not None:
            await self._act(found, sync)

    async def _act(self, found: Reconciliation, sync: Sync) -> None:
        """Acts on what is missing still, person by person."""
        ids = await self.reconciliations.missing(found.reconciliation_id)
        left = await self.reconcile.still_missing(ids, sync)
        if left is None:
            return
        people: dict[str, list[str]] = defaultdict(list)
        for each in left:
            people[each.entra_principal_id].append(each.assignment_id)
        _log.warning(
            "access_removed_outside",
            reconciliation_id=found.reconciliation_id,
            assignments=len(left),
            people=len(people),
            action=found.action.value,
        )
        for own in people.values():
            await self._act_on(own, sync, found)
        await self.writes.run(lambda: self.reconcile.finish(found.reconciliation_id))

    async def _act_on(self, own: list[str], sync: Sync, found: Reconciliation) -> None:
        await self.writes.run(lambda: self.lost.act(own, sync, found.action))

    async def _tell_again(self) -> None:
        since = self.clock.now() - _TOLD_AGAIN
        for lease_id in await self.provisioning.lost_deliveries(since, _MOST_TOLD):
            await self._told_again(lease_id)

    async def _told_again(self, lease_id: str) -> None:
        await self.writes.run(lambda: self.lost.tell_again(lease_id))
