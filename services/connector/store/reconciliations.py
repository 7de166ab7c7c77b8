"""Reconciliations in the database."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, insert, select, update

from libs.db.audit import actor_from_json, actor_json
from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.reconciliation import Reconciliation, ReconciliationState
from services.connector.store.tables import missing_assignments, reconciliations


class ReconciliationStore:
    """The looks that found something missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, reconciliation_id: str) -> Reconciliation | None:
        """The one with this id."""
        key = reconciliations.c.reconciliation_id
        return await self._one(select(reconciliations).where(key == reconciliation_id))

    async def open_of(self, connection_id: str) -> Reconciliation | None:
        """The one of a connection that is not over."""
        key = reconciliations.c.open_key
        return await self._one(select(reconciliations).where(key == connection_id))

    async def missing(self, reconciliation_id: str) -> frozenset[str]:
        """All assignments that it found missing."""
        table = missing_assignments
        query = select(table.c.assignment_id).where(table.c.reconciliation_id == reconciliation_id)
        found = await self._database.read(lambda c: c.execute(query).scalars().all())
        return frozenset(found)

    async def page(
        self, request: PageRequest, *, connection_id: str, state: ReconciliationState | None
    ) -> Page[Reconciliation]:
        """A page, newest first; of one connection unless `connection_id` is empty."""
        key = reconciliations.c.reconciliation_id
        query = select(reconciliations).order_by(key.desc()).limit(request.size + 1)
        if connection_id:
            query = query.where(reconciliations.c.connection_id == connection_id)
        if state is not None:
            query = query.where(reconciliations.c.state == state.value)
        if (after := request.after()) is not None:
            query = query.where(key < after[0])
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return request.page(
            [_reconciliation(row) for row in rows], key=lambda found: (found.reconciliation_id,)
        )

    def added(
        self, reconciliation: Reconciliation, missing_ids: Collection[str]
    ) -> tuple[Write, ...]:
        """What is written for a new one. Stale if another of the connection is open."""
        values = _values(reconciliation) | {
            "reconciliation_id": reconciliation.reconciliation_id,
            "connection_id": reconciliation.connection_id,
            "sync_id": reconciliation.sync_id,
            "expected_count": reconciliation.expected_count,
            "missing_count": reconciliation.missing_count,
            "action": reconciliation.action.value,
            "shown_ids": list(reconciliation.shown_ids),
            "create_time": reconciliation.create_time,
            "version": reconciliation.version,
        }
        missing = [
            {"reconciliation_id": reconciliation.reconciliation_id, "assignment_id": each}
            for each in sorted(missing_ids)
        ]
        return (
            Guarded(insert(reconciliations).values(values)),
            Guarded(insert(missing_assignments), parameters=missing),
        )

    def updated(self, reconciliation: Reconciliation) -> tuple[Write, ...]:
        """What is written for a change. Stale if it has changed since `version`."""
        table = reconciliations.c
        statement = (
            update(reconciliations)
            .where(
                table.reconciliation_id == reconciliation.reconciliation_id,
                table.version == reconciliation.version,
            )
            .values(_values(reconciliation) | {"version": reconciliation.version + 1})
        )
        return (Guarded(statement, expects=1),)

    async def _one(self, query: Select[Any]) -> Reconciliation | None:
        row = await self._database.read(lambda c: c.execute(query).one_or_none())
        return None if row is None else _reconciliation(row)


def _values(found: Reconciliation) -> dict[str, Any]:
    confirmed_by = found.confirmed_by
    return {
        "state": found.state.value,
        "open_key": None if found.is_over else found.connection_id,
        "confirmed_by": "" if confirmed_by is None else actor_json(confirmed_by),
        "finish_time": found.finish_time,
    }


def _reconciliation(row: Any) -> Reconciliation:
    return Reconciliation(
        reconciliation_id=row.reconciliation_id,
        connection_id=row.connection_id,
        sync_id=row.sync_id,
        state=ReconciliationState(row.state),
        expected_count=row.expected_count,
        missing_count=row.missing_count,
        action=RemovedAccessAction(row.action),
        shown_ids=tuple(row.shown_ids),
        create_time=row.create_time,
        finish_time=row.finish_time,
        confirmed_by=actor_from_json(row.confirmed_by) if row.confirmed_by else None,
        version=row.version,
    )
