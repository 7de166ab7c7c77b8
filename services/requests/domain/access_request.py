"""Somebody's wish for one entitlement, and its way to a decision and into Entra.

Each step is a function of the aggregate that returns the next one, or refuses. Its version grows
by one with each. How people decide is in `deciding`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from libs.domain.callers import ADMIN, AUDITOR, Caller, Person, Service
from libs.domain.errors import Conflict
from services.requests.domain import delivery_entries, errors, timeline
from services.requests.domain.delivery import Delivery, TargetAnswer
from services.requests.domain.delivery_entries import CONNECTOR as CONNECTOR
from services.requests.domain.inputs import Inputs
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Plan
from services.requests.domain.progress import Progress, StepApproval
from services.requests.domain.resolution import Resolution
from services.requests.domain.states import FINAL, NEXT, OPEN, UNDECIDED, EmergencyReview
from services.requests.domain.states import AccessRequestState as AccessRequestState
from services.requests.domain.timeline import Entry, TaskCompleted

REQUESTS = Service("requests")
POLICY = Service("policy")
_State = AccessRequestState
# So that an access request always fits into a message.
_MOST_COMMENTS = 200


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """An access request. `requested_duration` none means without an end; `asked_duration` is what
    was asked for, none where the entitlement's limit was.

    `inputs` are what policy was told for the `plan`. `progress` is the step that it is or was at,
    and `approvals` are those of the plan's steps up to it. `reviewers` may review it when it was
    an emergency, beside administrators. `extends_lease_id` is the lease that shall last longer.
    With `takes_over`, what its subject holds of it from outside goes when the lease ends.
    """

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
    asked_duration: timedelta | None
    emergency: bool
    extends_lease_id: str
    takes_over: bool
    plan: Plan | None
    inputs: Inputs | None
    progress: Progress | None
    approvals: tuple[StepApproval, ...]
    lease_id: str
    failure_reason: str
    failure_message: str
    review: EmergencyReview
    reviewers: tuple[str, ...]
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
        emergency: bool = False,
        extends_lease_id: str = "",
        takes_over: bool = False,
        actor: Caller | None = None,
    ) -> "AccessRequest":
        """A wish of the requester, for themselves or for the subject of the resolution; made by
        `actor`, when that is not they.

        `extends_lease_id`: the lease that shall last longer, instead of a new one. `takes_over`:
        what the subject holds of it from outside becomes part of the lease.

        Raises:
            Invalid: DURATION_TOO_LONG.
            WrongState: EMERGENCY_NOT_ENABLED.
        """
        duration = resolution.duration(
            requested_duration,
            emergency=emergency,
            field="duration" if extends_lease_id else "requested_duration",
        )
        entries = [Entry(time, actor or requester, timeline.Created(justification))]
        if emergency:
            policy_id = resolution.policy(emergency=True)
            entries.append(Entry(time, requester, timeline.EmergencyRequested(policy_id)))
        return cls(
            access_request_id=access_request_id,
            version=1,
            state=_State.EVALUATING,
            entitlement_id=resolution.entitlement_id,
            entitlement_display_name=resolution.entitlement_display_name,
            app_id=resolution.app_id,
            app_display_name=resolution.app_display_name,
            requester=PersonRef.of(requester, resolution.requester.display_name),
            subject=resolution.subject_ref,
            justification=justification,
            requested_duration=duration,
            asked_duration=requested_duration,
            emergency=emergency,
            extends_lease_id=extends_lease_id,
            takes_over=takes_over,
            plan=None,
            inputs=None,
            progress=None,
            approvals=(),
            lease_id="",
            failure_reason="",
            failure_message="",
            review=EmergencyReview.UNSPECIFIED,
            reviewers=(),
            create_time=time,
            update_time=time,
            timeline=tuple(entries),
        )

    @property
    def is_undecided(self) -> bool:
        """Whether neither policy nor people have decided it."""
        return self.state in UNDECIDED

    @property
    def is_open(self) -> bool:
        """Whether it is undecided, or on its way into Entra: a person has one of these at most."""
        return self.state in OPEN

    @property
    def is_final(self) -> bool:
        """Whether its state will never change again."""
        return self.state in FINAL

    @property
    def own_user_ids(self) -> dict[str, str]:
        """Those whose own it is, with what they are: they decide nothing of it."""
        return {self.subject.user_id: "the subject", self.requester.user_id: "the requester"}

    @property
    def awaiting(self) -> frozenset[str]:
        """Those in whose inbox it is: who may decide it, or review it."""
        if self.state is _State.PENDING and self.progress is not None:
            return self.progress.user_ids
        return frozenset(self.reviewers if self.review is EmergencyReview.OPEN else ())

    @property
    def is_delegable(self) -> bool:
        """Whether those who may decide the step that it is at may have somebody in their place."""
        if self.state is not _State.PENDING or self.plan is None or self.progress is None:
            return False
        step = self.plan.approval(self.progress.number)
        return step is not None and not step.no_delegation

    @property
    def decides_for_nobody(self) -> frozenset[str]:
        """Those who do not decide the step that it is at, in nobody's place either: whose own it
        is, and who has decided it or may not since they decided an earlier one."""
        if self.state is not _State.PENDING or self.progress is None:
            return frozenset()
        given = (user_id for each in self.progress.approvals for user_id in each.user_ids)
        found = frozenset(given).union(self.progress.barred, self.own_user_ids)
        return found - self.progress.user_ids

    @property
    def due_time(self) -> datetime | None:
        """When the time of its step is over; none while there is no step, or no limit."""
        if self.progress is None or not self.is_undecided:
            return None
        return self.progress.due_time

    @property
    def blocks_emergency(self) -> bool:
        """Whether its subject may not ask in an emergency because of it."""
        open_review = self.review is EmergencyReview.OPEN
        return self.emergency and (self.is_undecided or open_review)

    def visible_to(self, person: Person) -> bool:
        """Whether the person may know that it exists: it is theirs, they are or were asked to
        decide it, or their role is to see all."""
        if person.user_id in self.own_user_ids or person.may(ADMIN, AUDITOR):
            return True
        return person.user_id in self.reviewers or person.user_id in self.asked_user_ids

    def shows_groups_to(self, person: Person) -> bool:
        """Whether they may see who is in a group that decides it: who asks learns only how many."""
        return person.may(ADMIN, AUDITOR) or person.user_id in self.asked_user_ids

    @property
    def asked_user_ids(self) -> frozenset[str]:
        """Everybody who was ever asked to decide it, or did."""
        found = set(self.progress.user_ids) if self.progress is not None else set()
        for entry in self.timeline:
            if isinstance(entry.what, timeline.StepOpened):
                found.update(each.user_id for each in entry.what.approvers)
            elif isinstance(entry.actor, Person) and isinstance(
                entry.what, timeline.StepApproved | timeline.Denied
            ):
                found.add(entry.actor.user_id)
        return frozenset(found)

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

    def check_undecided(self, verb: str) -> None:
        """Does nothing while it is undecided.

        Raises:
            WrongState: ACCESS_REQUEST_STATE.
        """
        if not self.is_undecided:
            raise errors.access_request_state(self.access_request_id, self.state, verb)

    def cancel(self, actor: Caller, reason: str, time: datetime) -> "AccessRequest":
        """It is withdrawn before it is decided.

        Raises:
            WrongState: ACCESS_REQUEST_STATE.
        """
        self.check_undecided("cancelled")
        return self.to(_State.CANCELLED, "cancelled").then(
            time, Entry(time, actor, timeline.Cancelled(reason))
        )

    def commented(self, actor: Caller, comment: str, time: datetime) -> "AccessRequest":
        """Somebody said something.

        Raises:
            WrongState: TOO_MANY_COMMENTS.
        """
        if (
            sum(isinstance(each.what, timeline.Commented) for each in self.timeline)
            >= _MOST_COMMENTS
        ):
            raise errors.too_many_comments(self.access_request_id, _MOST_COMMENTS)
        return self.then(time, Entry(time, actor, timeline.Commented(comment)))

    def reviewed(
        self, actor: Person, verdict: EmergencyReview, comment: str, time: datetime
    ) -> "AccessRequest":
        """Somebody else has looked at what was done in an emergency.

        Raises:
            WrongState: REVIEW_NOT_OPEN.
        """
        if self.review is not EmergencyReview.OPEN:
            raise errors.review_not_open(self.access_request_id)
        justified = verdict is EmergencyReview.JUSTIFIED
        return self.then(
            time,
            Entry(time, actor, timeline.EmergencyReviewed(justified, comment)),
            review=verdict,
        )

    def reviewed_by(self, reviewers: tuple[str, ...], time: datetime) -> "AccessRequest":
        """Others may review it now; the same as before when that is not so."""
        return self if reviewers == self.reviewers else self.then(time, reviewers=reviewers)

    def fulfil(
        self, delivery: Delivery, end_time: datetime | None, time: datetime
    ) -> "AccessRequest":
        """Entra has it."""
        return self.to(_State.FULFILLED, "fulfilled").then(
            time,
            *delivery_entries.delivered(delivery.targets, time),
            Entry(time, REQUESTS, timeline.Fulfilled(end_time)),
            failure_reason="",
            failure_message="",
        )

    def fail(self, delivery: Delivery, time: datetime, task_id: str = "") -> "AccessRequest":
        """Entra can't be made to have it. `task_id`: what somebody has to do by hand for that."""
        reason, message = delivery.failure_reason, delivery.failure_message
        return self.to(_State.FAILED, "failed").then(
            time,
            *delivery_entries.found_so(delivery, time),
            Entry(time, CONNECTOR, timeline.DeliveryFailed(reason, message)),
            *([Entry(time, REQUESTS, timeline.TaskOpened(task_id))] if task_id else []),
            failure_reason=reason,
            failure_message=message,
        )

    def retry(
        self, actor: Caller, time: datetime, after: TaskCompleted | None = None
    ) -> "AccessRequest":
        """Its delivery begins once more; the approval stands. `after`: what was done for that.

        Raises:
            WrongState: ACCESS_REQUEST_STATE.
        """
        self._check_is(_State.FAILED, "retried")
        return self.to(_State.APPROVED, "retried").then(
            time,
            *([] if after is None else [Entry(time, actor, after)]),
            Entry(time, actor, timeline.Retried()),
            Entry(time, REQUESTS, timeline.LeaseGranted(self.lease_id)),
            failure_reason="",
            failure_message="",
        )

    def lease_ending(
        self, actor: Caller, cause: str, reason: str, time: datetime
    ) -> "AccessRequest":
        """Its lease begins to end. One that was never delivered takes the wish with it."""
        ending = Entry(time, actor, timeline.LeaseEnding(cause, reason))
        if self.state is not _State.APPROVED:
            return self.then(time, ending)
        return self.to(_State.CANCELLED, "cancelled").then(
            time, ending, Entry(time, actor, timeline.Cancelled(reason))
        )

    def removed_outside(
        self, found: Sequence[TargetAnswer], restored: bool, time: datetime
    ) -> "AccessRequest":
        """Somebody took these out of Entra by hand."""
        return self.then(time, *delivery_entries.removed_outside(found, restored, time))

    def task_opened(self, task_id: str, time: datetime) -> "AccessRequest":
        """Somebody has to do something by hand."""
        return self.then(time, Entry(time, REQUESTS, timeline.TaskOpened(task_id)))

    def task_completed(self, actor: Caller, done: TaskCompleted, time: datetime) -> "AccessRequest":
        """Somebody did what nobody has to be told of but the connector."""
        return self.then(time, Entry(time, actor, done))

    def lease_ended(self, time: datetime) -> "AccessRequest":
        """Its access is out of Entra."""
        return self.then(time, Entry(time, CONNECTOR, timeline.LeaseEnded()))

    def _check_is(self, state: AccessRequestState, verb: str) -> None:
        if self.state is not state:
            raise errors.access_request_state(self.access_request_id, self.state, verb)

    def to(self, state: AccessRequestState, verb: str) -> "AccessRequest":
        """The same in another state, for `then` to follow.

        Raises:
            WrongState: ACCESS_REQUEST_STATE, there is no such way.
        """
        if state not in NEXT.get(self.state, ()):
            raise errors.access_request_state(self.access_request_id, self.state, verb)
        return replace(self, state=state)

    def then(self, time: datetime, *entries: Entry, **changes: Any) -> "AccessRequest":
        """The next version, after this happened."""
        return replace(
            self,
            version=self.version + 1,
            update_time=time,
            timeline=(*self.timeline, *entries),
            **changes,
        )
