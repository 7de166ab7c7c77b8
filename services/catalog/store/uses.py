"""Access requests and leases, as far as the requests service has told of them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from libs.db.engine import Database
from services.catalog.domain.use import Use, UseState
from services.catalog.store.tables import uses


class StoredUses:
    """What is open or leased, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_app(self, app_id: str) -> Sequence[Use]:
        return await self._where(uses.c.app_id == app_id)

    async def of_entitlements(self, entitlement_ids: Collection[str]) -> Sequence[Use]:
        return await self._where(uses.c.entitlement_id.in_(entitlement_ids))

    async def _where(self, which: ColumnElement[bool]) -> Sequence[Use]:
        return await self._database.read(lambda connection: read_uses(connection, which))


def read_uses(connection: Connection, which: ColumnElement[bool]) -> tuple[Use, ...]:
    """Uses, oldest first: ids of access requests sort by their creation."""
    query = select(uses).where(which).order_by(uses.c.access_request_id)
    return tuple(map(_use_of, connection.execute(query)))


def _use_of(row: Row[Any]) -> Use:
    return Use(
        access_request_id=row.access_request_id,
        entitlement_id=row.entitlement_id,
        app_id=row.app_id,
        user_id=row.user_id,
        state=UseState(row.state),
        lease_id=row.lease_id,
        end_time=row.end_time,
    )
