"""The delegations in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, insert, select, tuple_, union_all, update

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest, time_key
from services.requests.domain.delegation import MOST_ON_THE_WAY, Delegation, Look, Period
from services.requests.domain.person import PersonRef
from services.requests.store import documents
from services.requests.store.tables import delegations as table

# So many people are asked about in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DelegationStore:
    """Reads delegations, and makes the writes that keep them."""

    database: Database

    async def get(self, delegation_id: str) -> Delegation | None:
        found = await self._read(select(table).where(table.c.delegation_id == delegation_id))
        return found[0] if found else None

    async def page(
        self, page: PageRequest, *, user_id: str | None, at: datetime
    ) -> Page[Delegation]:
        order = (table.c.end_time, table.c.delegation_id)
        wanted: list[ColumnElement[bool]] = [table.c.end_time > at]
        if (after := page.after_time()) is not None:
            wanted.append(tuple_(*order) > tuple_(*after))
        most = page.size + 1
        query = select(table).where(*wanted).order_by(*order).limit(most)
        if user_id is not None:
            # One part for each index, since none knows both sides.
            sides = (table.c.delegator_user_id, table.c.delegate_user_id)
            parts = (select(query.where(side == user_id).subquery()) for side in sides)
            both = union_all(*parts).subquery()
            query = select(both).order_by(both.c.end_time, both.c.delegation_id).limit(most)
        found = await self._read(query)
        return page.page(found, key=lambda item: time_key(item.period.end, item.delegation_id))

    async def look(self, user_id: str, period: Period) -> Look:
        query = select(table).where(*_within(user_id, period)).limit(MOST_ON_THE_WAY + 1)
        found = await self._read(query)
        return Look(user_id, period, tuple(found))

    async def delegates_of(
        self, user_ids: Collection[str], at: datetime
    ) -> Mapping[str, PersonRef]:
        asked, found = sorted(set(user_ids)), {}
        for start in range(0, len(asked), _AT_ONCE):
            some = table.c.delegator_user_id.in_(asked[start : start + _AT_ONCE])
            for each in await self._read(select(table).where(some, *_at(at))):
                found[each.delegator.user_id] = each.delegate
        return found

    async def delegators_of(self, user_id: str, at: datetime) -> list[PersonRef]:
        query = select(table).where(table.c.delegate_user_id == user_id, *_at(at))
        return [
            each.delegator for each in await self._read(query.order_by(table.c.delegator_user_id))
        ]

    def lasting(self, delegator_user_id: str, delegate_user_id: str, at: datetime) -> Write:
        statement = (
            update(table)
            .where(
                table.c.delegator_user_id == delegator_user_id,
                table.c.delegate_user_id == delegate_user_id,
                *_at(at),
            )
            .values(version=table.c.version)
        )
        # One delegator has one delegate at a time.
        return Guarded(statement, expects=1)

    def added(self, delegation: Delegation, *, seen: Sequence[Look]) -> Sequence[Write]:
        # What stands in the way of a delegation is another one, whose row can't be guarded before
        # it is there. But commits come one after the other, since each holds the head of the
        # ledger, and so these statements see whatever was kept since the looks, by whichever
        # replica: of two that make an overlap or a loop together, the second one looked at a
        # person who is the delegator of the first. A delegation that has ended since counts for
        # none.
        guards = [
            Guarded(
                update(table)
                .where(
                    *_within(look.user_id, look.period),
                    table.c.delegation_id.not_in([it.delegation_id for it in look.delegations]),
                )
                .values(version=table.c.version),
                expects=0,
            )
            for look in seen
        ]
        values = {
            "delegation_id": delegation.delegation_id,
            "delegator_user_id": delegation.delegator.user_id,
            "delegator": documents.person_document(delegation.delegator),
            "delegate_user_id": delegation.delegate.user_id,
            "delegate": documents.person_document(delegation.delegate),
            "start_time": delegation.period.start,
            "reason": delegation.reason,
            "create_time": delegation.create_time,
            **_moving(delegation),
        }
        return (*guards, Guarded(insert(table), parameters=(values,)))

    def changed(self, delegation: Delegation, *, seen: int) -> Write:
        statement = (
            update(table)
            .where(table.c.delegation_id == delegation.delegation_id, table.c.version == seen)
            .values(_moving(delegation))
        )
        return Guarded(statement, expects=1)

    async def _read(self, query: Select[Any]) -> list[Delegation]:
        rows = await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )
        return [_delegation_from(row) for row in rows]


def _within(user_id: str, period: Period) -> tuple[ColumnElement[bool], ...]:
    """What a person has delegated for any part of a period."""
    return (
        table.c.delegator_user_id == user_id,
        table.c.end_time > period.start,
        table.c.start_time < period.end,
    )


def _at(time: datetime) -> tuple[ColumnElement[bool], ...]:
    return table.c.end_time > time, table.c.start_time <= time


def _delegation_from(row: RowMapping) -> Delegation:
    # By name: a row of both parts has other columns than the table's.
    return Delegation(
        delegation_id=row["delegation_id"],
        version=row["version"],
        delegator=documents.person_from(row["delegator"]),
        delegate=documents.person_from(row["delegate"]),
        period=Period(row["start_time"], row["end_time"]),
        reason=row["reason"],
        create_time=row["create_time"],
    )


def _moving(delegation: Delegation) -> dict[str, Any]:
    """What can change."""
    return {"version": delegation.version, "end_time": delegation.period.end}
