"""Bringing a lease to where the connector says that Entra is.

An event of the connector is no more than a reason to ask it: what it answers is acted on, so a
forged, late, doubled or reordered event can do nothing.
"""

from dataclasses import dataclass
from enum import Enum, auto

from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.meanwhile import meanwhile
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.delivery import Delivery, DeliveryState
from services.requests.domain.lease import Lease, LeaseState
from services.requests.handlers.decision import ended, granted
from services.requests.handlers.lose_access import lost, put_back
from services.requests.handlers.open_task import TaskOpener
from services.requests.handlers.task_changes import NOTHING, closing_removal

_REMOVED = "The access is out of Entra."


class Settled(Enum):
    """How a lease was found."""

    DONE = auto()
    """Nothing is left for the connector to do."""
    UNDER_WAY = auto()
    """The connector is at it."""
    UNHEARD = auto()
    """The connector has not heard of the lease, or not of its round, or not of its end."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A lease with its access request, and its delivery, as they were read at the same time."""

    found: tuple[Lease, AccessRequest] | None
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class Settler:
    """Asks the connector how far a lease is, and has the lease follow."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    connector: ports.Connector
    opener: TaskOpener
    clock: Clock

    async def look(self, lease_id: str) -> Seen:
        """Reads the lease, and asks the connector meanwhile.

        Raises:
            Unavailable: the connector does not answer, and the lease waits for it.
        """
        with meanwhile(self.connector.delivery(lease_id)) as delivery:
            found = await self.leases.with_access_request(lease_id)
            return Seen(found, await delivery if _awaits_delivery(found) else None)

    async def __call__(self, lease_id: str, seen: Seen | None = None) -> Outcome[Settled]:
        """`seen` is what was read of it already.

        Raises:
            Unavailable: the connector does not answer.
        """
        found = await self.leases.with_access_request(lease_id) if seen is None else seen.found
        if found is None or found[0].state is LeaseState.ENDED:
            return Outcome(Settled.DONE)
        lease, access_request = found
        # An answer from before the lease was read may be older than what the lease knows, and undo
        # it. Not so while it waits to be delivered: whatever it had heard, it would not wait.
        if seen is not None and _awaits_delivery(found):
            delivery = seen.delivery
        else:
            delivery = await self.connector.delivery(lease_id)
        if lease.state is LeaseState.ENDING and delivery is not None:
            return await self._out(lease, access_request, delivery)
        if delivery is None or delivery.round != lease.round:
            return Outcome(Settled.UNHEARD if lease.is_on_its_way else Settled.DONE)
        if delivery.state is DeliveryState.LOST:
            change = await lost(
                self.access_requests, self.leases, lease, access_request, delivery, self.clock.now()
            )
            return Outcome(Settled.DONE, change)
        if lease.state is LeaseState.GRANTED:
            return await self._in(lease, access_request, delivery)
        if lease.state is LeaseState.ACTIVE:
            return await self._there(lease, access_request, delivery)
        return Outcome(Settled.DONE)

    async def _in(
        self, seen: Lease, access_request: AccessRequest, delivery: Delivery
    ) -> Outcome[Settled]:
        time, task = self.clock.now(), NOTHING
        if delivery.state is DeliveryState.DELIVERED:
            lease = seen.activate(time)
            after = access_request.fulfil(delivery, lease.end_time, time)
            body: object = facts.AccessRequestFulfilled(
                after.access_request_id, lease.lease_id, lease.end_time
            )
        elif delivery.state is DeliveryState.FAILED:
            lease = seen.fail(time)
            task_id, task = await self.opener.to_deliver(lease, access_request, delivery, time)
            after = access_request.fail(delivery, time, task_id)
            body = facts.AccessRequestFailed(
                after.access_request_id, lease.lease_id, delivery.failure_reason
            )
        else:
            return Outcome(Settled.UNDER_WAY)
        audit = AuditEntry(
            REQUESTS,
            f"access_request.{after.state.value.lower()}",
            after.access_request_id,
            delivery.failure_message,
            {
                "state": after.state.value,
                "lease_id": lease.lease_id,
                "lease_state": lease.state.value,
                "round": lease.round,
            },
        )
        change = Change(
            audit,
            (
                self.leases.changed(lease, seen=seen.version),
                *self.access_requests.changed(after, seen=access_request),
            ),
            (Fact(after.access_request_id, after.version, body),),
            after={after.access_request_id: after},
        )
        return Outcome(Settled.DONE, task.added_to(change))

    async def _there(
        self, seen: Lease, access_request: AccessRequest, delivery: Delivery
    ) -> Outcome[Settled]:
        """What became of an active lease: somebody may have taken a part of it out by hand."""
        if delivery.state is DeliveryState.FAILED and delivery.removed_outside(seen.create_time):
            # It had been delivered: this is what became of putting it back.
            work = lost
        elif delivery.removed_outside(seen.told_of_removals_until):
            work = put_back
        else:
            return Outcome(Settled.DONE)
        change = await work(
            self.access_requests, self.leases, seen, access_request, delivery, self.clock.now()
        )
        return Outcome(Settled.DONE, change)

    async def _out(
        self, seen: Lease, access_request: AccessRequest, delivery: Delivery
    ) -> Outcome[Settled]:
        time = self.clock.now()
        if delivery.state is DeliveryState.REMOVING:
            change = await self.opener.to_remove(seen, access_request, delivery, time)
            return Outcome(Settled.UNDER_WAY, change)
        if delivery.state is not DeliveryState.REMOVED:
            return Outcome(Settled.UNHEARD)
        lease = seen.finish(time)
        after = access_request.lease_ended(time)
        change = Change(
            AuditEntry(
                REQUESTS,
                "lease.ended",
                lease.lease_id,
                details={
                    "access_request_id": after.access_request_id,
                    "state": lease.state.value,
                },
            ),
            (
                self.leases.changed(lease, seen=seen.version),
                *self.access_requests.changed(after, seen=access_request),
            ),
            (Fact(lease.lease_id, lease.version, facts.LeaseRemoved(lease.lease_id)),),
        )
        task = await closing_removal(self.leases, seen, _REMOVED, time)
        return Outcome(Settled.DONE, task.added_to(change))


def _awaits_delivery(found: tuple[Lease, AccessRequest] | None) -> bool:
    return found is not None and found[0].state is LeaseState.GRANTED


@dataclass(frozen=True, slots=True)
class Repeater:
    """Says once more what the connector has not heard."""

    leases: ports.Leases

    async def __call__(self, lease_id: str) -> Outcome[None]:
        """Does nothing while the first word is still waiting to go out."""
        lease = await self.leases.get(lease_id)
        if lease is None or not lease.is_on_its_way:
            return Outcome(None)
        if not await self.leases.is_announced(lease_id):
            return Outcome(None)
        word = granted(lease) if lease.state is LeaseState.GRANTED else ended(lease)
        audit = AuditEntry(
            REQUESTS,
            "lease.event_repeated",
            lease_id,
            "The connector has not heard of it.",
            {"state": lease.state.value, "round": lease.round},
        )
        return Outcome(None, Change(audit, (self.leases.unchanged(lease),), (word,)))
