"""Closing the review that emergency access leaves behind."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome, Refused
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import decision_facts, errors
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.states import EmergencyReview
from services.requests.handlers.advance import reviewers_of
from services.requests.handlers.seat import Seats, self_decision


@dataclass(frozen=True, slots=True)
class ReviewEmergencyAccess:
    """Somebody says whether it was an emergency."""

    person: Person
    access_request_id: str
    etag: str
    verdict: EmergencyReview
    comment: str


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Has others than those whose it was look at emergency access."""

    access_requests: ports.AccessRequests
    seats: Seats
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, command: ReviewEmergencyAccess) -> Outcome[AccessRequest] | Refused:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            NotAllowed: they neither administer nor own the app.
            Conflict: ETAG_MISMATCH.
            WrongState: REVIEW_NOT_OPEN.
            Unavailable: the catalog does not answer who owns the app.
        """
        person = command.person
        seen = await self.seats.see(person, command.access_request_id)
        if person.user_id in seen.own_user_ids:
            return self_decision(seen, person, seen.own_user_ids[person.user_id], "reviewed")
        # Who owns the app now, not who did when it was approved.
        if not person.may(ADMIN) and person.user_id not in await reviewers_of(self.catalog, seen):
            raise errors.not_theirs_to_change(person, "the app's owners and administrators")
        seen.check_etag(command.etag)
        found = seen.reviewed(person, command.verdict, command.comment, self.clock.now())
        justified = command.verdict is EmergencyReview.JUSTIFIED
        body = decision_facts.EmergencyAccessReviewed(found.access_request_id, justified, person)
        audit = AuditEntry(
            person,
            "access_request.emergency_reviewed",
            found.access_request_id,
            command.comment,
            {"justified": justified},
        )
        return Outcome(
            found,
            Change(
                audit,
                self.access_requests.changed(found, seen=seen),
                (Fact(found.access_request_id, found.version, body),),
            ),
        )
