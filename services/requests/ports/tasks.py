"""The tasks that are kept."""

from collections.abc import Sequence
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.task import Task, TaskKind, TaskState


class Tasks(Protocol):
    """The tasks that are kept, also when they are over."""

    async def get(self, task_id: str) -> Task | None:
        """One of them."""
        ...

    async def open_of(self, lease_id: str, kind: TaskKind) -> Task | None:
        """The open one of a lease."""
        ...

    async def last_of(self, lease_id: str) -> Task | None:
        """The one of a lease that was opened last, of whichever kind."""
        ...

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: TaskState | None, app_id: str
    ) -> Page[Task]:
        """Some of them, newest first; those that one person can do, or all; an empty `app_id`
        stands for every app."""
        ...

    async def waiting(self, after: str, most: int) -> list[str]:
        """The ids of those that are open, in order, behind `after`."""
        ...

    def added(self, task: Task) -> Sequence[Write]:
        """Keeps a new one. It is the only open one of its lease and kind."""
        ...

    def changed(self, task: Task, *, seen: int) -> Sequence[Write]:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...
