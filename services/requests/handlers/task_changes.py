"""Tasks open and close in the same change as what they are for.

They open with a delivery's failure, or once an end that is late turns out to be refused. They close
when the delivery is begun once more, when the lease ends, and when it is out of Entra.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain.changes import AuditEntry, Change, Fact, Write
from libs.domain.errors import Unavailable
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.person import PersonRef
from services.requests.domain.task import Task, TaskKind
from services.requests.handlers.answering import owners_of


@dataclass(frozen=True, slots=True)
class Part:
    """What a change writes beside what it is about."""

    writes: tuple[Write, ...] = ()
    facts: tuple[Fact, ...] = ()
    also: tuple[AuditEntry, ...] = ()

    def added_to(self, change: Change) -> Change:
        """The change, with this."""
        return replace(
            change,
            writes=(*change.writes, *self.writes),
            facts=(*change.facts, *self.facts),
            also=(*change.also, *self.also),
        )


NOTHING = Part()


async def owners_if_known(catalog: ports.Catalog, lease: Lease) -> tuple[PersonRef, ...]:
    """Who owns the app of a lease; nobody while the catalog does not answer, since a task does not
    wait for that."""
    try:
        return await owners_of(catalog, lease.entitlement_id, lease.subject.user_id)
    except Unavailable:
        return ()


def opening(leases: ports.Leases, task: Task) -> Part:
    """A task is opened."""
    body = facts.TaskOpened(
        task.task_id,
        task.kind.value,
        task.lease_id,
        task.app_id,
        tuple(each.user_id for each in task.assignees),
    )
    return Part(
        tuple(leases.tasks.added(task)),
        (Fact(task.task_id, task.version, body),),
        (
            AuditEntry(
                REQUESTS,
                "task.opened",
                task.task_id,
                details={
                    **about(task),
                    "failure_reasons": [each.failure_reason for each in task.targets],
                    "assignee_user_ids": list(body.assignee_user_ids),
                },
            ),
        ),
    )


async def closing_delivery(leases: ports.Leases, seen: Lease, why: str, time: datetime) -> Part:
    """The task to deliver a lease is closed; only one that failed has any."""
    if seen.state is not LeaseState.FAILED:
        return NOTHING
    return await _closing(leases, seen.lease_id, TaskKind.DELIVER, why, time)


async def closing_removal(leases: ports.Leases, seen: Lease, why: str, time: datetime) -> Part:
    """The task to remove a lease is closed; only one whose end is late has any."""
    if seen.alarm_time is None:
        return NOTHING
    return await _closing(leases, seen.lease_id, TaskKind.REMOVE, why, time)


async def _closing(
    leases: ports.Leases, lease_id: str, kind: TaskKind, why: str, time: datetime
) -> Part:
    seen = await leases.tasks.open_of(lease_id, kind)
    if seen is None:
        return NOTHING
    task = seen.close(why, time)
    return Part(
        tuple(leases.tasks.changed(task, seen=seen.version)),
        (Fact(task.task_id, task.version, facts.TaskClosed(task.task_id, lease_id)),),
        (AuditEntry(REQUESTS, "task.closed", task.task_id, why, about(task)),),
    )


def about(task: Task) -> dict[str, str]:
    """What a task is about, for the audit."""
    return {
        "kind": task.kind.value,
        "state": task.state.value,
        "lease_id": task.lease_id,
        "access_request_id": task.access_request_id,
        "app_id": task.app_id,
    }
