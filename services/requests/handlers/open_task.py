"""Opening tasks for what Entra does not let the connector do."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.changes import Change
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import task_instructions
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.delivery import Delivery
from services.requests.domain.lease import Lease
from services.requests.domain.task import Task, TaskKind, TaskTarget
from services.requests.handlers.task_changes import NOTHING, Part, opening, owners_if_known


@dataclass(frozen=True, slots=True)
class TaskOpener:
    """Opens tasks. Who owns the app is asked of the catalog, outside of the change."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    catalog: ports.Catalog

    async def to_deliver(
        self, lease: Lease, access_request: AccessRequest, delivery: Delivery, time: datetime
    ) -> tuple[str, Part]:
        """The id of the task, and what opens it, with a delivery that fails; an empty id and
        nothing when nobody can do anything about that."""
        targets = task_instructions.to_deliver(
            delivery, lease.targets, lease.subject, access_request.app_display_name
        )
        if not targets:
            return "", NOTHING
        task = await self._task(TaskKind.DELIVER, lease, access_request, targets, time)
        return task.task_id, opening(self.leases, task)

    async def to_remove(
        self, lease: Lease, access_request: AccessRequest, delivery: Delivery, time: datetime
    ) -> Change | None:
        """Opens a task for an end that is late since Entra refuses it. Nothing while it does not,
        and while there is a task that counts."""
        if lease.alarm_time is None:
            return None
        targets = task_instructions.to_remove(
            delivery, lease.subject, access_request.app_display_name
        )
        if not targets:
            return None
        last = await self.leases.tasks.last_of(lease.lease_id)
        if last is not None and last.counts(TaskKind.REMOVE, time):
            return None
        task = await self._task(TaskKind.REMOVE, lease, access_request, targets, time)
        part = opening(self.leases, task)
        after = access_request.task_opened(task.task_id, time)
        (audit,) = part.also
        return Change(
            audit,
            (
                *part.writes,
                self.leases.unchanged(lease),
                *self.access_requests.changed(after, seen=access_request),
            ),
            part.facts,
        )

    async def _task(
        self,
        kind: TaskKind,
        lease: Lease,
        access_request: AccessRequest,
        targets: tuple[TaskTarget, ...],
        time: datetime,
    ) -> Task:
        assignees = await owners_if_known(self.catalog, lease)
        return Task.open(new_id("tsk"), kind, lease, access_request, targets, assignees, time)
