"""Entitlements with all that is shown of them: owners, and what stands against having them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.provisioning import unprovisionable_reason
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.store.audience import groups_only
from services.catalog.store.owners import read_entitlement_owners
from services.catalog.store.rows import entitlement_of, select_entitlements
from services.catalog.store.tables import directory_groups


def groups_among(wanted: Select[Any] | Collection[str]) -> Select[Any]:
    """Of these directory entitlements, those that are of a group in the directory."""
    there = directory_groups.c.directory_entitlement_id
    return select(there).where(there.in_(wanted))


def select_shown() -> Select[Any]:
    """Entitlements with all that `shown_of` needs."""
    return select_entitlements().add_columns(groups_only().label("groups_only"))


def shown_of(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[ShownEntitlement, ...]:
    """Entitlements with all that is shown of them, in two statements more."""
    if not rows:
        return ()
    found = [entitlement_of(row) for row in rows]
    given = read_entitlement_owners(
        connection, {each.entitlement_id: each.app_id for each in found}
    )
    wanted = {target.directory_entitlement_id for each in found for target in each.fulfilment}
    query = groups_among(wanted).add_columns(directory_groups.c.unwritable_reason)
    groups = {there: UnwritableReason(why) for there, why in connection.execute(query)}
    return tuple(
        ShownEntitlement(
            each,
            given[each.entitlement_id],
            each.removal_reason(app_removed=row.app_removed, groups=groups),
            unprovisionable_reason(
                each,
                app_protected=row.app_protected,
                groups_only=row.groups_only,
                groups=groups,
            ),
        )
        for row, each in zip(rows, found, strict=True)
    )


def read_removed(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """What is gone that entitlements stand for, in words, of rows with all `entitlement_of` needs;
    only of those that something is gone of."""
    found = [(row.app_removed, entitlement_of(row)) for row in rows]
    wanted = {target.directory_entitlement_id for _, each in found for target in each.fulfilment}
    groups = frozenset(connection.execute(groups_among(wanted)).scalars())
    reasons = {
        each.entitlement_id: each.removal_reason(app_removed=app_removed, groups=groups)
        for app_removed, each in found
    }
    return {entitlement_id: reason for entitlement_id, reason in reasons.items() if reason}
