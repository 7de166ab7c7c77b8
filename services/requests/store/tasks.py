"""The tasks in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, delete, insert, select, union_all, update

from libs.db.audit import actor_from_json, actor_json
from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.task import Task, TaskKind, TaskState
from services.requests.store import documents
from services.requests.store.tables import task_assignees as assignees
from services.requests.store.tables import tasks as table
from services.requests.store.values import document, value_from


@dataclass(frozen=True, slots=True)
class TaskStore:
    """Reads tasks, and makes the writes that keep them."""

    database: Database

    async def get(self, task_id: str) -> Task | None:
        found = await self._rows(select(table).where(table.c.task_id == task_id))
        return _task_from(found[0]) if found else None

    async def open_of(self, lease_id: str, kind: TaskKind) -> Task | None:
        query = select(table).where(table.c.open_key == _open_key(lease_id, kind))
        found = await self._rows(query)
        return _task_from(found[0]) if found else None

    async def last_of(self, lease_id: str) -> Task | None:
        query = (
            select(table)
            .where(table.c.lease_id == lease_id)
            .order_by(table.c.task_id.desc())
            .limit(1)
        )
        found = await self._rows(query)
        return _task_from(found[0]) if found else None

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: TaskState | None, app_id: str
    ) -> Page[Task]:
        # Both tables have what is asked for, each with an index for every question.
        source = table if user_id is None else assignees
        after = page.after()

        def part(state: TaskState | None) -> Select[Any]:
            query = select(source.c.task_id).order_by(source.c.task_id.desc())
            if user_id is not None:
                query = query.where(assignees.c.user_id == user_id)
            if state is not None:
                query = query.where(source.c.state == state.value)
            if app_id:
                query = query.where(source.c.app_id == app_id)
            if after is not None:
                query = query.where(source.c.task_id < after[0])
            return query.limit(page.size + 1)

        # Of an app, each state by itself, so that an index gives its tasks in order.
        states = list(TaskState) if app_id and state is None else [state]
        parts = [part(each).subquery() for each in states]
        some = union_all(*(select(each.c.task_id) for each in parts)).subquery()
        query = (
            select(table)
            .join_from(some, table, table.c.task_id == some.c.task_id)
            .order_by(some.c.task_id.desc())
            .limit(page.size + 1)
        )
        found = [_task_from(row) for row in await self._rows(query)]
        return page.page(found, key=lambda it: (it.task_id,))

    async def waiting(self, after: str, most: int) -> list[str]:
        query = (
            select(table.c.task_id)
            .where(table.c.state == TaskState.OPEN.value, table.c.task_id > after)
            .order_by(table.c.task_id)
            .limit(most)
        )
        return [row[table.c.task_id] for row in await self._rows(query)]

    def added(self, task: Task) -> Sequence[Write]:
        values = {
            "task_id": task.task_id,
            "kind": task.kind.value,
            "lease_id": task.lease_id,
            "access_request_id": task.access_request_id,
            "app_id": task.app_id,
            "app_display_name": task.app_display_name,
            "entitlement_id": task.entitlement_id,
            "entitlement_display_name": task.entitlement_display_name,
            "requester_user_id": task.requester_user_id,
            "subject": documents.person_document(task.subject),
            "targets": document(task.targets),
            "create_time": task.create_time,
            **_moving(task),
        }
        return (Guarded(insert(table), parameters=(values,)), *_assigned(task))

    def changed(self, task: Task, *, seen: int) -> Sequence[Write]:
        statement = (
            update(table)
            .where(table.c.task_id == task.task_id, table.c.version == seen)
            .values(_moving(task))
        )
        emptied = delete(assignees).where(assignees.c.task_id == task.task_id)
        return (Guarded(statement, expects=1), Guarded(emptied), *_assigned(task))

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        return await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )


def _open_key(lease_id: str, kind: TaskKind) -> str:
    """The key that an open task alone can hold."""
    return f"{lease_id} {kind}"


def _assigned(task: Task) -> tuple[Write, ...]:
    rows = [
        {
            "user_id": user_id,
            "task_id": task.task_id,
            "app_id": task.app_id,
            "state": task.state.value,
        }
        for user_id in dict.fromkeys(each.user_id for each in task.assignees)
    ]
    return (Guarded(insert(assignees), parameters=rows),) if rows else ()


def _task_from(row: RowMapping) -> Task:
    by = row[table.c.finished_by]
    return Task(
        task_id=row[table.c.task_id],
        version=row[table.c.version],
        kind=TaskKind(row[table.c.kind]),
        state=TaskState(row[table.c.state]),
        lease_id=row[table.c.lease_id],
        access_request_id=row[table.c.access_request_id],
        app_id=row[table.c.app_id],
        app_display_name=row[table.c.app_display_name],
        entitlement_id=row[table.c.entitlement_id],
        entitlement_display_name=row[table.c.entitlement_display_name],
        requester_user_id=row[table.c.requester_user_id],
        subject=documents.person_from(row[table.c.subject]),
        targets=value_from(row[table.c.targets]),
        assignees=tuple(map(documents.person_from, row[table.c.assignees])),
        create_time=row[table.c.create_time],
        finish_time=row[table.c.finish_time],
        finished_by=None if by is None else actor_from_json(by),
        note=row[table.c.note],
    )


def _moving(task: Task) -> dict[str, Any]:
    """What can change."""
    return {
        "version": task.version,
        "state": task.state.value,
        "open_key": _open_key(task.lease_id, task.kind) if task.is_open else None,
        "assignees": [documents.person_document(each) for each in task.assignees],
        "finish_time": task.finish_time,
        "finished_by": None if task.finished_by is None else actor_json(task.finished_by),
        "note": task.note,
    }
