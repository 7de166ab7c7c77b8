"""The leases in the database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, insert, select, tuple_, union_all

from libs.db.engine import Database
from libs.db.gathered import Gathered
from libs.db.guarded import Guarded, Versioned
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.gone import Dependent
from services.requests.domain.holders import LeasedThing
from services.requests.domain.lease import (
    EXPIRING,
    LATE,
    NOT_OVER,
    ON_ITS_WAY,
    EndCause,
    Lease,
    LeaseState,
)
from services.requests.store import documents
from services.requests.store.rows import access_request_from, occupancy
from services.requests.store.tables import LATE_UNTOLD, access_requests, ledger
from services.requests.store.tables import leases as table
from services.requests.store.tasks import TaskStore

# What every delivery runs is made once: making a statement costs more than running it.
_GET = select(table).where(table.c.lease_id.in_(bindparam("ids", expanding=True)))
# One statement, so that both are of the same moment.
_GET_BOTH = (
    select(table, access_requests)
    .join_from(
        table,
        access_requests,
        access_requests.c.access_request_id == table.c.access_request_id,
    )
    .where(table.c.lease_id.in_(bindparam("ids", expanding=True)))
)
_SUBJECT = (table.c.subject_user_id, table.c.entitlement_id)
_FAILED = select(*_SUBJECT, table.c.lease_id).where(
    tuple_(*_SUBJECT).in_(bindparam("keys", expanding=True)),
    table.c.state == LeaseState.FAILED.value,
)
_INSERT = insert(table)
_ROWS = Versioned(table, "lease_id")
Both = tuple[Lease, AccessRequest]


class LeaseStore:
    """Reads leases, and makes the writes that keep them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._by_id = Gathered(self._some)
        self._both_by_id = Gathered(self._some_of_both)
        self._failed = Gathered(self._some_failed)

    @property
    def tasks(self) -> TaskStore:
        return TaskStore(self.database)

    async def get(self, lease_id: str) -> Lease | None:
        return await self._by_id.get(lease_id)

    async def _some(self, ids: Sequence[str]) -> Mapping[str, Lease]:
        rows = await self.database.read(lambda c: c.execute(_GET, {"ids": ids}).mappings().all())
        return {found.lease_id: found for found in map(_lease_from, rows)}

    async def with_access_request(self, lease_id: str) -> Both | None:
        return await self._both_by_id.get(lease_id)

    async def _some_of_both(self, ids: Sequence[str]) -> Mapping[str, Both]:
        rows = await self.database.read(
            lambda c: c.execute(_GET_BOTH, {"ids": ids}).mappings().all()
        )
        return {row[table.c.lease_id]: (_lease_from(row), access_request_from(row)) for row in rows}

    async def to_remind(self, now: datetime, most: int) -> list[str]:
        query = (
            select(table.c.lease_id)
            .where(table.c.remind_time <= now)
            .order_by(table.c.remind_time, table.c.lease_id)
            .limit(most)
        )
        return await self._ids(query)

    async def late(self, now: datetime, most: int) -> list[str]:
        query = (
            select(table.c.lease_id)
            .where(LATE_UNTOLD, table.c.end_time <= now - LATE)
            .order_by(table.c.end_time, table.c.lease_id)
            .limit(most)
        )
        return await self._ids(query)

    async def _ids(self, query: Select[Any]) -> list[str]:
        return await self.database.read(
            lambda connection: list(connection.execute(query).scalars())
        )

    async def failed(self, subject_user_id: str, entitlement_id: str) -> list[str]:
        return await self._failed.get((subject_user_id, entitlement_id)) or []

    async def _some_failed(
        self, keys: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], list[str]]:
        rows = await self.database.read(lambda c: c.execute(_FAILED, {"keys": keys}).all())
        found = defaultdict(list)
        for user_id, entitlement_id, lease_id in rows:
            found[user_id, entitlement_id].append(lease_id)
        return found

    async def of_app(self, app_id: str, after: str, most: int) -> list[LeasedThing]:
        name = access_requests.c.entitlement_display_name
        # One part for each state, in the order of the index, as far as anything can be wanted.
        parts = [
            select(table.c.lease_id)
            .where(table.c.app_id == app_id, table.c.state == state.value, table.c.lease_id > after)
            .order_by(table.c.lease_id)
            .limit(most)
            .subquery()
            for state in sorted(NOT_OVER)
        ]
        some = union_all(*(select(part.c.lease_id) for part in parts)).subquery()
        query = (
            select(table, name)
            .join_from(some, table, table.c.lease_id == some.c.lease_id)
            .join(
                access_requests,
                access_requests.c.access_request_id == table.c.access_request_id,
            )
            .order_by(table.c.lease_id)
            .limit(most)
        )
        rows = await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )
        return [LeasedThing(_lease_from(row), row[name]) for row in rows]

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str = "",
        app_id: str = "",
        state: LeaseState | None = None,
        alarmed: bool = False,
    ) -> Page[Lease]:
        query = select(table).order_by(table.c.lease_id.desc()).limit(page.size + 1)
        if (after := page.after()) is not None:
            query = query.where(table.c.lease_id < after[0])
        if user_id:
            query = query.where(table.c.subject_user_id == user_id)
        if alarmed:
            query = query.where(table.c.alarm_time.is_not(None))
        if state is not None:
            query = query.where(table.c.state == state.value)
        if app_id:
            query = query.where(table.c.app_id == app_id)
            if not (user_id or alarmed or state):
                # One part for each state, in the order of the index.
                ids = query.with_only_columns(table.c.lease_id)
                parts = (ids.where(table.c.state == each.value) for each in sorted(LeaseState))
                every = union_all(*(select(part.subquery()) for part in parts)).subquery()
                query = select(table).join_from(every, table, every.c.lease_id == table.c.lease_id)
                query = query.order_by(table.c.lease_id.desc()).limit(page.size + 1)
        rows = await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )
        return page.page([_lease_from(row) for row in rows], key=lambda item: (item.lease_id,))

    async def on_their_way(self, before: datetime, after: str, most: int) -> list[str]:
        query = (
            select(table.c.lease_id)
            .where(
                table.c.state.in_(sorted(ON_ITS_WAY)),
                table.c.update_time <= before,
                table.c.lease_id > after,
            )
            .order_by(table.c.lease_id)
            .limit(most)
        )
        return await self._ids(query)

    async def not_over(
        self, after: str, most: int, *, subject_user_id: str = "", app_id: str = ""
    ) -> list[Dependent]:
        # Each state by itself, so that an index gives its leases in order: nothing is sorted, and
        # leases that are over are not looked at.
        def of_state(state: LeaseState) -> Select[Any]:
            query = (
                select(table.c.lease_id, table.c.entitlement_id, table.c.subject_user_id)
                .where(table.c.state == state.value, table.c.lease_id > after)
                .order_by(table.c.lease_id)
                .limit(most)
            )
            if subject_user_id:
                query = query.where(table.c.subject_user_id == subject_user_id)
            if app_id:
                query = query.where(table.c.app_id == app_id)
            return select(query.subquery())

        every = union_all(*map(of_state, sorted(NOT_OVER))).subquery()
        query = select(every).order_by(every.c.lease_id).limit(most)
        return await self.database.read(
            lambda connection: [Dependent(*row) for row in connection.execute(query)]
        )

    async def overdue(self, now: datetime, most: int) -> list[str]:
        query = (
            select(table.c.lease_id)
            .where(table.c.state.in_(sorted(EXPIRING)), table.c.end_time <= now)
            .order_by(table.c.end_time, table.c.lease_id)
            .limit(most)
        )
        return await self._ids(query)

    async def is_announced(self, lease_id: str) -> bool:
        outbox = ledger.outbox
        query = (
            select(outbox.c.position)
            .where(outbox.c.published.is_(False), outbox.c.resource_id == lease_id)
            .limit(1)
        )
        return await self.database.read(
            lambda connection: connection.execute(query).first() is None
        )

    def added(self, lease: Lease) -> Write:
        values = {
            "lease_id": lease.lease_id,
            "access_request_id": lease.access_request_id,
            "entitlement_id": lease.entitlement_id,
            "app_id": lease.app_id,
            "subject_user_id": lease.subject.user_id,
            "subject": documents.person_document(lease.subject),
            "targets": [documents.target_document(target) for target in lease.targets],
            "emergency": lease.emergency,
            "create_time": lease.create_time,
            **_moving(lease),
        }
        return Guarded(_INSERT, parameters=(values,))

    def changed(self, lease: Lease, *, seen: int) -> Write:
        return _ROWS.changed(lease.lease_id, seen=seen, values=_moving(lease))

    def unchanged(self, lease: Lease) -> Write:
        return _ROWS.unchanged(lease.lease_id, seen=lease.version)


def _lease_from(row: RowMapping) -> Lease:
    cause = row[table.c.end_cause]
    return Lease(
        lease_id=row[table.c.lease_id],
        version=row[table.c.version],
        access_request_id=row[table.c.access_request_id],
        state=LeaseState(row[table.c.state]),
        live=row[table.c.live_key] is not None,
        entitlement_id=row[table.c.entitlement_id],
        app_id=row[table.c.app_id],
        subject=documents.person_from(row[table.c.subject]),
        targets=tuple(documents.target_from(target) for target in row[table.c.targets]),
        duration=row[table.c.duration],
        round=row[table.c.round],
        create_time=row[table.c.create_time],
        update_time=row[table.c.update_time],
        start_time=row[table.c.start_time],
        end_time=row[table.c.end_time],
        end_cause=None if cause is None else EndCause(cause),
        end_reason=row[table.c.end_reason],
        emergency=row[table.c.emergency],
        remind_time=row[table.c.remind_time],
        alarm_time=row[table.c.alarm_time],
        removed_outside_time=row[table.c.removed_outside_time],
        takes_over=row[table.c.takes_over],
    )


def _moving(lease: Lease) -> dict[str, Any]:
    """What can change."""
    return {
        "version": lease.version,
        "state": lease.state.value,
        "live_key": occupancy(lease.subject.user_id, lease.entitlement_id) if lease.live else None,
        "round": lease.round,
        "update_time": lease.update_time,
        "start_time": lease.start_time,
        "end_time": lease.end_time,
        "end_cause": None if lease.end_cause is None else lease.end_cause.value,
        "end_reason": lease.end_reason,
        "duration": lease.duration,
        "remind_time": lease.remind_time,
        "alarm_time": lease.alarm_time,
        "removed_outside_time": lease.removed_outside_time,
        "takes_over": lease.takes_over,
    }
