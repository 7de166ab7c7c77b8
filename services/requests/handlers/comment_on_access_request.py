"""Saying something about an access request."""

from dataclasses import dataclass

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import decision_facts
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.seat import Seats


@dataclass(frozen=True, slots=True)
class CommentOnAccessRequest:
    """Somebody says something."""

    person: Person
    access_request_id: str
    comment: str


@dataclass(frozen=True, slots=True)
class Commenter:
    """Keeps what people say."""

    access_requests: ports.AccessRequests
    seats: Seats
    clock: Clock

    async def __call__(self, command: CommentOnAccessRequest) -> Outcome[AccessRequest]:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            NotAllowed: an auditor, who only looks.
        """
        person, time = command.person, self.clock.now()
        seen, _ = await self.seats.visible(person, command.access_request_id, time)
        self.seats.check_takes_part(person, seen)
        found = seen.commented(person, command.comment, time)
        body = decision_facts.AccessRequestCommented(found.access_request_id, person)
        audit = AuditEntry(
            person, "access_request.commented", found.access_request_id, command.comment
        )
        return Outcome(
            found,
            Change(
                audit,
                self.access_requests.changed(found, seen=seen),
                (Fact(found.access_request_id, found.version, body),),
            ),
        )
