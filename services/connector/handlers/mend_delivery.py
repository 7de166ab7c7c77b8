"""Looks whether an open delivery is being worked on, and sees to it if not."""

from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.connector.ports import Provisioning

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class MendDelivery:
    """The use case. Every change leaves a delivery with work or concluded; this is the net."""

    provisioning: Provisioning
    clock: Clock

    async def __call__(self, lease_id: str) -> Outcome[bool]:
        """Whether there was something to mend."""
        now = self.clock.now()
        before = await self.provisioning.around_lease(lease_id)
        delivery = before.deliveries.get(lease_id)
        if delivery is None:
            return Outcome(False)
        own = [before.assignments[assignment_id] for assignment_id in delivery.assignment_ids]
        mended = [
            better for assignment in own if (better := assignment.mended(now)) is not assignment
        ]
        if not mended and delivery.concluded(before.assignments, now) is delivery:
            return Outcome(False)
        after, told = before.changed(mended, (delivery,), now)
        entry = AuditEntry(
            CONNECTOR,
            "delivery.mended",
            lease_id,
            details={"state": after.deliveries[lease_id].state.value},
        )
        return Outcome(True, Change(entry, self.provisioning.saved(before, after), told))
