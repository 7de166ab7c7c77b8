"""Begins to take out of Entra what a lease brought."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import NotFound
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.lease import Lease
from services.connector.domain.target import Target
from services.connector.domain.writing import refusal_to_touch, service_principals
from services.connector.ports import Catalog, Connections, Provisioning, Requests

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class EndLease:
    """The use case. What led to it is only a hint: the lease says what to do."""

    requests: Requests
    catalog: Catalog
    connections: Connections
    provisioning: Provisioning
    clock: Clock

    async def __call__(self, lease_id: str, *, hurry: bool = False) -> Outcome[None]:
        """Releases what the lease holds; nothing when it has not ended.

        A lease that ends before anything was heard of it is noted as removed, so that nothing
        that comes late begins a delivery. One that takes over goes with what its subject holds of
        it, whoever put that there. `hurry`: somebody may have removed by hand what Entra does not
        let us remove, which is looked at now.

        Raises:
            NotFound: LEASE_NOT_FOUND.
            Unavailable: requests does not answer; or the catalog, about a lease that takes over and
                was never begun.
        """
        lease = await self.requests.lease(lease_id)
        if not lease.is_ended:
            return Outcome(None)
        now = self.clock.now()
        before = await self._around(lease)
        delivery = before.deliveries.get(lease_id)
        if delivery is not None and delivery.state is DeliveryState.REMOVING:
            return self._hurried(lease_id, before, delivery, now) if hurry else Outcome(None)
        details: dict[str, object] = {}
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
            taken = await self._taken_over(lease, delivery, before, now)
            if taken:
                ids = [assignment.assignment_id for assignment in taken]
                details["taken_over"] = ids
                delivery = replace(delivery, assignment_ids=(*delivery.assignment_ids, *ids))
            after, told = before.changed([*released, *taken], (delivery.removing(now),), now)
        details["state"] = after.deliveries[lease_id].state.value
        entry = AuditEntry(CONNECTOR, "delivery.ended", lease_id, details=details)
        return Outcome(None, Change(entry, self.provisioning.saved(before, after), told))

    async def _around(self, lease: Lease) -> Picture:
        if not lease.takes_over:
            return await self.provisioning.around_lease(lease.lease_id)
        return await self.provisioning.around_lease(lease.lease_id, lease.subject, lease.targets)

    async def _taken_over(
        self, lease: Lease, delivery: Delivery, before: Picture, now: datetime
    ) -> list[Assignment]:
        """What the subject holds of the lease, and it was never tried to give them."""
        if not lease.takes_over:
            return []
        untried = {
            target: known or Assignment.new(lease.subject, target, now)
            for target in lease.targets
            if (known := before.find(lease.subject, target)) is None
            or known.assignment_id not in delivery.assignment_ids
        }
        if not untried:
            return []
        held = await self._held(lease, [*untried])
        return [untried[target].taken_out(lease.lease_id, now) for target in held]

    async def _held(self, lease: Lease, targets: Sequence[Target]) -> Sequence[Target]:
        """Those of its targets that are listed, that its subject holds, and that may be written."""
        try:
            confirmation = await self.catalog.confirm(
                lease.entitlement_id, lease.subject.user_id, targets
            )
        except NotFound:
            return []
        if confirmation.subject != lease.subject:
            return []
        found = []
        for target, confirmed in zip(targets, confirmation.targets, strict=True):
            if confirmed.target is None or not confirmed.target.is_same(target):
                continue
            if confirmed.held and await self._may_be_written(lease, target):
                found.append(target)
        return found

    async def _may_be_written(self, lease: Lease, target: Target) -> bool:
        tenant = await self.connections.for_writing(
            target.connection_id, service_principals([target])
        )
        if tenant is None or tenant.connection.entra_tenant_id != lease.subject.entra_tenant_id:
            return False
        return refusal_to_touch(target, tenant.protected_ids) is None

    def _hurried(
        self, lease_id: str, before: Picture, delivery: Delivery, now: datetime
    ) -> Outcome[None]:
        own = [before.assignments[assignment_id] for assignment_id in delivery.assignment_ids]
        hurried = [
            better
            for each in own
            if each.failure_reason and each.operation is not None
            if (better := each.hurried(each.operation.operation_id, now)) is not each
        ]
        if not hurried:
            return Outcome(None)
        after, told = before.changed(hurried, (), now)
        entry = AuditEntry(CONNECTOR, "delivery.hurried", lease_id)
        return Outcome(None, Change(entry, self.provisioning.saved(before, after), told))
