"""The requests service's port `Tasks`, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.task import Task, TaskKind, TaskState
from tests.fakes.requests_delegations import Taken


@dataclass(frozen=True, slots=True)
class KeptTask(Write):
    """A version of a task that a change keeps; `seen` is the version it must follow."""

    task: Task
    seen: int

    def apply(self, kept: dict[str, Task]) -> None:
        """
        Raises:
            Taken: it was made from an old state, or is a second one of its kind.
        """
        before = kept.get(self.task.task_id)
        if (before.version if before else 0) != self.seen:
            raise Taken
        kept[self.task.task_id] = self.task
        opened = [(it.lease_id, it.kind) for it in kept.values() if it.is_open]
        if len(set(opened)) < len(opened):
            raise Taken


@dataclass(frozen=True)
class FakeTasks:
    """The port `Tasks`."""

    kept: Callable[[], dict[str, Task]]

    async def get(self, task_id: str) -> Task | None:
        return self.kept().get(task_id)

    async def open_of(self, lease_id: str, kind: TaskKind) -> Task | None:
        wanted = (lease_id, kind, True)
        found = (it for it in self.kept().values() if (it.lease_id, it.kind, it.is_open) == wanted)
        return next(found, None)

    async def last_of(self, lease_id: str) -> Task | None:
        found = [it for it in self.kept().values() if it.lease_id == lease_id]
        return max(found, key=lambda it: it.task_id, default=None)

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: TaskState | None, app_id: str
    ) -> Page[Task]:
        after = page.after()
        found = [
            it
            for key, it in sorted(self.kept().items(), reverse=True)
            if (after is None or key < after[0])
            and (user_id is None or user_id in {each.user_id for each in it.assignees})
            and state in (None, it.state)
            and app_id in ("", it.app_id)
        ]
        return page.page(found[: page.size + 1], key=lambda it: (it.task_id,))

    async def waiting(self, after: str, most: int) -> list[str]:
        return [key for key, it in sorted(self.kept().items()) if key > after and it.is_open][:most]

    def added(self, task: Task) -> Sequence[Write]:
        return (KeptTask(task, 0),)

    def changed(self, task: Task, *, seen: int) -> Sequence[Write]:
        return (KeptTask(task, seen),)
