"""Saying that a task was done by hand."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import ADMIN, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import errors, facts, timeline
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.lease import Lease
from services.requests.domain.task import Task, TaskKind
from services.requests.handlers.answering import owners_of
from services.requests.handlers.decision import ended
from services.requests.handlers.retry_access_request import retried
from services.requests.handlers.task_changes import Part, about


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """Somebody says that it is done."""

    person: Person
    task_id: str
    note: str
    etag: str


@dataclass(frozen=True, slots=True)
class Completer:
    """Has the connector look whether a task was done. Who owns the app is asked each time."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, command: CompleteTask) -> Outcome[Task]:
        """
        Raises:
            NotFound: TASK_NOT_FOUND.
            NotAllowed: the person may see it only.
            Conflict: ETAG_MISMATCH.
            WrongState: TASK_STATE; what retrying its access request is refused for.
            AlreadyExists: ACCESS_REQUEST_OPEN, ALREADY_LEASED.
            Unavailable: the catalog does not say who owns the app.
        """
        person = command.person
        seen = await self.leases.tasks.get(command.task_id)
        if seen is None:
            raise errors.task_not_found(command.task_id)
        await self._check_may(person, seen)
        seen.check_etag(command.etag)
        time = self.clock.now()
        task = seen.complete(person, command.note, time)
        both = await self.leases.with_access_request(task.lease_id)
        assert both is not None, "a task is of a lease"
        change = await self._looks(task, person, *both, time)
        body = facts.TaskCompleted(task.task_id, task.lease_id, person)
        audit = AuditEntry(person, "task.completed", task.task_id, command.note, about(task))
        own = Change(
            audit,
            tuple(self.leases.tasks.changed(task, seen=seen.version)),
            (Fact(task.task_id, task.version, body),),
        )
        return Outcome(task, change.added_to(own))

    async def _check_may(self, person: Person, seen: Task) -> None:
        if person.may(ADMIN):
            return
        owners = await owners_of(self.catalog, seen.entitlement_id, seen.subject.user_id)
        if person.user_id in {each.user_id for each in owners}:
            return
        if not seen.visible_to(person):
            raise errors.task_not_found(seen.task_id)
        raise errors.not_theirs_to_change(person, "the app's owners and administrators")

    async def _looks(
        self,
        task: Task,
        person: Person,
        lease: Lease,
        access_request: AccessRequest,
        time: datetime,
    ) -> Part:
        """What makes the connector look."""
        done = timeline.TaskCompleted(task.task_id, task.note)
        if task.kind is TaskKind.DELIVER:
            _, change = await retried(
                self.access_requests, self.leases, person, lease, access_request, time, done
            )
            return Part(change.writes, change.facts, (change.audit, *change.also))
        after = access_request.task_completed(person, done, time)
        return Part(
            (
                self.leases.unchanged(lease),
                *self.access_requests.changed(after, seen=access_request),
            ),
            (ended(lease),),
        )
