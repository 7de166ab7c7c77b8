"""The takeovers in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, insert, select, update

from libs.db.audit import actor_from_json, actor_json
from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.takeover import (
    Fate,
    Takeover,
    TakeoverHolder,
    TakeoverState,
    UnmanagedAction,
)
from services.requests.store import documents
from services.requests.store.takeover_tables import takeover_holders as holders
from services.requests.store.takeover_tables import takeovers as table

# So many people are asked about in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TakeoverStore:
    """Reads takeovers, and makes the writes that keep them."""

    database: Database

    async def get(self, takeover_id: str) -> Takeover | None:
        found = await self._rows(select(table).where(table.c.takeover_id == takeover_id))
        return _takeover_from(found[0]) if found else None

    async def open_of(self, entitlement_id: str) -> str:
        query = select(table.c.takeover_id).where(table.c.open_key == entitlement_id)
        found = await self._rows(query)
        return found[0][table.c.takeover_id] if found else ""

    async def page(self, page: PageRequest, *, state: TakeoverState | None) -> Page[Takeover]:
        query = select(table).order_by(table.c.takeover_id.desc()).limit(page.size + 1)
        if (after := page.after()) is not None:
            query = query.where(table.c.takeover_id < after[0])
        if state is not None:
            query = query.where(table.c.state == state.value)
        found = [_takeover_from(row) for row in await self._rows(query)]
        return page.page(found, key=lambda it: (it.takeover_id,))

    async def running(self, after: str, most: int) -> list[str]:
        query = (
            select(table.c.takeover_id)
            .where(table.c.state == TakeoverState.RUNNING.value, table.c.takeover_id > after)
            .order_by(table.c.takeover_id)
            .limit(most)
        )
        return [row[table.c.takeover_id] for row in await self._rows(query)]

    async def waiting(self, takeover_id: str, after: str, most: int) -> list[str]:
        query = (
            select(holders.c.user_id)
            .where(
                holders.c.takeover_id == takeover_id,
                holders.c.fate == Fate.WAITING.value,
                holders.c.user_id > after,
            )
            .order_by(holders.c.user_id)
            .limit(most)
        )
        return [row[holders.c.user_id] for row in await self._rows(query)]

    async def holder(
        self, takeover_id: str, user_id: str
    ) -> tuple[Takeover, TakeoverHolder] | None:
        # One statement, so that both are of the same moment.
        query = (
            select(table, holders)
            .join_from(holders, table, table.c.takeover_id == holders.c.takeover_id)
            .where(holders.c.takeover_id == takeover_id, holders.c.user_id == user_id)
        )
        found = await self._rows(query)
        return (_takeover_from(found[0]), _holder_from(found[0])) if found else None

    async def past(
        self, entitlement_id: str, user_ids: Collection[str]
    ) -> Mapping[str, Sequence[TakeoverHolder]]:
        asked, found = sorted(set(user_ids)), dict[str, list[TakeoverHolder]]()
        for start in range(0, len(asked), _AT_ONCE):
            query = select(holders).where(
                holders.c.entitlement_id == entitlement_id,
                holders.c.user_id.in_(asked[start : start + _AT_ONCE]),
            )
            for row in await self._rows(query):
                found.setdefault(row[holders.c.user_id], []).append(_holder_from(row))
        return found

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        return await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )

    def added(self, takeover: Takeover) -> Write:
        values = {
            "takeover_id": takeover.takeover_id,
            "app_id": takeover.app_id,
            "entitlement_id": takeover.entitlement_id,
            "action": takeover.action.value,
            "started_by": actor_json(takeover.started_by),
            "create_time": takeover.create_time,
            **_moving(takeover),
        }
        return Guarded(insert(table), parameters=(values,))

    def changed(self, takeover: Takeover, *, seen: int) -> Write:
        statement = (
            update(table)
            .where(table.c.takeover_id == takeover.takeover_id, table.c.version == seen)
            .values(_moving(takeover))
        )
        return Guarded(statement, expects=1)

    def listed(self, holders_: Sequence[TakeoverHolder]) -> Sequence[Write]:
        if not holders_:
            return ()
        rows = [
            {
                "takeover_id": each.takeover_id,
                "user_id": each.subject.user_id,
                "entitlement_id": each.entitlement_id,
                "action": each.action.value,
                "subject": documents.person_document(each.subject),
                **_became(each),
            }
            for each in holders_
        ]
        return (Guarded(insert(holders), parameters=rows),)

    def seen_to(self, holder: TakeoverHolder) -> Sequence[Write]:
        fate = (
            update(holders)
            .where(
                holders.c.takeover_id == holder.takeover_id,
                holders.c.user_id == holder.subject.user_id,
                holders.c.fate == Fate.WAITING.value,
            )
            .values(_became(holder))
        )
        # Counted where it is, so that several are seen to at the same time.
        column = table.c.taken_count if holder.fate is Fate.TAKEN else table.c.skipped_count
        count = (
            update(table)
            .where(
                table.c.takeover_id == holder.takeover_id,
                table.c.state == TakeoverState.RUNNING.value,
            )
            .values({column: column + 1, table.c.version: table.c.version + 1})
        )
        return (Guarded(fate, expects=1), Guarded(count, expects=1))

    def left(self, takeover: Takeover) -> Write:
        statement = (
            update(holders)
            .where(
                holders.c.takeover_id == takeover.takeover_id,
                holders.c.fate == Fate.WAITING.value,
            )
            .values(
                fate=Fate.SKIPPED.value,
                reason="The takeover was cancelled.",
                time=takeover.finish_time,
            )
        )
        return Guarded(statement)


def _takeover_from(row: RowMapping) -> Takeover:
    confirmed_by = row[table.c.confirmed_by]
    return Takeover(
        takeover_id=row[table.c.takeover_id],
        version=row[table.c.version],
        app_id=row[table.c.app_id],
        entitlement_id=row[table.c.entitlement_id],
        action=UnmanagedAction(row[table.c.action]),
        state=TakeoverState(row[table.c.state]),
        started_by=actor_from_json(row[table.c.started_by]),
        create_time=row[table.c.create_time],
        found_count=row[table.c.found_count],
        holder_count=row[table.c.holder_count],
        taken_count=row[table.c.taken_count],
        skipped_count=row[table.c.skipped_count],
        look_time=row[table.c.look_time],
        finish_time=row[table.c.finish_time],
        confirmed_by=None if confirmed_by is None else actor_from_json(confirmed_by),
    )


def _moving(takeover: Takeover) -> dict[str, Any]:
    """What can change."""
    confirmed_by = takeover.confirmed_by
    return {
        "version": takeover.version,
        "open_key": takeover.entitlement_id if takeover.is_open else None,
        "state": takeover.state.value,
        "found_count": takeover.found_count,
        "holder_count": takeover.holder_count,
        "taken_count": takeover.taken_count,
        "skipped_count": takeover.skipped_count,
        "look_time": takeover.look_time,
        "finish_time": takeover.finish_time,
        "confirmed_by": None if confirmed_by is None else actor_json(confirmed_by),
    }


def _holder_from(row: RowMapping) -> TakeoverHolder:
    return TakeoverHolder(
        takeover_id=row[holders.c.takeover_id],
        entitlement_id=row[holders.c.entitlement_id],
        action=UnmanagedAction(row[holders.c.action]),
        subject=documents.person_from(row[holders.c.subject]),
        time=row[holders.c.time],
        fate=Fate(row[holders.c.fate]),
        access_request_id=row[holders.c.access_request_id],
        reason=row[holders.c.reason],
    )


def _became(holder: TakeoverHolder) -> dict[str, Any]:
    return {
        "fate": holder.fate.value,
        "access_request_id": holder.access_request_id,
        "reason": holder.reason,
        "time": holder.time,
    }
