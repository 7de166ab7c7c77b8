"""Withdrawing an access request."""

from dataclasses import dataclass

from libs.domain.callers import Caller, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.handlers.seat import Seats


@dataclass(frozen=True, slots=True)
class CancelAccessRequest:
    """Somebody withdraws an access request; an empty `etag` stands for any."""

    person: Person
    access_request_id: str
    reason: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Canceller:
    """Withdraws access requests that are not decided."""

    access_requests: ports.AccessRequests
    seats: Seats
    clock: Clock

    async def __call__(self, command: CancelAccessRequest) -> Outcome[AccessRequest]:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            NotAllowed: the person may see it only.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE.
        """
        seen = await self.seats.see(command.person, command.access_request_id)
        seen.check_changeable_by(command.person)
        seen.check_etag(command.etag)
        found = seen.cancel(command.person, command.reason, self.clock.now())
        return Outcome(
            found, _change(self.access_requests, command.person, command.reason, seen, found)
        )


@dataclass(frozen=True, slots=True)
class Withdrawer:
    """Withdraws access requests whose person or entitlement is gone."""

    access_requests: ports.AccessRequests
    clock: Clock

    async def __call__(self, access_request_id: str, reason: str) -> Outcome[None]:
        """Does nothing for one that is decided: its lease is what there is to end."""
        seen = await self.access_requests.get(access_request_id)
        if seen is None or not seen.is_undecided:
            return Outcome(None)
        found = seen.cancel(REQUESTS, reason, self.clock.now())
        return Outcome(None, _change(self.access_requests, REQUESTS, reason, seen, found))


def _change(
    access_requests: ports.AccessRequests,
    actor: Caller,
    reason: str,
    seen: AccessRequest,
    found: AccessRequest,
) -> Change:
    body = facts.AccessRequestCancelled(found.access_request_id, actor)
    return Change(
        AuditEntry(
            actor,
            "access_request.cancelled",
            found.access_request_id,
            reason,
            {"state": found.state.value},
        ),
        access_requests.changed(found, seen=seen),
        (Fact(found.access_request_id, found.version, body),),
    )
