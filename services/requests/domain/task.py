"""What has to be done by hand, since Entra does not let the connector do it.

    OPEN ─► COMPLETED     somebody says that it is done
      └───► CLOSED        it is no longer needed

That it is done is only what somebody says: the connector looks whether it is so, and when it is
not, there is a new task.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain.callers import ADMIN, AUDITOR, Caller, Person
from libs.domain.errors import Conflict
from services.requests.domain import errors
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.lease import LATE, Lease
from services.requests.domain.person import PersonRef
from services.requests.domain.target import Target

MOST_ASSIGNEES = 100


class TaskKind(StrEnum):
    """What is to be done."""

    DELIVER = "DELIVER"
    REMOVE = "REMOVE"


class TaskState(StrEnum):
    """Where a task stands."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class TaskTarget:
    """One target that somebody has to see to."""

    target: Target
    failure_reason: str
    failure_message: str
    instructions: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task. A lease has one open one of each kind at most.

    `assignees` own the app, as far as that was known when it was last looked at; there are none
    where only administrators can do it. `note` is what was said of it at its end.
    """

    task_id: str
    version: int
    kind: TaskKind
    state: TaskState
    lease_id: str
    access_request_id: str
    app_id: str
    app_display_name: str
    entitlement_id: str
    entitlement_display_name: str
    requester_user_id: str
    subject: PersonRef
    targets: tuple[TaskTarget, ...]
    assignees: tuple[PersonRef, ...]
    create_time: datetime
    finish_time: datetime | None = None
    finished_by: Caller | None = None
    note: str = ""

    @classmethod
    def open(
        cls,
        task_id: str,
        kind: TaskKind,
        lease: Lease,
        access_request: AccessRequest,
        targets: tuple[TaskTarget, ...],
        assignees: Sequence[PersonRef],
        time: datetime,
    ) -> "Task":
        """Something that has to be done for a lease."""
        return cls(
            task_id=task_id,
            version=1,
            kind=kind,
            state=TaskState.OPEN,
            lease_id=lease.lease_id,
            access_request_id=access_request.access_request_id,
            app_id=lease.app_id,
            app_display_name=access_request.app_display_name,
            entitlement_id=lease.entitlement_id,
            entitlement_display_name=access_request.entitlement_display_name,
            requester_user_id=access_request.requester.user_id,
            subject=lease.subject,
            targets=targets,
            assignees=tuple(assignees[:MOST_ASSIGNEES]),
            create_time=time,
        )

    @property
    def is_open(self) -> bool:
        """Whether it is to be done."""
        return self.state is TaskState.OPEN

    def counts(self, kind: TaskKind, time: datetime) -> bool:
        """Whether there is no need of another one of this kind: it is open, or was completed so
        short a time ago that the connector may not have looked."""
        if self.kind is not kind:
            return False
        return self.finish_time is None or time < self.finish_time + LATE

    def visible_to(self, person: Person) -> bool:
        """Whether the person may know that it exists."""
        theirs = {self.subject.user_id, self.requester_user_id}
        theirs.update(each.user_id for each in self.assignees)
        return person.user_id in theirs or person.may(ADMIN, AUDITOR)

    def check_etag(self, etag: str) -> None:
        """Does nothing for the present one.

        Raises:
            Conflict: ETAG_MISMATCH.
        """
        if etag != str(self.version):
            raise Conflict.stale_etag(self.task_id)

    def complete(self, actor: Person, note: str, time: datetime) -> "Task":
        """Somebody says that it is done.

        Raises:
            WrongState: TASK_STATE.
        """
        return self._over(TaskState.COMPLETED, "completed", actor, note, time)

    def close(self, why: str, time: datetime) -> "Task":
        """It needs no longer be done.

        Raises:
            WrongState: TASK_STATE.
        """
        return self._over(TaskState.CLOSED, "closed", REQUESTS, why, time)

    def assigned_to(self, assignees: Sequence[PersonRef]) -> "Task":
        """Others own the app now; the same as before when that is not so."""
        some = tuple(assignees[:MOST_ASSIGNEES])
        if some == self.assignees or not self.is_open:
            return self
        return replace(self, version=self.version + 1, assignees=some)

    def _over(
        self, state: TaskState, verb: str, actor: Caller, note: str, time: datetime
    ) -> "Task":
        if not self.is_open:
            raise errors.task_state(self.task_id, self.state, verb)
        return replace(
            self,
            version=self.version + 1,
            state=state,
            finish_time=time,
            finished_by=actor,
            note=note,
        )
