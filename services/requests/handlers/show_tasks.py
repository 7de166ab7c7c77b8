"""Showing tasks to those whom they concern."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.task import Task, TaskState


@dataclass(frozen=True, slots=True)
class ListTasks:
    """A page of those that the person can do; an empty `app_id` stands for every app."""

    person: Person
    size: int
    token: str
    state: TaskState | None = None
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class TaskShower:
    """Shows tasks."""

    tasks: ports.Tasks

    async def get(self, person: Person, task_id: str) -> Task:
        """One that they may see.

        Raises:
            NotFound: TASK_NOT_FOUND, also when it is none of theirs: they can't tell.
        """
        found = await self.tasks.get(task_id)
        if found is None or not found.visible_to(person):
            raise errors.task_not_found(task_id)
        return found

    async def page(self, command: ListTasks) -> Page[Task]:
        """Those that they can do or could; all of them for administrators and auditors.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        person = command.person
        user_id = None if person.may(ADMIN, AUDITOR) else person.user_id
        scope = ("tasks", user_id or "", command.state or "", command.app_id)
        return await self.tasks.page(
            PageRequest(command.size, command.token, scope),
            user_id=user_id,
            state=command.state,
            app_id=command.app_id,
        )
