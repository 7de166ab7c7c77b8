"""Delivering an approved access request once more."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import facts, timeline
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.lease import Lease
from services.requests.handlers.decision import granted
from services.requests.handlers.seat import Seats
from services.requests.handlers.task_changes import closing_delivery
from services.requests.handlers.wish import check_vacant

_RETRIED = "The delivery was begun once more."


@dataclass(frozen=True, slots=True)
class RetryAccessRequest:
    """Somebody has a failed delivery begun anew; an empty `etag` stands for any."""

    person: Person
    access_request_id: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Retrier:
    """Begins failed deliveries anew."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    seats: Seats
    clock: Clock

    async def __call__(self, command: RetryAccessRequest) -> Outcome[AccessRequest]:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            NotAllowed: the person may see it only.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE; LEASE_STATE when the lease has ended since.
            AlreadyExists: the person has asked again meanwhile, ACCESS_REQUEST_OPEN or
                ALREADY_LEASED.
        """
        seen = await self.seats.see(command.person, command.access_request_id)
        seen.check_changeable_by(command.person)
        # Both of one moment: what one of them is then says what the other one is.
        both = await self.leases.with_access_request(seen.lease_id)
        seen_lease, seen = both if both is not None else (None, seen)
        seen.check_etag(command.etag)
        time = self.clock.now()
        found, change = await retried(
            self.access_requests, self.leases, command.person, seen_lease, seen, time
        )
        assert seen_lease is not None, "what failed had a lease"
        task = await closing_delivery(self.leases, seen_lease, _RETRIED, time)
        return Outcome(found, task.added_to(change))


async def retried(
    access_requests: ports.AccessRequests,
    leases: ports.Leases,
    person: Person,
    seen_lease: Lease | None,
    seen: AccessRequest,
    time: datetime,
    done: timeline.TaskCompleted | None = None,
) -> tuple[AccessRequest, Change]:
    """A failed delivery begins once more. When that is since somebody has `done` something by hand,
    what they gave is part of the lease.

    Raises:
        WrongState: ACCESS_REQUEST_STATE; LEASE_STATE when the lease has ended since.
        AlreadyExists: the person has asked again meanwhile, ACCESS_REQUEST_OPEN or
            ALREADY_LEASED.
    """
    found = seen.retry(person, time, done)
    assert seen_lease is not None, "what failed had a lease"
    lease = seen_lease.retry(time, takes_over=done is not None)
    await check_vacant(
        access_requests,
        seen.subject.user_id,
        seen.entitlement_id,
        but_for=(seen.access_request_id, seen.lease_id),
    )
    body = facts.AccessRequestRetried(found.access_request_id, lease.lease_id, person)
    change = Change(
        AuditEntry(
            person,
            "access_request.retried",
            found.access_request_id,
            details={
                "state": found.state.value,
                "lease_id": lease.lease_id,
                "round": lease.round,
                "takes_over": lease.takes_over,
            },
        ),
        (
            *access_requests.changed(found, seen=seen),
            leases.changed(lease, seen=seen_lease.version),
        ),
        (Fact(found.access_request_id, found.version, body), granted(lease)),
    )
    return found, change
