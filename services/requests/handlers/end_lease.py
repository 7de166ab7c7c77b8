"""Ending a lease: when its time is over, when somebody says so, or when what it is for is gone.

None of these needs anybody but the database: ending access must work when all else is down. Only
who has no right of their own to end a lease is looked up in the catalog.
"""

from dataclasses import dataclass
from datetime import timedelta

from libs.domain.callers import ADMIN, HELPDESK, Caller, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import errors, facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.lease import Lease
from services.requests.handlers.answering import answers_for
from services.requests.handlers.decision import ended
from services.requests.handlers.task_changes import closing_delivery

_REVOKERS = "its subject, their manager, the app's owners, the helpdesk and administrators"
_OVER = "The lease has ended."
_LEASE_OVER = "The lease that was to last longer has ended."


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
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, command: RevokeLease) -> Outcome[Lease]:
        """The lease on its way to its end; as it is if it was on that way already.

        Raises:
            NotFound: LEASE_NOT_FOUND.
            NotAllowed: the person may see it only.
            Conflict: ETAG_MISMATCH.
            Unavailable: the catalog does not say whether they answer for it.
        """
        found = await self.leases.with_access_request(command.lease_id)
        if found is None:
            raise errors.lease_not_found(command.lease_id)
        seen, access_request = found
        await self._check_may(command.person, seen)
        seen.check_etag(command.etag)
        if seen.is_over:
            return Outcome(seen)
        time = self.clock.now()
        lease = seen.revoke(command.reason, time)
        ending = access_request.lease_ending(command.person, "revoked", command.reason, time)
        return Outcome(
            lease,
            await ending_change(
                self.access_requests,
                self.leases,
                command.person,
                "lease.revoked",
                (seen, lease),
                (access_request, ending),
            ),
        )

    async def _check_may(self, person: Person, lease: Lease) -> None:
        if person.user_id == lease.subject.user_id or person.may(ADMIN, HELPDESK):
            return
        if await answers_for(self.catalog, person, lease):
            return
        if not lease.visible_to(person):
            raise errors.lease_not_found(lease.lease_id)
        raise errors.not_theirs_to_change(person, _REVOKERS)


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
            None,
            await ending_change(
                self.access_requests,
                self.leases,
                REQUESTS,
                "lease.expired",
                (seen, lease),
                (access_request, ending),
                overdue=seen.overdue_by(time),
            ),
        )


@dataclass(frozen=True, slots=True)
class Ender:
    """Ends leases that nobody asks the service by its lease to end: whose person or entitlement is
    gone, and what an access review revokes."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    clock: Clock

    async def __call__(self, lease_id: str, reason: str, actor: Caller = REQUESTS) -> Outcome[None]:
        """Does nothing for a lease that is ending or has ended."""
        found = await self.leases.with_access_request(lease_id)
        if found is None or found[0].is_over:
            return Outcome(None)
        seen, access_request = found
        time = self.clock.now()
        lease = seen.revoke(reason, time)
        ending = access_request.lease_ending(actor, "revoked", reason, time)
        return Outcome(
            None,
            await ending_change(
                self.access_requests,
                self.leases,
                actor,
                "lease.revoked",
                (seen, lease),
                (access_request, ending),
            ),
        )


async def ending_change(
    access_requests: ports.AccessRequests,
    leases: ports.Leases,
    actor: Caller,
    action: str,
    of_lease: tuple[Lease, Lease],
    of_access_request: tuple[AccessRequest, AccessRequest],
    *,
    overdue: timedelta | None = None,
    before: tuple[Fact, ...] = (),
) -> Change:
    """A lease begins to end: each pair is what was loaded, and what comes of it. `before`: facts
    that came first."""
    seen, lease = of_lease
    access_request, ending = of_access_request
    happened = [*before, ended(lease, overdue)]
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
            **({} if overdue is None else {"overdue_seconds": overdue.total_seconds()}),
        },
    )
    writes = [
        leases.changed(lease, seen=seen.version),
        *access_requests.changed(ending, seen=access_request),
    ]
    task = await closing_delivery(leases, seen, _OVER, lease.update_time)
    writes.extend(task.writes)
    happened.extend(task.facts)
    also = task.also
    if (longer := await _extension(access_requests, lease)) is not None:
        # There is nothing left to extend.
        withdrawn = longer.cancel(REQUESTS, _LEASE_OVER, lease.update_time)
        writes.extend(access_requests.changed(withdrawn, seen=longer))
        cancelled = facts.AccessRequestCancelled(withdrawn.access_request_id, REQUESTS)
        happened.append(Fact(withdrawn.access_request_id, withdrawn.version, cancelled))
        also = (
            *also,
            AuditEntry(
                REQUESTS,
                "access_request.cancelled",
                withdrawn.access_request_id,
                _LEASE_OVER,
                {"state": withdrawn.state.value},
            ),
        )
    return Change(audit, tuple(writes), tuple(happened), also)


async def _extension(access_requests: ports.AccessRequests, lease: Lease) -> AccessRequest | None:
    """The open access request by which a lease shall last longer."""
    open_id, _ = await access_requests.occupants(lease.subject.user_id, lease.entitlement_id)
    found = await access_requests.get(open_id) if open_id else None
    if found is None or found.extends_lease_id != lease.lease_id or not found.is_undecided:
        return None
    return found
