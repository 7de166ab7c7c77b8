"""Access requests and leases, as far as the requests service has told of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Row,
    Table,
    delete,
    exists,
    func,
    or_,
    select,
)

from libs.db.engine import Database
from services.catalog.domain.use import Use, UseState
from services.catalog.store.entitlement_tables import entitlement_targets
from services.catalog.store.rows import time_in_json
from services.catalog.store.tables import apps, syncs
from services.catalog.store.use_tables import former_leases, uses


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
    return _use(row._mapping)


_FIELDS = tuple(field.name for field in fields(Use))
USE_COLUMNS = tuple(uses.c[name] for name in _FIELDS)


def use_in_json(values: Sequence[Any]) -> Use:
    """A use of which a `json_column` holds the `USE_COLUMNS`."""
    found = dict(zip(_FIELDS, values, strict=True))
    if found["end_time"] is not None:
        found["end_time"] = time_in_json(found["end_time"])
    return _use(found)


def _use(found: Mapping[Any, Any]) -> Use:
    return Use(**{**found, "state": UseState(found["state"])})


def is_leased(den: ColumnElement[str], user_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a lease of a person may have brought a directory entitlement.

    One of any entitlement that it is part of: several may share a group. Also one that is over, for
    as long as no complete sync can have seen that.
    """
    part = entitlement_targets.alias()

    def by(leases: Table, which: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(
            leases.c.user_id == user_id,
            leases.c.entitlement_id == part.c.entitlement_id,
            part.c.directory_entitlement_id == den,
            which,
        )

    return or_(by(uses, uses.c.lease_id != ""), by(former_leases, _unseen()))


def _unseen() -> ColumnElement[bool]:
    """Whether no complete sync can have seen that a row of `former_leases` is over."""
    as_of = (
        select(func.max(syncs.c.as_of_time))
        .join(apps, apps.c.connection_id == syncs.c.connection_id)
        .where(apps.c.app_id == former_leases.c.app_id)
        .correlate(former_leases)
        .scalar_subquery()
    )
    return or_(as_of.is_(None), former_leases.c.settle_time > as_of)


def settled_leases_forgotten() -> Delete:
    """Forgets the leases that a complete sync has seen are over."""
    return delete(former_leases).where(~_unseen())
