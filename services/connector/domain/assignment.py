"""An assignment: the membership or app role assignment that leases need in Entra.

It is shared by the leases that hold it, and it is in Entra while there is one. What Entra holds
is known for certain only after its own answer, so two things are kept beside the state: `tries`,
how many of our attempts to add may have had an effect since Entra was last known to be without
our doing, and `in_mirror`, whether the catalog saw it in Entra before the first of them.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain import ids
from services.connector.domain.operation import Lane, Operation, OperationKind
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import (
    Already,
    Done,
    Exchange,
    Refused,
    Remedy,
    Retriable,
    Verdict,
)


class AssignmentState(StrEnum):
    """Where an assignment stands."""

    ADDING = "ADDING"
    PRESENT = "PRESENT"
    FAILED = "FAILED"
    REMOVING = "REMOVING"
    ABSENT = "ABSENT"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person, one directory entitlement. Version 0 is not stored yet.

    `operation` is the one under way; `finished` are those that ended since it was loaded. Of the
    leases that hold it, those granted in an emergency are also in `emergency_lease_ids`.
    `add_time` is when an attempt to add it last was under way, `remove_time` when it was removed.
    """

    assignment_id: str
    principal: Principal
    target: Target
    create_time: datetime
    update_time: datetime
    state: AssignmentState = AssignmentState.ABSENT
    preexisting: bool = False
    in_mirror: bool = False
    tries: int = 0
    entra_assignment_id: str = ""
    answer: str = ""
    answer_time: datetime | None = None
    failure_reason: str = ""
    failure_message: str = ""
    remedy: Remedy | None = None
    add_time: datetime | None = None
    remove_time: datetime | None = None
    lease_ids: frozenset[str] = frozenset()
    emergency_lease_ids: frozenset[str] = frozenset()
    operation: Operation | None = None
    finished: tuple[Operation, ...] = ()
    version: int = 0

    @classmethod
    def new(cls, principal: Principal, target: Target, now: datetime) -> "Assignment":
        """One that no lease has needed before."""
        return cls(ids.new_id("asn"), principal, target, now, now)

    def stored(self) -> "Assignment":
        """As it is once this is committed."""
        operation = None if self.operation is None else self.operation.stored()
        return replace(self, version=self.version + 1, finished=(), operation=operation)

    def held_by(
        self,
        lease_id: str,
        *,
        in_mirror: bool,
        now: datetime,
        emergency: bool = False,
        vanished: bool = False,
    ) -> "Assignment":
        """A lease needs it.

        `in_mirror`: the catalog saw it in Entra, and not by our doing. `vanished`: the catalog saw
        that it is not there, long after it was added: somebody took it away.
        """
        held = replace(
            self,
            lease_ids=self.lease_ids | {lease_id},
            emergency_lease_ids=self.emergency_lease_ids | ({lease_id} if emergency else set()),
            update_time=now,
        )
        if self.state is AssignmentState.ABSENT:
            return replace(held, in_mirror=in_mirror, preexisting=False)._adding(now)
        if self.state is AssignmentState.FAILED:
            # Nothing that the catalog sees can be ours while none of our attempts had an effect.
            seen = in_mirror if self.tries == 0 else self.in_mirror
            return replace(held, in_mirror=seen)._adding(now)
        if self.state is AssignmentState.REMOVING:
            if held._awaits():
                # What comes next is decided when Entra has answered.
                return replace(held, state=AssignmentState.ADDING)._in_lane(held._lane())
            return held._adding(now)
        if self.state is AssignmentState.PRESENT and vanished:
            if self.preexisting:
                # Nothing of it is our doing: as if it had never been there.
                held = replace(held, preexisting=False, in_mirror=False, tries=0)
            return held._adding(now)
        if held.operation is not None and held.operation.kind is OperationKind.ADD:
            return replace(held, operation=held.operation.in_lane(held._lane()))
        return held

    def released_by(self, lease_id: str, now: datetime) -> "Assignment":
        """A lease needs it no more; the last one to go has it removed."""
        released = replace(
            self,
            lease_ids=self.lease_ids - {lease_id},
            emergency_lease_ids=self.emergency_lease_ids - {lease_id},
            update_time=now,
        )
        if released.lease_ids or self.state in (AssignmentState.ABSENT, AssignmentState.REMOVING):
            return released
        if released._awaits():
            # What comes of it is removed, and that is not to wait for what is given.
            return replace(released, state=AssignmentState.REMOVING)._in_lane(Lane.REVOKE)
        return released._leaving(now)

    @property
    def change_time(self) -> datetime | None:
        """When what Entra holds last changed by our doing; none when it never did."""
        return self.add_time if self.tries else self.remove_time

    def hurried(self, operation_id: str, now: datetime) -> "Assignment":
        """The operation is attempted at once if it waits; as it is otherwise."""
        operation = self.operation
        if operation is None or operation.operation_id != operation_id:
            return self
        hurried = operation.hurried(now)
        if hurried is operation:
            return self
        return replace(self, operation=hurried, update_time=now)

    def attempted(self, client_request_id: str, now: datetime) -> "Assignment":
        """Entra is about to be called for `operation`; no other call is under way.

        An operation that nobody wants any more gives way to its opposite. Without an operation
        in the result there is nothing to call for.
        """
        current = self
        if current.operation is None:
            return current
        if (current.operation.kind is OperationKind.ADD) != bool(current.lease_ids):
            current = current._adding(now) if current.lease_ids else current._leaving(now)
        if current.operation is None:
            return current
        is_add = current.operation.kind is OperationKind.ADD
        return replace(
            current,
            operation=current.operation.attempted(client_request_id, now),
            tries=current.tries + is_add,
            add_time=now if is_add else current.add_time,
            update_time=now,
        )

    def settled(
        self, operation_id: str, number: int, verdict: Verdict, now: datetime
    ) -> "Assignment":
        """The attempt of the operation with this number has come to an end.

        Nothing changes if that is known already, or if it is of an attempt of the past.
        """
        operation = self.operation
        if operation is None or operation.operation_id != operation_id:
            return self
        if not operation.awaits or operation.attempt_count != number:
            return self
        answered = replace(self, answer=verdict.answer, answer_time=now, update_time=now)
        if operation.kind is OperationKind.ADD:
            return replace(answered, add_time=now)._add_settled(operation, verdict, now)
        return answered._removal_settled(operation, verdict, now)

    def _add_settled(self, operation: Operation, verdict: Verdict, now: datetime) -> "Assignment":
        if isinstance(verdict, Retriable):
            tries = self.tries - verdict.certain
            gave_up = operation.is_past(verdict.patience, now)
            if verdict.otherwise is not None and gave_up:
                return replace(self, tries=tries)._refused(
                    operation, verdict.otherwise, verdict.exchange, now
                )
            waiting = replace(self, tries=tries, operation=operation.postponed(verdict, now))
            return waiting if self.lease_ids else waiting._leaving(now)
        if isinstance(verdict, Refused):
            without = replace(self, tries=self.tries - 1)
            return without._refused(operation, verdict, verdict.exchange, now)
        # Only an answer to our first attempt says that it was there before us: a later one may
        # speak of what an earlier attempt did. Then what the catalog saw decides.
        preexisting = isinstance(verdict, Already) and (self.tries == 1 or self.in_mirror)
        present = replace(
            self._finishing(operation.succeeded(verdict, now)),
            state=AssignmentState.PRESENT,
            preexisting=preexisting,
            in_mirror=False,
            entra_assignment_id=verdict.entra_assignment_id,
            failure_reason="",
            failure_message="",
            remedy=None,
        )
        return present if self.lease_ids else present._leaving(now)

    def _refused(
        self, operation: Operation, refusal: Refused, exchange: Exchange, now: datetime
    ) -> "Assignment":
        failed = replace(
            self._finishing(operation.failed(refusal, exchange, now)),
            state=AssignmentState.FAILED,
            failure_reason=refusal.reason,
            failure_message=refusal.message,
            remedy=refusal.remedy,
        )
        return failed if self.lease_ids else failed._leaving(now)

    def _removal_settled(
        self, operation: Operation, verdict: Verdict, now: datetime
    ) -> "Assignment":
        if isinstance(verdict, Done) or (
            isinstance(verdict, Already) and operation.believes(verdict, self.add_time, now)
        ):
            absent = replace(
                self._finishing(operation.succeeded(verdict, now)),
                state=AssignmentState.ABSENT,
                tries=0,
                in_mirror=False,
                entra_assignment_id="",
                remove_time=now,
            )
            return absent._adding(now) if self.lease_ids else absent
        waiting = replace(self, operation=operation.postponed(verdict, now))
        return waiting._adding(now) if self.lease_ids else waiting

    def mended(self, now: datetime) -> "Assignment":
        """With an operation under way where the state asks for one; as it is otherwise."""
        if self.operation is not None:
            return self
        if self.state is AssignmentState.ADDING:
            return replace(self, update_time=now)._adding(now)
        if self.state is AssignmentState.REMOVING:
            return replace(self, update_time=now)._leaving(now)
        return self

    def _awaits(self) -> bool:
        """Whether Entra may be working on the operation at this moment, or have done it."""
        return self.operation is not None and self.operation.awaits

    def _in_lane(self, lane: Lane) -> "Assignment":
        return (
            self
            if self.operation is None
            else replace(self, operation=self.operation.in_lane(lane))
        )

    def _lane(self) -> Lane:
        """In which lane it is added."""
        return Lane.EMERGENCY if self.emergency_lease_ids else Lane.GRANT

    def _adding(self, now: datetime) -> "Assignment":
        intended = Operation.intended(self.assignment_id, OperationKind.ADD, self._lane(), now)
        return replace(
            self._withdrawing(now),
            state=AssignmentState.ADDING,
            operation=intended,
            failure_reason="",
            failure_message="",
            remedy=None,
        )

    def _leaving(self, now: datetime) -> "Assignment":
        """Nobody holds it: out of Entra with it, unless it was there before or never came."""
        idle = self._withdrawing(now)
        in_doubt = self.state is not AssignmentState.PRESENT and self.in_mirror and self.tries > 0
        if self.preexisting or in_doubt or self.tries == 0:
            return replace(
                idle,
                state=AssignmentState.ABSENT,
                preexisting=self.preexisting or in_doubt,
                in_mirror=False,
                tries=0,
                failure_reason="",
                failure_message="",
                remedy=None,
            )
        intended = Operation.intended(self.assignment_id, OperationKind.REMOVE, Lane.REVOKE, now)
        return replace(
            idle,
            state=AssignmentState.REMOVING,
            operation=intended,
            failure_reason="",
            failure_message="",
            remedy=None,
        )

    def _withdrawing(self, now: datetime) -> "Assignment":
        return self if self.operation is None else self._finishing(self.operation.withdrawn(now))

    def _finishing(self, operation: Operation) -> "Assignment":
        """An operation never stored needs no end either."""
        stored = operation.version > 0
        return replace(
            self, operation=None, finished=(*self.finished, operation) if stored else self.finished
        )
