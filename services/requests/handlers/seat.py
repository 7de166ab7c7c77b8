"""Whether somebody may decide the step that an access request is at, and in whose place.

Nobody decides for themselves: neither requester nor subject, nor in the place of one of them,
however they came to be among those who may. Who tries is refused, and the audit says so.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.changes import AuditEntry, Change, Refused
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import deciding_errors, errors
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Progress, StepApproval, is_too_late
from services.requests.domain.states import AccessRequestState
from services.requests.domain.steps import Approval
from services.requests.handlers.advance import Advancer, approval_of
from services.requests.handlers.decision import audit_of


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody's right to decide a step, whose approvers were resolved anew to `progress`."""

    seen: AccessRequest
    step: Approval
    progress: Progress
    person: Person
    ref: PersonRef
    on_behalf_of: PersonRef | None = None

    @property
    def place(self) -> str:
        """In whose place they decide, by their id; empty in their own."""
        return self.on_behalf_of.user_id if self.on_behalf_of is not None else ""

    def approval(self, reason: str, time: datetime) -> StepApproval:
        """Their approval."""
        return StepApproval(self.ref, self.on_behalf_of, time, reason)


@dataclass(frozen=True, slots=True)
class Seats:
    """Finds the access request that somebody wants to decide, and their seat."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    delegations: ports.Delegations
    advancer: Advancer
    clock: Clock

    async def see(self, person: Person, access_request_id: str) -> AccessRequest:
        """What they may see.

        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND, also when it is none of theirs: they can't tell.
        """
        found = await self.access_requests.get(access_request_id)
        if found is not None and found.visible_to(person):
            return found
        found, _ = await self.visible(person, access_request_id, self.clock.now())
        return found

    async def visible(
        self, person: Person, access_request_id: str, time: datetime, *, also_own: bool = False
    ) -> tuple[AccessRequest, list[PersonRef]]:
        """What they may see, and in whose places they decide at present.

        `also_own`: also what is the own of somebody in whose place they decide; they have to be
        told that they may not decide that.

        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND, also when it is none of theirs.
        """
        found = await self.access_requests.get(access_request_id)
        if found is None:
            raise errors.access_request_not_found(access_request_id)
        delegators = await self.delegations.delegators_of(person.user_id, time)
        theirs = found.asked_user_ids | (found.own_user_ids.keys() if also_own else set())
        if not found.visible_to(person) and not any(d.user_id in theirs for d in delegators):
            raise errors.access_request_not_found(access_request_id)
        return found, delegators

    @staticmethod
    def check_takes_part(person: Person, seen: AccessRequest) -> None:
        """Does nothing but for an auditor who may see it for that alone.

        Raises:
            NotAllowed: CALLER_NOT_ALLOWED.
        """
        theirs = seen.own_user_ids.keys() | seen.asked_user_ids | set(seen.reviewers)
        if person.may(AUDITOR) and not person.may(ADMIN) and person.user_id not in theirs:
            raise errors.not_theirs_to_change(person, "those who take part in it")

    async def take(
        self,
        person: Person,
        access_request_id: str,
        etag: str,
        verb: str,
        time: datetime,
        *,
        also_without: bool = False,
    ) -> Seat | Refused:
        """The seat of somebody who wants to decide.

        `also_without`: also of a step that nobody could decide when it was last looked at.

        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE, ALREADY_DECIDED.
            Unavailable: the catalog does not answer who may decide.
        """
        seen, delegators = await self.visible(person, access_request_id, time, also_own=True)
        if person.user_id in seen.own_user_ids:
            return self_decision(seen, person, seen.own_user_ids[person.user_id], verb)
        seen.check_etag(etag)
        at = approval_of(seen)
        if at is None or (not also_without and seen.state is not AccessRequestState.PENDING):
            raise errors.access_request_state(access_request_id, seen.state, verb)
        step, progress = at
        if is_too_late(progress, step, time):
            raise deciding_errors.too_late(access_request_id, seen.state, verb)
        fresh, enabled = await self.advancer.resolve(seen, progress, step, person.user_id)
        if fresh.has_decided(person.user_id):
            raise deciding_errors.already_decided(access_request_id)
        ref = PersonRef.of(person, enabled.people[0].display_name if enabled.people else "")
        if person.user_id in fresh.user_ids:
            return Seat(seen, step, fresh, person, ref)
        if enabled.people and not step.no_delegation and person.user_id not in fresh.barred:
            for each in delegators:
                if each.user_id in fresh.user_ids:
                    return Seat(seen, step, fresh, person, ref, each)
        for each in delegators:
            if (role := seen.own_user_ids.get(each.user_id)) is not None:
                return self_decision(seen, person, f"the delegate of {role}", verb)
        return await self._not_an_approver(seen, person, fresh, verb, time)

    def guarded(self, seat: Seat, change: Change, time: datetime) -> Change:
        """The change, as long as who decides in another's place still may when it is committed."""
        if not seat.place:
            return change
        lasting = self.delegations.lasting(seat.place, seat.person.user_id, time)
        return replace(change, writes=(*change.writes, lasting))

    async def _not_an_approver(
        self, seen: AccessRequest, person: Person, fresh: Progress, verb: str, time: datetime
    ) -> Refused:
        """Refuses, and keeps who may decide now when they are others than before."""
        names = [each.display_name for each in fresh.approvers[:5]]
        who = fresh.problem or ", ".join(names) + (" and others" if fresh.approvers[5:] else "")
        if fresh.of_group and not fresh.problem and not seen.shows_groups_to(person):
            who = f"{len(fresh.approvers)} members of a group"
        error = deciding_errors.not_an_approver(seen.access_request_id, who)
        decision = self.advancer.at_step(seen, fresh, time)
        audit = audit_of(
            person, decision, "decision_refused", error.message, verb=verb, error=error.reason
        )
        if decision.access_request is seen:
            return Refused(error, Change(audit, ()))
        return Refused(error, await decision.change(self.access_requests, self.leases, seen, audit))


def self_decision(seen: AccessRequest, person: Person, role: str, verb: str) -> Refused:
    """Refuses somebody who would decide for themselves, and keeps that they tried."""
    error = deciding_errors.self_decision(seen.access_request_id, role)
    audit = AuditEntry(
        person,
        "access_request.self_decision_refused",
        seen.access_request_id,
        error.message,
        {"state": seen.state.value, "verb": verb, "role": role},
    )
    return Refused(error, Change(audit, ()))
