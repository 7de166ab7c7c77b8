"""An assignment: the membership or app role assignment that leases need in Entra.

It is shared by the leases that hold it, and it is in Entra while there is one. What Entra holds
is known for certain only after its own answer, so two things are kept beside the state: `tries`,
how many of our attempts to add may have had an effect since Entra was last known to be without
our doing, and `in_mirror`, whether the catalog saw it in Entra before the first of them. What was
there before us stays when we leave, unless a lease took it over.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain import ids
from services.connector.domain.mirror import is_newer
from services.connector.domain.operation import Lane, Operation, OperationKind
from services.connector.domain.sync import Sync
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Refused, Remedy


class AssignmentState(StrEnum):
    """Where an assignment stands."""

    ADDING = "ADDING"
    PRESENT = "PRESENT"
    FAILED = "FAILED"
    REMOVING = "REMOVING"
    ABSENT = "ABSENT"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person, one directory entitlement. Version 0 is not stored yet.

    `operation` is the one under way; `finished` are those that ended since it was loaded. Of the
    leases that hold it, those granted in an emergency are also in `emergency_lease_ids`.
    `add_time` is when an attempt to add it last was under way, `remove_time` when it was removed.
    `taken_over`: what is found there is ours. `removed_outside_time` is when it was last found that
    somebody had taken it out by hand. The failure is that of adding it, or of removing it.
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
    taken_over: bool = False
    removed_outside_time: datetime | None = None
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
        takes_over: bool = False,
    ) -> "Assignment":
        """A lease needs it.

        `in_mirror`: the catalog saw it in Entra, and not by our doing. `vanished`: the catalog saw
        that it is not there, long after it was added: somebody took it away. `takes_over`: what is
        there already becomes ours, and goes with the last lease.
        """
        held = replace(
            self,
            lease_ids=self.lease_ids | {lease_id},
            emergency_lease_ids=self.emergency_lease_ids | ({lease_id} if emergency else set()),
            taken_over=self.taken_over or takes_over,
            update_time=now,
        )
        if self.state in (AssignmentState.ABSENT, AssignmentState.LOST):
            return replace(held, in_mirror=in_mirror, preexisting=False).adding(now)
        if self.state is AssignmentState.FAILED:
            # Nothing that the catalog sees can be ours while none of our attempts had an effect.
            seen = in_mirror if self.tries == 0 else self.in_mirror
            return replace(held, in_mirror=seen).adding(now)
        if self.state is AssignmentState.REMOVING:
            if held._awaits():
                # What comes next is decided when Entra has answered.
                return replace(held, state=AssignmentState.ADDING)._in_lane(held._lane())
            return held.adding(now)
        if self.state is AssignmentState.PRESENT:
            if takes_over:
                held = replace(held, preexisting=False)
            return held._vanished(now) if vanished else held
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
        return released.leaving(now)

    def removed_outside(self, now: datetime, *, restored: bool) -> "Assignment":
        """Somebody took it out of Entra by hand: it is put back, or lost until its leases end."""
        noted = replace(self, removed_outside_time=now, update_time=now)
        if restored:
            return noted._vanished(now)
        return replace(
            noted._without_us(),
            state=AssignmentState.LOST,
            taken_over=False,
            entra_assignment_id="",
        )

    def is_expected_by(self, sync: Sync | None) -> bool:
        """Whether a sync should have seen it in Entra."""
        return self.state is AssignmentState.PRESENT and is_newer(sync, self.change_time)

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
            current = current.adding(now) if current.lease_ids else current.leaving(now)
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

    def mended(self, now: datetime) -> "Assignment":
        """With an operation under way where the state asks for one; as it is otherwise."""
        if self.operation is not None:
            return self
        if self.state is AssignmentState.ADDING:
            return replace(self, update_time=now).adding(now)
        if self.state is AssignmentState.REMOVING:
            return replace(self, update_time=now).leaving(now)
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

    def adding(self, now: datetime) -> "Assignment":
        """Somebody holds it: into Entra with it."""
        intended = Operation.intended(self.assignment_id, OperationKind.ADD, self._lane(), now)
        idle = self._withdrawing(now).without_failure()
        return replace(idle, state=AssignmentState.ADDING, operation=intended)

    def _vanished(self, now: datetime) -> "Assignment":
        """It was present, and is not any more: it is put back."""
        gone = self._without_us() if self.preexisting else self
        # Whoever puts it back by hand gives it another id.
        return replace(gone, entra_assignment_id="").adding(now)

    def _without_us(self) -> "Assignment":
        """Nothing of what Entra may hold is our doing: as if it had never been there."""
        return replace(self, preexisting=False, in_mirror=False, tries=0)

    def leaving(self, now: datetime) -> "Assignment":
        """Nobody holds it: out of Entra with it, unless it was there before or never came."""
        idle = self._withdrawing(now).without_failure()
        was_seen = self.in_mirror and self.state is not AssignmentState.PRESENT
        in_doubt = was_seen and self.tries > 0 and not self.taken_over
        came = self.tries > 0 or (was_seen and self.taken_over)
        if self.preexisting or in_doubt or not came:
            return replace(
                idle,
                state=AssignmentState.ABSENT,
                preexisting=self.preexisting or in_doubt,
                in_mirror=False,
                tries=0,
                taken_over=False,
            )
        intended = Operation.intended(self.assignment_id, OperationKind.REMOVE, Lane.REVOKE, now)
        return replace(idle, state=AssignmentState.REMOVING, operation=intended)

    def with_failure(self, refusal: Refused) -> "Assignment":
        """Why Entra does not let it be added, or removed."""
        return replace(
            self,
            failure_reason=refusal.reason,
            failure_message=refusal.message,
            remedy=refusal.remedy,
        )

    def without_failure(self) -> "Assignment":
        """Nothing stands against it any more, as far as is known."""
        return replace(self, failure_reason="", failure_message="", remedy=None)

    def _withdrawing(self, now: datetime) -> "Assignment":
        return self if self.operation is None else self.finishing(self.operation.withdrawn(now))

    def finishing(self, operation: Operation) -> "Assignment":
        """An operation never stored needs no end either."""
        stored = operation.version > 0
        return replace(
            self, operation=None, finished=(*self.finished, operation) if stored else self.finished
        )
