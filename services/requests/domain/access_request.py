"""Somebody's wish for one entitlement, and its way to a decision and into Entra.

    EVALUATING ─► APPROVED ─► FULFILLED
        │  │         │  ▲ └──► FAILED
        │  │         │  └──────── ┘   (retry)
        │  ▼         ▼
        │ DENIED   CANCELLED
        └─────────────▲

Each step is a function of the aggregate that returns the next one, or refuses. Its version grows
by one with each.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from libs.domain.callers import ADMIN, AUDITOR, Caller, Person, Service
from libs.domain.errors import Conflict
from services.requests.domain import errors, timeline
from services.requests.domain.delivery import Delivery
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Plan
from services.requests.domain.resolution import Resolution
from services.requests.domain.timeline import Entry, Happening

REQUESTS = Service("requests")
POLICY = Service("policy")
CONNECTOR = Service("connector")


class AccessRequestState(StrEnum):
    """Where an access request stands."""

    EVALUATING = "EVALUATING"
    APPROVED = "APPROVED"
    FULFILLED = "FULFILLED"
    FAILED = "FAILED"
    DENIED = "DENIED"
    CANCELLED = "CANCELLED"


_State = AccessRequestState
OPEN = frozenset({_State.EVALUATING, _State.APPROVED})
FINAL = frozenset({_State.FULFILLED, _State.DENIED, _State.CANCELLED})
_NEXT = {
    _State.EVALUATING: {_State.APPROVED, _State.DENIED, _State.CANCELLED},
    _State.APPROVED: {_State.FULFILLED, _State.FAILED, _State.CANCELLED},
    _State.FAILED: {_State.APPROVED},
}


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """An access request. `requested_duration` none means without an end."""

    access_request_id: str
    version: int
    state: AccessRequestState
    entitlement_id: str
    entitlement_display_name: str
    app_id: str
    app_display_name: str
    requester: PersonRef
    subject: PersonRef
    justification: str
    requested_duration: timedelta | None
    plan: Plan | None
    lease_id: str
    failure_reason: str
    failure_message: str
    create_time: datetime
    update_time: datetime
    timeline: tuple[Entry, ...]

    @classmethod
    def create(
        cls,
        access_request_id: str,
        *,
        requester: Person,
        resolution: Resolution,
        justification: str,
        requested_duration: timedelta | None,
        time: datetime,
    ) -> "AccessRequest":
        """A wish of the requester for themselves.

        Raises:
            Invalid: DURATION_TOO_LONG.
        """
        duration = resolution.duration(requested_duration)
        return cls(
            access_request_id=access_request_id,
            version=1,
            state=_State.EVALUATING,
            entitlement_id=resolution.entitlement_id,
            entitlement_display_name=resolution.entitlement_display_name,
            app_id=resolution.app_id,
            app_display_name=resolution.app_display_name,
            requester=PersonRef.of(requester, resolution.requester.display_name),
            subject=PersonRef.of(requester, resolution.subject.display_name),
            justification=justification,
            requested_duration=duration,
            plan=None,
            lease_id="",
            failure_reason="",
            failure_message="",
            create_time=time,
            update_time=time,
            timeline=(Entry(time, requester, timeline.Created(justification)),),
        )

    @property
    def is_open(self) -> bool:
        """Whether it is undecided, or on its way into Entra: a person has one of these at most."""
        return self.state in OPEN

    @property
    def is_final(self) -> bool:
        """Whether its state will never change again."""
        return self.state in FINAL

    def visible_to(self, person: Person) -> bool:
        """Whether the person may know that it exists."""
        mine = person.user_id in (self.requester.user_id, self.subject.user_id)
        return mine or person.may(ADMIN, AUDITOR)

    def check_changeable_by(self, person: Person) -> None:
        """Does nothing for its requester and for administrators.

        Raises:
            NotAllowed: anybody else who may see it.
        """
        if person.user_id != self.requester.user_id and not person.may(ADMIN):
            raise errors.not_theirs_to_change(person, "its requester and administrators")

    def check_etag(self, etag: str) -> None:
        """Does nothing for no etag or the present one.

        Raises:
            Conflict: ETAG_MISMATCH.
        """
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.access_request_id)

    def not_decided(self, problem: str, time: datetime) -> "AccessRequest":
        """Policy gave no answer. The same problem is noted once, not with each try."""
        self._check_is(_State.EVALUATING, "evaluated")
        last = self.timeline[-1].what
        if isinstance(last, timeline.PolicyUnavailable) and last.problem == problem:
            return self
        return self._with(time, _entry(time, REQUESTS, timeline.PolicyUnavailable(problem)))

    def approve(
        self, plan: Plan, lease_id: str, duration: timedelta | None, time: datetime
    ) -> "AccessRequest":
        """Policy said yes, for `duration`."""
        return self._to(_State.APPROVED, "approved")._with(
            time,
            _entry(time, POLICY, _evaluated(plan)),
            _entry(time, POLICY, timeline.Approved(plan.by)),
            _entry(time, REQUESTS, timeline.LeaseGranted(lease_id)),
            plan=plan,
            lease_id=lease_id,
            requested_duration=duration,
        )

    def deny(self, plan: Plan, message: str, time: datetime) -> "AccessRequest":
        """Policy said no."""
        return self._to(_State.DENIED, "denied")._with(
            time,
            _entry(time, POLICY, _evaluated(plan)),
            _entry(time, POLICY, timeline.Denied(message)),
            plan=plan,
        )

    def refuse(self, message: str, time: datetime) -> "AccessRequest":
        """It may no longer be asked for, so policy was not even asked."""
        return self._to(_State.DENIED, "denied")._with(
            time, _entry(time, REQUESTS, timeline.Denied(message))
        )

    def cancel(self, actor: Caller, reason: str, time: datetime) -> "AccessRequest":
        """It is withdrawn before it is decided.

        Raises:
            WrongState: ACCESS_REQUEST_STATE.
        """
        self._check_is(_State.EVALUATING, "cancelled")
        return self._to(_State.CANCELLED, "cancelled")._with(
            time, _entry(time, actor, timeline.Cancelled(reason))
        )

    def fulfil(
        self, delivery: Delivery, end_time: datetime | None, time: datetime
    ) -> "AccessRequest":
        """Entra has it."""
        return self._to(_State.FULFILLED, "fulfilled")._with(
            time,
            *_answers(delivery, time),
            _entry(time, REQUESTS, timeline.Fulfilled(end_time)),
            failure_reason="",
            failure_message="",
        )

    def fail(self, delivery: Delivery, time: datetime) -> "AccessRequest":
        """Entra can't be made to have it."""
        reason, message = delivery.failure_reason, delivery.failure_message
        return self._to(_State.FAILED, "failed")._with(
            time,
            _entry(time, CONNECTOR, timeline.DeliveryFailed(reason, message)),
            failure_reason=reason,
            failure_message=message,
        )

    def retry(self, actor: Caller, time: datetime) -> "AccessRequest":
        """Its delivery begins once more; the approval stands.

        Raises:
            WrongState: ACCESS_REQUEST_STATE.
        """
        self._check_is(_State.FAILED, "retried")
        return self._to(_State.APPROVED, "retried")._with(
            time,
            _entry(time, actor, timeline.Retried()),
            _entry(time, REQUESTS, timeline.LeaseGranted(self.lease_id)),
            failure_reason="",
            failure_message="",
        )

    def lease_ending(
        self, actor: Caller, cause: str, reason: str, time: datetime
    ) -> "AccessRequest":
        """Its lease begins to end. One that was never delivered takes the wish with it."""
        ending = _entry(time, actor, timeline.LeaseEnding(cause, reason))
        if self.state is not _State.APPROVED:
            return self._with(time, ending)
        return self._to(_State.CANCELLED, "cancelled")._with(
            time, ending, _entry(time, actor, timeline.Cancelled(reason))
        )

    def lease_ended(self, time: datetime) -> "AccessRequest":
        """Its access is out of Entra."""
        return self._with(time, _entry(time, CONNECTOR, timeline.LeaseEnded()))

    def _check_is(self, state: AccessRequestState, verb: str) -> None:
        if self.state is not state:
            raise errors.access_request_state(self.access_request_id, self.state, verb)

    def _to(self, state: AccessRequestState, verb: str) -> "AccessRequest":
        if state not in _NEXT.get(self.state, ()):
            raise errors.access_request_state(self.access_request_id, self.state, verb)
        return replace(self, state=state)

    def _with(self, time: datetime, *entries: Entry, **changes: Any) -> "AccessRequest":
        return replace(
            self,
            version=self.version + 1,
            update_time=time,
            timeline=(*self.timeline, *entries),
            **changes,
        )


def _entry(time: datetime, actor: Caller, what: Happening) -> Entry:
    return Entry(time, actor, what)


def _evaluated(plan: Plan) -> timeline.Evaluated:
    return timeline.Evaluated(plan.policy_id, plan.policy_version, plan.rule)


def _answers(delivery: Delivery, time: datetime) -> list[Entry]:
    """Entra's answers at their own times."""
    return [
        Entry(
            found.answer_time or time,
            CONNECTOR,
            timeline.TargetDelivered(found.target, found.answer, found.preexisting),
        )
        for found in delivery.targets
    ]
