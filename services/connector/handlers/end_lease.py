"""Begins to take out of Entra what a lease brought."""

from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.ports import Provisioning, Requests

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class EndLease:
    """The use case. What led to it is only a hint: the lease says what to do."""

    requests: Requests
    provisioning: Provisioning
    clock: Clock

    async def __call__(self, lease_id: str) -> Outcome[None]:
        """Releases what the lease holds; nothing when it has not ended.

        A lease that ends before anything was heard of it is noted as removed, so that nothing
        that comes late begins a delivery.

        Raises:
            NotFound: LEASE_NOT_FOUND.
            Unavailable: requests does not answer.
        """
        lease = await self.requests.lease(lease_id)
        if not lease.is_ended:
            return Outcome(None)
        now = self.clock.now()
        before = await self.provisioning.around_lease(lease_id)
        delivery = before.deliveries.get(lease_id)
        if delivery is not None and delivery.state is DeliveryState.REMOVING:
            return Outcome(None)
        if delivery is not None and delivery.state is DeliveryState.REMOVED:
            # Requests may have lost the news.
            after, told = Picture({}, {lease_id: delivery}), delivery.fact()
        else:
            if delivery is None:
                delivery = Delivery.of(lease, DeliveryState.REMOVING, now)
            released = [
                before.assignments[assignment_id].released_by(lease_id, now)
                for assignment_id in delivery.assignment_ids
            ]
            after, told = before.changed(released, (delivery.removing(now),), now)
        delivery = after.deliveries[lease_id]
        entry = AuditEntry(
            CONNECTOR, "delivery.ended", lease_id, details={"state": delivery.state.value}
        )
        return Outcome(None, Change(entry, self.provisioning.saved(before, after), told))
