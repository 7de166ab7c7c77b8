"""An operation: one try to make an assignment true in Entra."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.domain import ids

_SHORTEST_PAUSE = timedelta(seconds=0.5)
LONGEST_PAUSE = timedelta(minutes=1)
# Access that Entra does not let us take away is tried again for as long as it takes.
REFUSED_REMOVAL_PAUSE = timedelta(minutes=5)


class OperationKind(StrEnum):
    """What an operation tries."""

    ADD = "ADD"
    REMOVE = "REMOVE"


class OperationState(StrEnum):
    """Where an operation stands."""

    INTENDED = "INTENDED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Operation:
    """One try, of one or more attempts. Version 0 is not stored yet.

    An attempt is noted before Entra is called, and `awaits` its answer from then on: after a crash
    that says that Entra may have been called.
    """

    operation_id: str
    assignment_id: str
    kind: OperationKind
    create_time: datetime
    next_attempt_time: datetime
    state: OperationState = OperationState.INTENDED
    attempt_count: int = 0
    awaits: bool = False
    answer: str = ""
    problem: str = ""
    finish_time: datetime | None = None
    version: int = 0

    @classmethod
    def intended(cls, assignment_id: str, kind: OperationKind, now: datetime) -> "Operation":
        """A new one, to be attempted at once."""
        return cls(ids.new_id("opr"), assignment_id, kind, now, now)

    def attempted(self) -> "Operation":
        """Entra is about to be called."""
        return replace(self, attempt_count=self.attempt_count + 1, awaits=True)

    def succeeded(self, answer: str, now: datetime) -> "Operation":
        """Entra agrees."""
        return replace(
            self,
            state=OperationState.SUCCEEDED,
            awaits=False,
            answer=answer,
            problem="",
            finish_time=now,
        )

    def failed(self, answer: str, problem: str, now: datetime) -> "Operation":
        """Entra refuses for good."""
        return replace(
            self,
            state=OperationState.FAILED,
            awaits=False,
            answer=answer,
            problem=problem,
            finish_time=now,
        )

    def withdrawn(self, now: datetime) -> "Operation":
        """Nobody wants it any more."""
        return self.failed(self.answer, "not wanted any more", now)

    def postponed(
        self, answer: str, problem: str, delay: timedelta | None, now: datetime
    ) -> "Operation":
        """Is tried again after a pause that grows, and that is `delay` at least."""
        growing = min(_SHORTEST_PAUSE * 2 ** min(self.attempt_count - 1, 10), LONGEST_PAUSE)
        pause = max(growing, delay or growing)
        return replace(
            self, awaits=False, answer=answer, problem=problem, next_attempt_time=now + pause
        )
