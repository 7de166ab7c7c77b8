"""Begins to put into Entra what a lease brings."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import NotFound
from libs.domain.meanwhile import meanwhile
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.lease import Confirmation, Lease
from services.connector.domain.mirror import is_newer
from services.connector.domain.target import AppRoleGrant, Target
from services.connector.domain.verdict import Remedy
from services.connector.domain.wave import Due
from services.connector.domain.writing import refusal_to_add, refusal_to_touch, service_principals
from services.connector.ports import (
    NO_ROOM,
    Attempt,
    Catalog,
    Connections,
    Departure,
    Provisioning,
    Requests,
    Room,
    Syncs,
    Writable,
)

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the connector does not touch Entra for a lease. `reason` is a word."""

    reason: str
    message: str
    remedy: Remedy = Remedy.NEEDS_PERSON


@dataclass(frozen=True, slots=True)
class DeliverLease:
    """The use case. What led to it is only a hint: the lease says what to do."""

    requests: Requests
    catalog: Catalog
    connections: Connections
    syncs: Syncs
    provisioning: Provisioning
    clock: Clock

    async def __call__(self, lease_id: str, room: Room = NO_ROOM) -> Outcome[None]:
        """Records the intent; nothing when the lease is not wanted, or is seen to already.

        Where there is `room` for it the first attempt is noted with the intent, and goes to Entra
        when both are committed.

        Raises:
            NotFound: LEASE_NOT_FOUND.
            Unavailable: requests or the catalog does not answer.
        """
        lease = await self.requests.lease(lease_id)
        if not lease.is_wanted:
            return Outcome(None)
        with meanwhile(self._asked(lease)) as asked:
            # What changes meanwhile is found out by the commit.
            before = await self.provisioning.around_lease(lease_id, lease.subject, lease.targets)
            delivery = before.deliveries.get(lease_id)
            if delivery is not None:
                if delivery.is_leaving:
                    return Outcome(None)
                if delivery.state is DeliveryState.PENDING and delivery.round == lease.round:
                    return Outcome(None)
                # One that takes over since it was retried finds that out of what is there already.
                settled = delivery.state is DeliveryState.DELIVERED and (
                    delivery.takes_over or not lease.takes_over
                )
                if settled or delivery.round >= lease.round:
                    return self._told_again(lease, delivery, before)
            confirmation, connected = await asked
        if isinstance(confirmation, Confirmation):
            tenants = _tenants(lease, confirmation, connected)
            if not isinstance(tenants, Refusal):
                return await self._intended(lease, confirmation, tenants, before, room)
            confirmation = tenants
        return self._refused(lease, confirmation, before)

    async def _asked(
        self, lease: Lease
    ) -> tuple[Confirmation | Refusal, Mapping[str, Writable | None]]:
        """What the catalog says of a lease, and the connections of its targets by their ids."""
        if not lease.targets:
            nothing = "The lease names nothing to put into Entra."
            return Refusal("no_targets", nothing, Remedy.HOPELESS), {}
        ids = [*dict.fromkeys(target.connection_id for target in lease.targets)]
        principals = service_principals(lease.targets)
        confirmation, connected = await asyncio.gather(
            self._confirmation(lease),
            asyncio.gather(*(self.connections.for_writing(id, principals) for id in ids)),
        )
        return confirmation, dict(zip(ids, connected, strict=True))

    async def _confirmation(self, lease: Lease) -> Confirmation | Refusal:
        try:
            return await self.catalog.confirm(
                lease.entitlement_id, lease.subject.user_id, lease.targets
            )
        except NotFound as error:
            return Refusal(error.reason.lower(), error.message, Remedy.HOPELESS)

    def _told_again(self, lease: Lease, delivery: Delivery, before: Picture) -> Outcome[None]:
        """Requests may have lost the news: it does not look again before it hears of it."""
        if lease.is_delivered:
            return Outcome(None)
        after = Picture({}, {delivery.lease_id: delivery})
        if delivery.state is DeliveryState.DELIVERED and lease.round > delivery.round:
            pending = delivery.pending(lease.round, delivery.assignment_ids, self.clock.now())
            after, _ = before.changed((), (pending,), self.clock.now())
        told = after.deliveries[lease.lease_id].fact()
        if delivery.state is DeliveryState.LOST:
            told = before.lost(delivery)
        return self._outcome("delivery.told_again", lease.lease_id, before, after, told)

    def _refused(self, lease: Lease, refusal: Refusal, before: Picture) -> Outcome[None]:
        now = self.clock.now()
        delivery = before.deliveries.get(lease.lease_id)
        if delivery is None:
            delivery = Delivery.of(lease, DeliveryState.FAILED, now)
        failed = delivery.failed(lease.round, refusal.reason, refusal.message, refusal.remedy, now)
        after, told = before.changed((), (failed,), now)
        return self._outcome("delivery.refused", lease.lease_id, before, after, told)

    async def _intended(
        self,
        lease: Lease,
        confirmation: Confirmation,
        tenants: Mapping[str, Writable],
        before: Picture,
        room: Room,
    ) -> Outcome[None]:
        now = self.clock.now()
        delivery = before.deliveries.get(lease.lease_id)
        if delivery is None:
            delivery = Delivery.of(lease, DeliveryState.PENDING, now)
        held: dict[str, Assignment] = {}
        for target, confirmed in zip(lease.targets, confirmation.targets, strict=True):
            assignment = before.find(lease.subject, target)
            if assignment is None:
                assignment = Assignment.new(lease.subject, target, now)
            newer = await self._mirror_is_newer(target, assignment)
            held[assignment.assignment_id] = assignment.held_by(
                lease.lease_id,
                in_mirror=confirmed.held and newer,
                vanished=newer and not confirmed.held,
                now=now,
                emergency=delivery.emergency,
                takes_over=lease.takes_over,
            )
        pending = delivery.pending(lease.round, held, now, takes_over=lease.takes_over)
        due = _due_at_once(before, held.values())
        connection_id = lease.targets[0].connection_id
        ids = room.take(connection_id, due) if due and len(tenants) == 1 else {}
        if ids:
            held = {
                id: each
                if each.operation is None
                else each.attempted(ids[each.operation.operation_id], now)
                for id, each in held.items()
            }
        after, told = before.changed(held.values(), (pending,), now)
        outcome = self._outcome(
            "delivery.begun", lease.lease_id, before, after, told, lease.targets, [*ids]
        )
        if ids and outcome.change is not None:
            attempts = {
                operation.operation_id: Attempt.of(each, operation, ids[operation.operation_id])
                for each in held.values()
                if (operation := each.operation) is not None
            }
            going = before.after(after)
            room.leave(Departure(tenants[connection_id], due, attempts, going, outcome.change))
        return outcome

    async def _mirror_is_newer(self, target: Target, assignment: Assignment) -> bool:
        """Whether the catalog saw Entra after we last changed something about the assignment."""
        if assignment.change_time is None:
            return True
        last = await self.syncs.last_succeeded_of(target.connection_id)
        return is_newer(last, assignment.change_time)

    def _outcome(
        self,
        action: str,
        lease_id: str,
        before: Picture,
        after: Picture,
        told: tuple[Fact, ...],
        targets: Sequence[Target] = (),
        attempted: Sequence[str] = (),
    ) -> Outcome[None]:
        delivery = after.deliveries[lease_id]
        details: dict[str, object] = {"round": delivery.round, "state": delivery.state.value}
        if targets:
            details["entra_principal_id"] = delivery.subject.entra_object_id
            details["targets"] = [target.directory_entitlement_id for target in targets]
            details["emergency"] = delivery.emergency
            details["takes_over"] = delivery.takes_over
            details["attempted"] = [*attempted]
        entry = AuditEntry(CONNECTOR, action, lease_id, delivery.failure_message, details)
        return Outcome(None, Change(entry, self.provisioning.saved(before, after), told))


def _due_at_once(before: Picture, held: Iterable[Assignment]) -> tuple[Due, ...]:
    """What is to be done for assignments; nothing where anything was under way around them."""
    if any(each.operation is not None for each in before.assignments.values()):
        return ()
    return tuple(
        Due.of(each, operation) for each in held if (operation := each.operation) is not None
    )


def _tenants(
    lease: Lease, confirmation: Confirmation, connected: Mapping[str, Writable | None]
) -> Mapping[str, Writable] | Refusal:
    """The connections of its targets by their ids, where all of them may be written to."""
    if lease.subject != confirmation.subject:
        return Refusal(
            "principal_mismatch",
            f"The catalog knows {lease.subject.user_id} as another person of the directory.",
            Remedy.HOPELESS,
        )
    tenants: dict[str, Writable] = {}
    for target, confirmed in zip(lease.targets, confirmation.targets, strict=True):
        if confirmed.target is None or not confirmed.target.is_same(target):
            why = confirmed.problem or "the catalog has it otherwise"
            return Refusal(
                "target_not_listed",
                f"{target.display_name or target.directory_entitlement_id} is not part of "
                f"what the entitlement provisions: {why}.",
            )
        tenant = connected[target.connection_id]
        if tenant is None:
            return Refusal(
                "connection_not_found", f"There is no connection {target.connection_id}."
            )
        tenants[target.connection_id] = tenant
        if tenant.connection.entra_tenant_id != lease.subject.entra_tenant_id:
            return Refusal(
                "principal_mismatch",
                f"{lease.subject.user_id} is not of the tenant that "
                f"{target.connection_id} connects.",
                Remedy.HOPELESS,
            )
        if not isinstance(target.kind, AppRoleGrant):
            continue
        refused = (
            # Somebody may have given it by hand, which is looked for.
            refusal_to_touch(target, tenant.protected_ids)
            if lease.takes_over
            else refusal_to_add(tenant.connection, target, tenant.protected_ids)
        )
        if refused is not None:
            return Refusal(refused.reason, refused.message, refused.remedy)
    return tenants
