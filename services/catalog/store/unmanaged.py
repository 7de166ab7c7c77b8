"""Access from outside Latchkey, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, or_, select

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.unmanaged import Mark, Unmanaged
from services.catalog.store.audience import is_managed
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements
from services.catalog.store.tables import apps, directory_assignments, directory_memberships, ledger
from services.catalog.store.upsert import upsert
from services.catalog.store.use_tables import feed_positions, unmanaged_access
from services.catalog.store.uses import is_leased

_KEY = ("entitlement_id", "directory_entitlement_id", "user_id")


class StoredUnmanagedAccess:
    """Access from outside Latchkey, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mark(self, service: str) -> Mark:
        head = select(ledger.head.c.outbox_position).scalar_subquery()
        followed = select(feed_positions.c.position).where(feed_positions.c.service == service)
        query = select(head, func.coalesce(followed.scalar_subquery(), 0))
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return Mark(*row)

    async def new(self, before: datetime, most: int) -> Sequence[Unmanaged]:
        member, role = directory_memberships.c, directory_assignments.c
        queries = (
            _new(member.directory_entitlement_id, member.user_id, member.since_time, before),
            _new(role.directory_entitlement_id, role.principal_id, role.since_time, before).where(
                role.principal_kind == PrincipalKind.USER.value
            ),
        )

        def read(connection: Any) -> list[Unmanaged]:
            rows: list[Unmanaged] = []
            for query in queries:
                left = most - len(rows)
                rows += (Unmanaged(*row) for row in connection.execute(query.limit(left)))
            return rows

        return await self._database.read(read)

    async def over(self, most: int) -> Sequence[tuple[str, str, str]]:
        noted, member, role = unmanaged_access.c, directory_memberships.c, directory_assignments.c
        still = and_(
            exists().where(
                entitlement_targets.c.entitlement_id == noted.entitlement_id,
                entitlement_targets.c.directory_entitlement_id == noted.directory_entitlement_id,
                apps.c.app_id == entitlement_targets.c.app_id,
                is_managed(),
            ),
            or_(
                exists().where(
                    member.directory_entitlement_id == noted.directory_entitlement_id,
                    member.user_id == noted.user_id,
                ),
                exists().where(
                    role.directory_entitlement_id == noted.directory_entitlement_id,
                    role.principal_id == noted.user_id,
                ),
            ),
            ~is_leased(noted.directory_entitlement_id, noted.user_id),
        )
        query = select(*(noted[each] for each in _KEY)).where(~still).limit(most)
        return await self._database.read(
            lambda connection: [(row[0], row[1], row[2]) for row in connection.execute(query)]
        )

    def noted(
        self, new: Sequence[Unmanaged], over: Sequence[tuple[str, str, str]], now: datetime
    ) -> tuple[Write, ...]:
        writes: list[Write] = []
        if over:
            which = [unmanaged_access.c[each] == bindparam(f"b_{each}") for each in _KEY]
            keys = [dict(zip((f"b_{each}" for each in _KEY), row, strict=True)) for row in over]
            writes.append(Guarded(delete(unmanaged_access).where(*which), parameters=keys))
        if new:
            rows = [
                {
                    "entitlement_id": each.entitlement_id,
                    "directory_entitlement_id": each.directory_entitlement_id,
                    "user_id": each.user_id,
                    "app_id": each.app_id,
                    "first_seen_time": now,
                }
                for each in new
            ]
            # Another replica may note the same at the same time; who was first stays.
            writes.append(
                Guarded(upsert(unmanaged_access, keep=("first_seen_time",)), parameters=rows)
            )
        return tuple(writes)


def _new(
    den: ColumnElement[str],
    user_id: ColumnElement[str],
    since: ColumnElement[Any],
    before: datetime,
) -> Select[Any]:
    """What is held of managed apps' entitlements, is in no lease, and was not noted."""
    part, noted = entitlement_targets.c, unmanaged_access.c
    return (
        select(part.entitlement_id, den, user_id, part.app_id, entitlements.c.version)
        .where(
            part.directory_entitlement_id == den,
            apps.c.app_id == part.app_id,
            entitlements.c.entitlement_id == part.entitlement_id,
            is_managed(),
            or_(since.is_(None), since < before),
            ~is_leased(den, user_id),
            ~exists().where(
                noted.entitlement_id == part.entitlement_id,
                noted.directory_entitlement_id == den,
                noted.user_id == user_id,
            ),
        )
        .order_by(part.entitlement_id, den, user_id)
    )
