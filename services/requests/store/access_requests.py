"""The access requests in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    insert,
    literal,
    select,
    tuple_,
    union_all,
)

from libs.db.engine import Database
from libs.db.gathered import Gathered, padded
from libs.db.guarded import Guarded, Versioned
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest, time_key
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.gone import Dependent
from services.requests.domain.states import UNDECIDED, EmergencyReview
from services.requests.store import documents
from services.requests.store.inbox import NEVER, into_inbox, out_of_inbox, rows_of
from services.requests.store.lists import newest, parameters
from services.requests.store.rows import access_request_from, changed, moving, occupancy
from services.requests.store.tables import access_requests as table
from services.requests.store.tables import inbox, leases

_WITHOUT_TIMELINE = [column for column in table.c if column is not table.c.timeline]
# What every create runs is made once: making a statement costs more than running it.
_GET = select(table).where(table.c.access_request_id.in_(bindparam("ids", expanding=True)))
_LISTED = (
    select(*_WITHOUT_TIMELINE)
    .where(table.c.access_request_id.in_(bindparam("ids", expanding=True)))
    .order_by(table.c.access_request_id.desc())
    .limit(bindparam("most"))
)
_OCCUPANTS = union_all(
    select(
        literal(True).label("open"),
        table.c.open_key.label("key"),
        table.c.access_request_id.label("id"),
    ).where(table.c.open_key.in_(bindparam("keys", expanding=True))),
    select(literal(False), leases.c.live_key, leases.c.lease_id).where(
        leases.c.live_key.in_(bindparam("keys", expanding=True))
    ),
)
_INSERT = insert(table)
_ROWS = Versioned(table, "access_request_id")
_EMERGENCY_OF = select(table.c.access_request_id).where(
    table.c.emergency_key == bindparam("user_id")
)


class AccessRequestStore:
    """Reads access requests, and makes the writes that keep them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._by_id = Gathered(self._some)
        self._occupants = Gathered(self._some_occupants)

    async def get(self, access_request_id: str) -> AccessRequest | None:
        return await self._by_id.get(access_request_id)

    async def _some(self, ids: Sequence[str]) -> Mapping[str, AccessRequest]:
        rows = await self.database.read(lambda c: c.execute(_GET, {"ids": ids}).mappings().all())
        return {found.access_request_id: found for found in map(access_request_from, rows)}

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str | None,
        state: AccessRequestState | None,
        app_id: str,
        inbox: Sequence[str] = (),
        review_open: bool = False,
    ) -> Page[AccessRequest]:
        after = page.after()
        shape, values = parameters(
            user_id=user_id,
            state=state,
            app_id=app_id,
            after=None if after is None else after[0],
            most=page.size + 1,
            inbox_of=inbox,
            review_open=review_open,
        )
        asked = newest(shape)

        def work(connection: Connection) -> Sequence[RowMapping]:
            ids = {found for each in asked for found in connection.execute(each, values).scalars()}
            some = {"ids": padded(sorted(ids)), "most": page.size + 1}
            return connection.execute(_LISTED, some).mappings().all() if ids else []

        rows = await self.database.read(work)
        found = [access_request_from(row) for row in rows]
        return page.page(found, key=lambda item: (item.access_request_id,))

    async def to_look_at(self, after: str, most: int) -> list[str]:
        query = (
            select(table.c.access_request_id)
            .where(table.c.waits_for.is_not(None), table.c.access_request_id > after)
            .order_by(table.c.access_request_id)
            .limit(most)
        )
        return await self._ids(query)

    async def pending(self, after: str, most: int) -> list[str]:
        waits = (
            table.c.state == AccessRequestState.PENDING.value,
            table.c.review == EmergencyReview.OPEN.value,
        )
        parts = [
            select(table.c.access_request_id)
            .where(each, table.c.access_request_id > after)
            .order_by(table.c.access_request_id)
            .limit(most)
            .subquery()
            for each in waits
        ]
        found = union_all(*map(select, parts)).subquery()
        return await self._ids(select(found).order_by(found.c.access_request_id).limit(most))

    async def overdue(self, now: datetime, most: int) -> list[str]:
        query = (
            select(table.c.access_request_id)
            .where(table.c.due_time <= now)
            .order_by(table.c.due_time, table.c.access_request_id)
            .limit(most)
        )
        return await self._ids(query)

    async def awaiting(self, user_id: str, after: str, most: int) -> list[str]:
        query = (
            select(inbox.c.access_request_id)
            .where(
                inbox.c.user_id == user_id,
                inbox.c.why != NEVER,
                inbox.c.access_request_id > after,
            )
            .order_by(inbox.c.access_request_id)
            .limit(most)
        )
        return await self._ids(query)

    async def emergency_of(self, subject_user_id: str) -> str:
        found = await self.database.read(
            lambda connection: connection.execute(
                _EMERGENCY_OF, {"user_id": subject_user_id}
            ).scalar()
        )
        return found or ""

    async def _ids(self, query: Select[Any]) -> list[str]:
        return await self.database.read(
            lambda connection: list(connection.execute(query).scalars())
        )

    async def undecided(
        self,
        after: str,
        most: int,
        *,
        subject_user_id: str = "",
        requester_user_id: str = "",
        app_id: str = "",
    ) -> list[Dependent]:
        query = (
            select(table.c.access_request_id, table.c.entitlement_id, table.c.subject_user_id)
            .where(
                table.c.state.in_(sorted(UNDECIDED)),
                table.c.access_request_id > after,
            )
            .order_by(table.c.access_request_id)
            .limit(most)
        )
        if subject_user_id:
            query = query.where(table.c.subject_user_id == subject_user_id)
        if requester_user_id:
            query = query.where(table.c.requester_user_id == requester_user_id)
        if app_id:
            query = query.where(table.c.app_id == app_id)
        return await self.database.read(
            lambda connection: [Dependent(*row) for row in connection.execute(query)]
        )

    async def under_policy(
        self, page: PageRequest, *, policy_id: str, start: datetime, end: datetime
    ) -> Page[AccessRequest]:
        time = table.c.create_time
        order = (time, table.c.access_request_id)
        query = (
            select(*_WITHOUT_TIMELINE)
            .where(table.c.policy_id == policy_id, time >= start, table.c.inputs.is_not(None))
            .order_by(*(column.desc() for column in order))
            .limit(page.size + 1)
        )
        after = page.after_time()
        if after is None or after[0] >= end:
            query = query.where(time < end)
        else:
            # The only upper bound: SQLite takes one of several, and from the end of the period it
            # would go through all pages before this one.
            query = query.where(time <= after[0], tuple_(*order) < tuple_(*after))
        rows = await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )
        found = [access_request_from(row) for row in rows]
        return page.page(found, key=lambda it: time_key(it.create_time, it.access_request_id))

    async def occupants(self, subject_user_id: str, entitlement_id: str) -> tuple[str, str]:
        found = await self._occupants.get(occupancy(subject_user_id, entitlement_id))
        return found or ("", "")

    async def _some_occupants(self, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        rows = await self.database.read(lambda c: c.execute(_OCCUPANTS, {"keys": keys}).all())
        ids = {(row.key, bool(row.open)): row.id for row in rows}
        return {key: (ids.get((key, True), ""), ids.get((key, False), "")) for key, _ in ids}

    def added(self, access_request: AccessRequest) -> tuple[Write, ...]:
        values = {
            "access_request_id": access_request.access_request_id,
            "entitlement_id": access_request.entitlement_id,
            "entitlement_display_name": access_request.entitlement_display_name,
            "app_id": access_request.app_id,
            "app_display_name": access_request.app_display_name,
            "requester_user_id": access_request.requester.user_id,
            "requester": documents.person_document(access_request.requester),
            "subject_user_id": access_request.subject.user_id,
            "subject": documents.person_document(access_request.subject),
            "justification": access_request.justification,
            "emergency": access_request.emergency,
            "extends_lease_id": access_request.extends_lease_id,
            "takes_over": access_request.takes_over,
            "asked_duration": access_request.asked_duration,
            "create_time": access_request.create_time,
            **moving(access_request),
        }
        return (Guarded(_INSERT, parameters=(values,)), *into_inbox(access_request))

    def changed(self, access_request: AccessRequest, *, seen: AccessRequest) -> tuple[Write, ...]:
        request_id = access_request.access_request_id
        values = changed(access_request, seen)
        write = _ROWS.changed(request_id, seen=seen.version, values=values)
        if rows_of(access_request) == rows_of(seen):
            return (write,)
        return (write, out_of_inbox(request_id), *into_inbox(access_request))
