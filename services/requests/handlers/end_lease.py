"""Ending a lease: when its time is over, when somebody says so, or when what it is for is gone.

None of these needs anybody but the database: ending access must work when all else is down.
"""

from dataclasses import dataclass

from libs.domain.callers import Caller, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import errors, facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.lease import Lease
from services.requests.handlers.decision import ended


@dataclass(frozen=True, slots=True)
class RevokeLease:
    """Somebody ends a lease before its time; an empty `etag` stands for any."""

    person: Person
    lease_id: str
    reason: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Revoker:
    """Ends leases before their time."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    clock: Clock

    async def __call__(self, command: RevokeLease) -> Outcome[Lease]:
        """The lease on its way to its end; as it is if it was on that way already.

        Raises:
            NotFound: LEASE_NOT_FOUND.
            NotAllowed: the person may see it only.
            Conflict: ETAG_MISMATCH.
        """
        found = await self.leases.with_access_request(command.lease_id)
        if found is None or not found[0].visible_to(command.person):
            raise errors.lease_not_found(command.lease_id)
        seen, access_request = found
        seen.check_revocable_by(command.person)
        seen.check_etag(command.etag)
        if seen.is_over:
            return Outcome(seen)
        time = self.clock.now()
        lease = seen.revoke(command.reason, time)
        ending = access_request.lease_ending(command.person, "revoked", command.reason, time)
        return Outcome(
            lease,
            _change(self, command.person, "lease.revoked", seen, lease, access_request, ending),
        )


@dataclass(frozen=True, slots=True)
class Expirer:
    """Ends leases whose time is over."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    clock: Clock

    async def __call__(self, lease_id: str) -> Outcome[None]:
        """Does nothing for a lease whose time is not over."""
        found = await self.leases.with_access_request(lease_id)
        time = self.clock.now()
        if found is None or not found[0].is_overdue(time):
            return Outcome(None)
        seen, access_request = found
        lease = seen.expire(time)
        ending = access_request.lease_ending(REQUESTS, "expired", "", time)
        return Outcome(
            None, _change(self, REQUESTS, "lease.expired", seen, lease, access_request, ending)
        )


@dataclass(frozen=True, slots=True)
class Ender:
    """Ends leases whose person or entitlement is gone."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    clock: Clock

    async def __call__(self, lease_id: str, reason: str) -> Outcome[None]:
        """Does nothing for a lease that is ending or has ended."""
        found = await self.leases.with_access_request(lease_id)
        if found is None or found[0].is_over:
            return Outcome(None)
        seen, access_request = found
        time = self.clock.now()
        lease = seen.revoke(reason, time)
        ending = access_request.lease_ending(REQUESTS, "revoked", reason, time)
        return Outcome(
            None, _change(self, REQUESTS, "lease.revoked", seen, lease, access_request, ending)
        )


def _change(
    handler: Revoker | Expirer | Ender,
    actor: Caller,
    action: str,
    seen: Lease,
    lease: Lease,
    access_request: AccessRequest,
    ending: AccessRequest,
) -> Change:
    happened = [ended(lease)]
    if access_request.is_open:
        # It was on its way into Entra: the wish is over with the lease.
        body = facts.AccessRequestCancelled(ending.access_request_id, actor)
        happened.append(Fact(ending.access_request_id, ending.version, body))
    audit = AuditEntry(
        actor,
        action,
        lease.lease_id,
        lease.end_reason,
        {
            "access_request_id": ending.access_request_id,
            "access_request_state": ending.state.value,
            "state": lease.state.value,
        },
    )
    writes = (
        handler.leases.changed(lease, seen=seen.version),
        *handler.access_requests.changed(ending, seen=access_request),
    )
    return Change(audit, writes, tuple(happened))
