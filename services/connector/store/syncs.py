"""Syncs in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, insert, select, update

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.sync import (
    HeldRemoval,
    History,
    Progress,
    Sync,
    SyncKind,
    SyncState,
)
from services.connector.store.tables import syncs


class SyncStore:
    """The syncs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, sync_id: str) -> Sync | None:
        """The sync with this id."""
        return await self._first(select(syncs).where(syncs.c.sync_id == sync_id))

    async def running(self) -> Sequence[Sync]:
        """All that run; not those that are held."""
        query = (
            select(syncs)
            .where(
                syncs.c.running_key.is_not(None),
                syncs.c.state == SyncState.RUNNING.value,
            )
            .order_by(syncs.c.sync_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_sync(row) for row in rows]

    async def running_of(self, connection_id: str) -> Sync | None:
        """The one that runs, or is held, for a connection."""
        return await self._first(select(syncs).where(syncs.c.running_key == connection_id))

    async def last_succeeded_of(self, connection_id: str) -> Sync | None:
        """The newest of a connection that read everything."""
        return await self._first(
            _of(connection_id)
            .where(syncs.c.state == SyncState.SUCCEEDED.value)
            .order_by(syncs.c.sync_id.desc())
        )

    async def history_of(self, connection_id: str) -> History:
        """What is known of a connection's syncs."""
        is_full = syncs.c.kind == SyncKind.FULL.value
        has_succeeded = syncs.c.state == SyncState.SUCCEEDED.value
        newest = _of(connection_id).order_by(syncs.c.sync_id.desc())
        oldest = _of(connection_id).order_by(syncs.c.sync_id)
        return History(
            last=await self._first(newest),
            last_full=await self._first(newest.where(is_full)),
            last_whole=await self._first(newest.where(is_full, has_succeeded))
            or await self._first(oldest.where(has_succeeded)),
        )

    async def page(self, request: PageRequest, *, connection_id: str) -> Page[Sync]:
        """A page of syncs, newest first; of one connection unless `connection_id` is empty."""
        query = select(syncs).order_by(syncs.c.sync_id.desc()).limit(request.size + 1)
        if connection_id:
            query = query.where(syncs.c.connection_id == connection_id)
        if (after := request.after()) is not None:
            query = query.where(syncs.c.sync_id < after[0])
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return request.page([_sync(row) for row in rows], key=lambda sync: (sync.sync_id,))

    def added(self, sync: Sync) -> tuple[Write, ...]:
        """What is written for a new one."""
        values = _values(sync) | {
            "sync_id": sync.sync_id,
            "connection_id": sync.connection_id,
            "kind": sync.kind.value,
            "expected_count": sync.expected_count,
            "create_time": sync.create_time,
            "version": sync.version,
        }
        return (Guarded(insert(syncs).values(values)),)

    def updated(self, sync: Sync) -> tuple[Write, ...]:
        """What is written for a change."""
        statement = (
            update(syncs)
            .where(syncs.c.sync_id == sync.sync_id, syncs.c.version == sync.version)
            .values(_values(sync) | {"version": sync.version + 1})
        )
        return (Guarded(statement, expects=1),)

    async def _first(self, query: Select[Any]) -> Sync | None:
        row = await self._database.read(lambda c: c.execute(query.limit(1)).one_or_none())
        return None if row is None else _sync(row)


def _of(connection_id: str) -> Select[Any]:
    return select(syncs).where(syncs.c.connection_id == connection_id)


def _values(sync: Sync) -> dict[str, Any]:
    return {
        "state": sync.state.value,
        "running_key": None if sync.is_over else sync.connection_id,
        "phase": str(sync.progress.phase),
        "page_count": sync.progress.page_count,
        "object_count": sync.progress.object_count,
        "request_count": sync.progress.request_count,
        "objects_per_second": sync.progress.objects_per_second,
        "run": sync.run,
        "removed_count": sync.removed_count,
        "held_removals": [
            [held.kind, held.removed_count, held.total_count] for held in sync.held_removals
        ],
        "removals_confirmed": sync.removals_confirmed,
        "problem": sync.problem,
        "finish_time": sync.finish_time,
    }


def _sync(row: Any) -> Sync:
    return Sync(
        sync_id=row.sync_id,
        connection_id=row.connection_id,
        state=SyncState(row.state),
        progress=Progress(
            row.phase,
            row.page_count,
            row.object_count,
            row.request_count,
            row.objects_per_second,
        ),
        problem=row.problem,
        create_time=row.create_time,
        finish_time=row.finish_time,
        version=row.version,
        kind=SyncKind(row.kind),
        run=row.run,
        expected_count=row.expected_count,
        removed_count=row.removed_count,
        held_removals=tuple(HeldRemoval(*held) for held in row.held_removals),
        removals_confirmed=row.removals_confirmed,
    )
