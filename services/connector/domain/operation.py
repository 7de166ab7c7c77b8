"""An operation: one try to make an assignment true in Entra."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.domain import ids
from services.connector.domain.attempt import AttemptBegun, AttemptEnded, AttemptOutcome
from services.connector.domain.verdict import (
    Already,
    Done,
    Exchange,
    Refused,
    Remedy,
    Retriable,
)

_SHORTEST_PAUSE = timedelta(seconds=0.5)
LONGEST_PAUSE = timedelta(minutes=1)
# Access that Entra does not let us take away is tried again for as long as it takes.
REFUSED_REMOVAL_PAUSE = timedelta(minutes=5)
# A replica that has not heard of an addition says "not there" of what is there: it is believed when
# it is said again and again, or access would stay that nobody holds.
_LOOKS = 3
_LOOK_PAUSE = timedelta(seconds=2)


class OperationKind(StrEnum):
    """What an operation tries."""

    ADD = "ADD"
    REMOVE = "REMOVE"


class OperationState(StrEnum):
    """Where an operation stands."""

    INTENDED = "INTENDED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Lane(StrEnum):
    """Which operations go to Entra first when its limits make them wait: in this order."""

    REVOKE = "REVOKE"
    EMERGENCY = "EMERGENCY"
    GRANT = "GRANT"


@dataclass(frozen=True, slots=True)
class Operation:
    """One try, of one or more attempts. Version 0 is not stored yet.

    An attempt is noted before Entra is called, and `awaits` its answer from then on: after a crash
    that says that Entra may have been called. `begun` and `ended` are the attempts that began and
    ended since the operation was loaded.
    """

    operation_id: str
    assignment_id: str
    kind: OperationKind
    create_time: datetime
    next_attempt_time: datetime
    lane: Lane = Lane.GRANT
    state: OperationState = OperationState.INTENDED
    attempt_count: int = 0
    awaits: bool = False
    answer: str = ""
    problem: str = ""
    remedy: Remedy | None = None
    finish_time: datetime | None = None
    begun: tuple[AttemptBegun, ...] = ()
    ended: tuple[AttemptEnded, ...] = ()
    version: int = 0

    @classmethod
    def intended(
        cls, assignment_id: str, kind: OperationKind, lane: Lane, now: datetime
    ) -> "Operation":
        """A new one, to be attempted at once."""
        return cls(ids.new_id("opr"), assignment_id, kind, now, now, lane)

    def stored(self) -> "Operation":
        """As it is once this is committed."""
        return replace(self, version=self.version + 1, begun=(), ended=())

    def in_lane(self, lane: Lane) -> "Operation":
        """Goes to Entra in another lane."""
        return replace(self, lane=lane)

    def hurried(self, now: datetime) -> "Operation":
        """Does not wait for its next attempt any longer."""
        if self.awaits or self.next_attempt_time <= now:
            return self
        return replace(self, next_attempt_time=now)

    def attempted(self, client_request_id: str, now: datetime) -> "Operation":
        """Entra is about to be called, with this id."""
        number = self.attempt_count + 1
        return replace(
            self._cut_off(),
            attempt_count=number,
            awaits=True,
            begun=(*self.begun, AttemptBegun(number, now, client_request_id)),
        )

    def is_past(self, patience: timedelta, now: datetime) -> bool:
        """Whether Entra was asked again and again for as long as that.

        The age alone does not say so: an operation may have waited long for its first attempt.
        """
        asked_for = sum(
            (_growing(number) for number in range(1, self.attempt_count)), start=timedelta(0)
        )
        return now - self.create_time >= patience and asked_for >= patience / 6

    def believes(self, gone: Already, added: datetime | None, now: datetime) -> bool:
        """Whether a removal takes the word of Entra that there is nothing to remove.

        `added` is when an attempt of ours last may have put it there.
        """
        said_often = self.attempt_count >= _LOOKS
        said_long = now - self.create_time >= (_LOOKS - 1) * _LOOK_PAUSE
        known = added is None or now - added >= gone.patience
        return said_often and said_long and known

    def succeeded(self, verdict: Done | Already, now: datetime) -> "Operation":
        """Entra agrees."""
        done = isinstance(verdict, Done)
        outcome = AttemptOutcome.DONE if done else AttemptOutcome.ALREADY
        return replace(
            self._answered(outcome, verdict.exchange, now),
            state=OperationState.SUCCEEDED,
            answer=verdict.answer,
            problem="",
            remedy=None,
            finish_time=now,
        )

    def failed(self, refusal: Refused, exchange: Exchange, now: datetime) -> "Operation":
        """Entra refuses for good."""
        return replace(
            self._answered(AttemptOutcome.REFUSED, exchange, now),
            state=OperationState.FAILED,
            answer=refusal.answer,
            problem=refusal.message,
            remedy=refusal.remedy,
            finish_time=now,
        )

    def withdrawn(self, now: datetime) -> "Operation":
        """Nobody wants it any more."""
        return replace(
            self._cut_off(),
            state=OperationState.FAILED,
            awaits=False,
            problem="not wanted any more",
            finish_time=now,
        )

    def postponed(self, verdict: Already | Refused | Retriable, now: datetime) -> "Operation":
        """Is tried again after a pause that grows, and that is at least what was asked for.

        Only of a removal a refusal postpones, and "already gone" that is not believed yet.
        """
        growing = _growing(self.attempt_count)
        outcome, asked, remedy = AttemptOutcome.NOT_DONE, growing, None
        if isinstance(verdict, Already):
            problem, asked = "it is not to be seen yet", _LOOK_PAUSE
        elif isinstance(verdict, Refused):
            outcome, problem = AttemptOutcome.REFUSED, verdict.message
            asked, remedy = REFUSED_REMOVAL_PAUSE, verdict.remedy
        else:
            problem, asked = verdict.problem, verdict.delay or growing
            if not verdict.certain:
                outcome = AttemptOutcome.UNKNOWN
        return replace(
            self._answered(outcome, verdict.exchange, now),
            answer=verdict.answer,
            problem=problem,
            remedy=remedy,
            next_attempt_time=now + max(growing, asked),
        )

    def _answered(self, outcome: AttemptOutcome, exchange: Exchange, now: datetime) -> "Operation":
        end = AttemptEnded(self.attempt_count, outcome, exchange, now)
        return replace(self, awaits=False, ended=(*self.ended, end))

    def _cut_off(self) -> "Operation":
        """With an end to the attempt whose answer nobody kept, if there is one."""
        if not self.awaits:
            return self
        return replace(self, ended=(*self.ended, AttemptEnded.cut_off(self.attempt_count)))


def _growing(number: int) -> timedelta:
    """The pause after the attempt with this number."""
    return min(_SHORTEST_PAUSE * (1 << min(number - 1, 10)), LONGEST_PAUSE)
