"""Having an access request begin anew, with the policy as it is now."""

from dataclasses import dataclass

from libs.domain.callers import Person
from libs.domain.changes import Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import deciding, decision_facts
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.advance import Advancer
from services.requests.handlers.decision import audit_of
from services.requests.handlers.seat import Seats


@dataclass(frozen=True, slots=True)
class RestartAccessRequest:
    """Somebody has an access request begin anew; an empty `etag` stands for any."""

    person: Person
    access_request_id: str
    reason: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Restarter:
    """Has undecided access requests begin anew."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    seats: Seats
    advancer: Advancer
    clock: Clock

    async def __call__(self, command: RestartAccessRequest) -> Outcome[AccessRequest]:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            NotAllowed: the person may see it only.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE.
            LatchkeyError: what the catalog refuses it for.
        """
        person, time = command.person, self.clock.now()
        seen = await self.seats.see(person, command.access_request_id)
        seen.check_changeable_by(person)
        seen.check_etag(command.etag)
        begun = deciding.restarted(seen, person, command.reason, time)
        resolution = await self.advancer.catalog.resolve(
            seen.entitlement_id, seen.requester.user_id, seen.subject.user_id
        )
        duration = resolution.duration(begun.asked_duration, emergency=begun.emergency)
        decision = await self.advancer.evaluate(begun, resolution, duration, time)
        body = decision_facts.AccessRequestRestarted(begun.access_request_id, person)
        audit = audit_of(person, decision, "restarted", command.reason)
        fact = Fact(begun.access_request_id, begun.version, body)
        change = await decision.change(self.access_requests, self.leases, seen, audit, fact)
        return Outcome(decision.access_request, change)
