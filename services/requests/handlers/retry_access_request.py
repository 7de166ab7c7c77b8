"""Delivering an approved access request once more."""

from dataclasses import dataclass

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.decision import granted
from services.requests.handlers.get_access_request import AccessRequestReader
from services.requests.handlers.wish import check_vacant


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
        read = AccessRequestReader(self.access_requests)
        seen = await read(command.person, command.access_request_id)
        seen.check_changeable_by(command.person)
        # Both of one moment: what one of them is then says what the other one is.
        both = await self.leases.with_access_request(seen.lease_id)
        seen_lease, seen = both if both is not None else (None, seen)
        seen.check_etag(command.etag)
        time = self.clock.now()
        found = seen.retry(command.person, time)
        assert seen_lease is not None, "what failed had a lease"
        lease = seen_lease.retry(time)
        await check_vacant(
            self.access_requests,
            seen.subject.user_id,
            seen.entitlement_id,
            but_for=(seen.access_request_id, seen.lease_id),
        )
        body = facts.AccessRequestRetried(found.access_request_id, lease.lease_id, command.person)
        change = Change(
            AuditEntry(
                command.person,
                "access_request.retried",
                found.access_request_id,
                details={
                    "state": found.state.value,
                    "lease_id": lease.lease_id,
                    "round": lease.round,
                },
            ),
            (
                *self.access_requests.changed(found, seen=seen),
                self.leases.changed(lease, seen=seen_lease.version),
            ),
            (Fact(found.access_request_id, found.version, body), granted(lease)),
        )
        return Outcome(found, change)
