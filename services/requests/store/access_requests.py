"""The access requests in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    insert,
    literal,
    select,
    tuple_,
    union_all,
    update,
)

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest, time_key
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.gone import Dependent
from services.requests.domain.states import UNDECIDED, EmergencyReview
from services.requests.domain.steps import Wait
from services.requests.store import documents
from services.requests.store.inbox import NEVER, into_inbox, rows_of
from services.requests.store.lists import newest, parts_of
from services.requests.store.tables import access_requests as table
from services.requests.store.tables import inbox, leases
from services.requests.store.values import document, value_from

_WITHOUT_TIMELINE = [column for column in table.c if column is not table.c.timeline]
# What every create runs is made once: making a statement costs more than running it.
_GET = select(table).where(table.c.access_request_id == bindparam("id"))
_OCCUPANTS = union_all(
    select(literal(True).label("open"), table.c.access_request_id.label("id")).where(
        table.c.open_key == bindparam("key")
    ),
    select(literal(False), leases.c.lease_id).where(leases.c.live_key == bindparam("key")),
)
_INSERT = insert(table)
_EMERGENCY_OF = select(table.c.access_request_id).where(
    table.c.emergency_key == bindparam("user_id")
)


@dataclass(frozen=True, slots=True)
class AccessRequestStore:
    """Reads access requests, and makes the writes that keep them."""

    database: Database

    async def get(self, access_request_id: str) -> AccessRequest | None:
        row = await self.database.read(
            lambda connection: (
                connection.execute(_GET, {"id": access_request_id}).mappings().one_or_none()
            )
        )
        return None if row is None else access_request_from(row)

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
        parts = parts_of(
            user_id=user_id, state=state, app_id=app_id, inbox_of=inbox, review_open=review_open
        )
        after = page.after()
        asked = list(newest(parts, None if after is None else after[0], page.size + 1))

        def work(connection: Connection) -> Sequence[RowMapping]:
            ids = {found for each in asked for found in connection.execute(each).scalars()}
            query = (
                select(*_WITHOUT_TIMELINE)
                .where(table.c.access_request_id.in_(sorted(ids)))
                .order_by(table.c.access_request_id.desc())
                .limit(page.size + 1)
            )
            return connection.execute(query).mappings().all() if ids else []

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
        key = {"key": occupancy(subject_user_id, entitlement_id)}

        def work(connection: Connection) -> tuple[str, str]:
            found = {bool(row.open): row.id for row in connection.execute(_OCCUPANTS, key)}
            return found.get(True, ""), found.get(False, "")

        return await self.database.read(work)

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
            **_moving(access_request),
        }
        return (Guarded(_INSERT, parameters=(values,)), *into_inbox(access_request))

    def changed(self, access_request: AccessRequest, *, seen: AccessRequest) -> tuple[Write, ...]:
        request_id = access_request.access_request_id
        statement = (
            update(table)
            .where(table.c.access_request_id == request_id, table.c.version == seen.version)
            .values(_moving(access_request))
        )
        write = Guarded(statement, expects=1)
        if rows_of(access_request) == rows_of(seen):
            return (write,)
        emptied = Guarded(delete(inbox).where(inbox.c.access_request_id == request_id))
        return (write, emptied, *into_inbox(access_request))


def occupancy(subject_user_id: str, entitlement_id: str) -> str:
    """The key that a person can hold once for an entitlement."""
    return f"{subject_user_id} {entitlement_id}"


def access_request_from(row: RowMapping) -> AccessRequest:
    """The access request of a row; of one without the timeline, one without a timeline."""
    plan = row[table.c.plan]
    entries = row.get(table.c.timeline, ())
    return AccessRequest(
        access_request_id=row[table.c.access_request_id],
        version=row[table.c.version],
        state=AccessRequestState(row[table.c.state]),
        entitlement_id=row[table.c.entitlement_id],
        entitlement_display_name=row[table.c.entitlement_display_name],
        app_id=row[table.c.app_id],
        app_display_name=row[table.c.app_display_name],
        requester=documents.person_from(row[table.c.requester]),
        subject=documents.person_from(row[table.c.subject]),
        justification=row[table.c.justification],
        requested_duration=row[table.c.requested_duration],
        asked_duration=row[table.c.asked_duration],
        emergency=row[table.c.emergency],
        extends_lease_id=row[table.c.extends_lease_id],
        takes_over=row[table.c.takes_over],
        plan=None if plan is None else documents.plan_from(plan),
        inputs=value_from(row[table.c.inputs]),
        progress=value_from(row[table.c.progress]),
        approvals=value_from(row[table.c.approvals]),
        lease_id=row[table.c.lease_id],
        failure_reason=row[table.c.failure_reason],
        failure_message=row[table.c.failure_message],
        review=EmergencyReview(row[table.c.review]),
        reviewers=tuple(row[table.c.reviewers]),
        create_time=row[table.c.create_time],
        update_time=row[table.c.update_time],
        timeline=tuple(documents.entry_from(entry) for entry in entries),
    )


def _moving(access_request: AccessRequest) -> dict[str, Any]:
    """What can change."""
    plan = access_request.plan
    return {
        "version": access_request.version,
        "state": access_request.state.value,
        "open_key": occupancy(access_request.subject.user_id, access_request.entitlement_id)
        if access_request.is_open
        else None,
        "requested_duration": access_request.requested_duration,
        "emergency_key": access_request.subject.user_id
        if access_request.blocks_emergency
        else None,
        "policy_id": plan.policy_id if plan is not None else "",
        "plan": None if plan is None else documents.plan_document(plan),
        "inputs": document(access_request.inputs),
        "progress": document(access_request.progress),
        "approvals": document(access_request.approvals),
        "waits_for": _waits_for(access_request),
        "due_time": access_request.due_time,
        "review": access_request.review.value,
        "reviewers": list(access_request.reviewers),
        "lease_id": access_request.lease_id,
        "failure_reason": access_request.failure_reason,
        "failure_message": access_request.failure_message,
        "update_time": access_request.update_time,
        "timeline": [documents.entry_document(entry) for entry in access_request.timeline],
    }


def _waits_for(access_request: AccessRequest) -> str | None:
    """What has to be looked at again for it to go on; none while that is for people or a time."""
    if access_request.state is AccessRequestState.EVALUATING:
        return "POLICY"
    if access_request.state is AccessRequestState.NO_APPROVER:
        return "APPROVER"
    plan, progress = access_request.plan, access_request.progress
    if access_request.state is not AccessRequestState.PENDING or plan is None or progress is None:
        return None
    step = plan.steps[progress.number]
    return "CONDITION" if isinstance(step, Wait) and step.condition else None
