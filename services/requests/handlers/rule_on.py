"""Approving and denying: what people decide."""

from dataclasses import dataclass
from datetime import timedelta

from libs.domain.callers import Person
from libs.domain.changes import Fact, Outcome, Refused
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import deciding, deciding_errors, decision_facts, errors
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.advance import Advancer, step_facts
from services.requests.handlers.decision import Decision, audit_of, denied
from services.requests.handlers.seat import Seats


@dataclass(frozen=True, slots=True)
class ApproveAccessRequest:
    """Somebody says yes, to the duration that was asked for or a shorter one."""

    person: Person
    access_request_id: str
    etag: str
    reason: str = ""
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DenyAccessRequest:
    """Somebody says no."""

    person: Person
    access_request_id: str
    etag: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ruler:
    """Has people decide the step that an access request is at."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    seats: Seats
    advancer: Advancer
    clock: Clock

    async def approve(self, command: ApproveAccessRequest) -> Outcome[AccessRequest] | Refused:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE, ALREADY_DECIDED.
            Invalid: DURATION_TOO_LONG; FIELD_INVALID without a reason that the step wants.
            LatchkeyError: what was asked for can't be had any more.
            Unavailable: the catalog does not answer.
        """
        time = self.clock.now()
        seat = await self.seats.take(
            command.person, command.access_request_id, command.etag, "approved", time
        )
        if isinstance(seat, Refused):
            return seat
        if seat.step.reason_to_approve and not command.reason:
            raise deciding_errors.reason_required("approve")
        duration = _shortened(seat.seen.requested_duration, command.duration)
        given = seat.approval(command.reason, time)
        found = deciding.step_approved(
            seat.seen, seat.progress, command.person, given, duration, time
        )
        assert found.progress is not None
        number, still_needed = found.progress.number, found.progress.still_needed
        body = decision_facts.ApprovalGiven(
            found.access_request_id, number, command.person, seat.place, still_needed
        )
        # Who came to those who may decide is asked now.
        decision = Decision(found, None, step_facts(seat.seen, found))
        if not still_needed:
            decision = await self.advancer.go_on(found, number + 1, time)
        audit = audit_of(
            command.person,
            decision,
            "approved" if decision.is_approval else "step_approved",
            command.reason,
            approved_step=number,
            on_behalf_of_user_id=seat.place,
        )
        fact = Fact(found.access_request_id, found.version, body)
        change = await decision.change(self.access_requests, self.leases, seat.seen, audit, fact)
        return Outcome(decision.access_request, self.seats.guarded(seat, change, time))

    async def deny(self, command: DenyAccessRequest) -> Outcome[AccessRequest] | Refused:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE, ALREADY_DECIDED.
            Invalid: FIELD_INVALID without a reason that the step wants.
            Unavailable: the catalog does not answer.
        """
        time = self.clock.now()
        seat = await self.seats.take(
            command.person, command.access_request_id, command.etag, "denied", time
        )
        if isinstance(seat, Refused):
            return seat
        if seat.step.reason_to_deny and not command.reason:
            raise deciding_errors.reason_required("deny")
        found = deciding.deny(
            seat.seen, command.person, command.reason, time, on_behalf_of=seat.on_behalf_of
        )
        decision = denied(found, command.person)
        audit = audit_of(
            command.person,
            decision,
            "denied",
            command.reason,
            on_behalf_of_user_id=seat.place,
        )
        change = await decision.change(self.access_requests, self.leases, seat.seen, audit)
        return Outcome(found, self.seats.guarded(seat, change, time))


def _shortened(asked: timedelta | None, given: timedelta | None) -> timedelta | None:
    """The duration that an approval shortens to; none when it keeps what was asked for.

    Raises:
        Invalid: DURATION_TOO_LONG.
    """
    if given is None or given == asked:
        return None
    if asked is not None and given > asked:
        raise errors.duration_longer_than_asked(asked)
    return given
