"""What becomes of access that somebody took out of Entra by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.delivery import DeliveryState, Picture
from services.connector.domain.sync import Sync
from services.connector.ports import Provisioning

CONNECTOR = Service("connector")
_TOLD_OF = (DeliveryState.PENDING, DeliveryState.DELIVERED)


@dataclass(frozen=True, slots=True)
class SeeToLostAccess:
    """The use cases."""

    provisioning: Provisioning
    clock: Clock

    async def act(
        self, assignment_ids: Sequence[str], sync: Sync, action: RemovedAccessAction
    ) -> Outcome[None]:
        """Assignments of one person, that a sync did not find: they are put back, or their leases
        are to end. Nothing of it for what was changed since."""
        now = self.clock.now()
        before = await self.provisioning.around_assignments(assignment_ids)
        restored = action is RemovedAccessAction.RESTORE
        changed = {
            each: found.removed_outside(now, restored=restored)
            for each in assignment_ids
            if (found := before.assignments.get(each)) is not None and found.is_expected_by(sync)
        }
        if not changed:
            return Outcome(None)
        leases = set[str]().union(*(each.lease_ids for each in changed.values()))
        hit = [
            delivery.removed_outside(now, restored=restored)
            for lease_id, delivery in before.deliveries.items()
            if lease_id in leases
        ]
        after, told = before.changed(changed.values(), hit, now)
        known = {fact.resource_id for fact in told}
        for delivery in hit:
            was = before.deliveries[delivery.lease_id].state
            if was in _TOLD_OF and delivery.lease_id not in known:
                told += delivery.lost(changed, action)
        first = next(iter(changed.values()))
        entry = AuditEntry(
            CONNECTOR,
            "delivery.removed_outside",
            first.principal.user_id,
            details={
                "sync_id": sync.sync_id,
                "action": action.value,
                "assignment_ids": sorted(changed),
                "lease_ids": sorted(leases),
            },
        )
        return Outcome(None, Change(entry, self.provisioning.saved(before, after), told))

    async def tell_again(self, lease_id: str) -> Outcome[None]:
        """Requests may have lost the news that a lease is to end."""
        now = self.clock.now()
        before = await self.provisioning.around_lease(lease_id)
        delivery = before.deliveries.get(lease_id)
        if delivery is None or delivery.state is not DeliveryState.LOST:
            return Outcome(None)
        after = Picture({}, {lease_id: replace(delivery, update_time=now)})
        entry = AuditEntry(CONNECTOR, "delivery.told_again", lease_id)
        writes = self.provisioning.saved(before, after)
        return Outcome(None, Change(entry, writes, before.lost(delivery)))
