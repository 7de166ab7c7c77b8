"""Finding out anew who can do a task.

Who owns an app changes without a word to this service, and the catalog may not have answered when
the task was opened.
"""

from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Change, Outcome
from services.requests import ports
from services.requests.domain.access_request import REQUESTS
from services.requests.handlers.answering import owners_of
from services.requests.handlers.task_changes import about


@dataclass(frozen=True, slots=True)
class AssigneesAgain:
    """Asks anew who can do a task."""

    tasks: ports.Tasks
    catalog: ports.Catalog

    async def __call__(self, task_id: str) -> Outcome[None]:
        """Does nothing where they are who they were, and for a task that is over.

        Raises:
            Unavailable: the catalog does not answer.
        """
        seen = await self.tasks.get(task_id)
        if seen is None or not seen.is_open:
            return Outcome(None)
        task = seen.assigned_to(
            await owners_of(self.catalog, seen.entitlement_id, seen.subject.user_id)
        )
        if task is seen:
            return Outcome(None)
        names = [each.user_id for each in task.assignees]
        audit = AuditEntry(
            REQUESTS,
            "task.assignees_changed",
            task.task_id,
            details={**about(task), "assignee_user_ids": names},
        )
        return Outcome(None, Change(audit, tuple(self.tasks.changed(task, seen=seen.version))))
