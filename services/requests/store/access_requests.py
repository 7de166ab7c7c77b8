"""The access requests in the database."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.gone import Dependent
from services.requests.store import documents
from services.requests.store.tables import access_requests as table
from services.requests.store.tables import leases

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
    ) -> Page[AccessRequest]:
        query = (
            select(*_WITHOUT_TIMELINE)
            .order_by(table.c.access_request_id.desc())
            .limit(page.size + 1)
        )
        if (after := page.after()) is not None:
            query = query.where(table.c.access_request_id < after[0])
        if user_id is not None:
            mine = (table.c.requester_user_id == user_id, table.c.subject_user_id == user_id)
            query = query.where(or_(*mine))
        if state is not None:
            query = query.where(table.c.state == state.value)
        if app_id:
            query = query.where(table.c.app_id == app_id)
        rows = await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )
        found = [access_request_from(row) for row in rows]
        return page.page(found, key=lambda item: (item.access_request_id,))

    async def evaluating(self, after: str, most: int) -> list[str]:
        query = (
            select(table.c.access_request_id)
            .where(
                table.c.state == AccessRequestState.EVALUATING.value,
                table.c.access_request_id > after,
            )
            .order_by(table.c.access_request_id)
            .limit(most)
        )
        return await self.database.read(
            lambda connection: list(connection.execute(query).scalars())
        )

    async def undecided(
        self, after: str, most: int, *, subject_user_id: str = "", app_id: str = ""
    ) -> list[Dependent]:
        query = (
            select(table.c.access_request_id, table.c.entitlement_id, table.c.subject_user_id)
            .where(
                table.c.state == AccessRequestState.EVALUATING.value,
                table.c.access_request_id > after,
            )
            .order_by(table.c.access_request_id)
            .limit(most)
        )
        if subject_user_id:
            query = query.where(table.c.subject_user_id == subject_user_id)
        if app_id:
            query = query.where(table.c.app_id == app_id)
        return await self.database.read(
            lambda connection: [Dependent(*row) for row in connection.execute(query)]
        )

    async def occupants(self, subject_user_id: str, entitlement_id: str) -> tuple[str, str]:
        key = {"key": occupancy(subject_user_id, entitlement_id)}

        def work(connection: Connection) -> tuple[str, str]:
            found = {bool(row.open): row.id for row in connection.execute(_OCCUPANTS, key)}
            return found.get(True, ""), found.get(False, "")

        return await self.database.read(work)

    def added(self, access_request: AccessRequest) -> Write:
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
            "create_time": access_request.create_time,
            **_moving(access_request),
        }
        return Guarded(_INSERT, parameters=(values,))

    def changed(self, access_request: AccessRequest, *, seen: int) -> Write:
        statement = (
            update(table)
            .where(
                table.c.access_request_id == access_request.access_request_id,
                table.c.version == seen,
            )
            .values(_moving(access_request))
        )
        return Guarded(statement, expects=1)


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
        plan=None if plan is None else documents.plan_from(plan),
        lease_id=row[table.c.lease_id],
        failure_reason=row[table.c.failure_reason],
        failure_message=row[table.c.failure_message],
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
        "plan": None if plan is None else documents.plan_document(plan),
        "lease_id": access_request.lease_id,
        "failure_reason": access_request.failure_reason,
        "failure_message": access_request.failure_message,
        "update_time": access_request.update_time,
        "timeline": [documents.entry_document(entry) for entry in access_request.timeline],
    }
