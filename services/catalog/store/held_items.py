"""Who holds what, item by item.

However many hold a thing, and however much a person holds, each item is looked up by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    column,
    select,
    union_all,
    values,
)

from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.held import HeldItem, HeldState, held_state
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    syncs,
)

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_USERS: Select[Any] = select(directory_users.c.user_id).where(directory_users.c.user_id.in_(_IDS))
_GROUPS: Select[Any] = select(directory_groups.c.directory_entitlement_id).where(
    directory_groups.c.directory_entitlement_id.in_(_IDS)
)
# Which role of which app an id stands for is known of what entitlements are fulfilled with.
_ROLES = (
    select(entitlement_targets.c.directory_entitlement_id, entitlements.c.fulfilment)
    .join(entitlements, entitlements.c.entitlement_id == entitlement_targets.c.entitlement_id)
    .join(apps, apps.c.app_id == entitlements.c.app_id)
    .where(
        entitlement_targets.c.directory_entitlement_id.in_(_IDS),
        entitlements.c.role_gone.is_(False),
        apps.c.removed.is_(False),
    )
)
_SYNC = select(syncs.c.sync_id, syncs.c.completed).where(
    syncs.c.connection_id == bindparam("connection_id", type_=Text())
)


def read_held_items(
    connection: Connection, connection_id: str, items: Sequence[HeldItem]
) -> tuple[str, tuple[HeldState, ...]]:
    """The newest sync, empty while it is not complete, and the state of each item."""
    sync = connection.execute(_SYNC, {"connection_id": connection_id}).one_or_none()
    held = {HeldItem(*row) for row in connection.execute(_held_of(items))}
    people = {"ids": sorted({each.user_id for each in items})}
    things = {"ids": sorted({each.directory_entitlement_id for each in items})}
    user_ids = set(connection.execute(_USERS, people).scalars())
    there = set(connection.execute(_GROUPS, things).scalars())
    there |= {row[0] for row in connection.execute(_ROLES, things) if _is_role(*row)}
    sync_id = sync.sync_id if sync is not None and sync.completed else ""
    return sync_id, tuple(held_state(each, held, user_ids, there) for each in items)


def _held_of(items: Iterable[HeldItem]) -> CompoundSelect[Any]:
    """Which of the items are held. Joined with what is asked for: SQLite has no other way to look
    up pairs in an index."""
    asked = (
        values(column("user_id", Text()), column("den", Text()), name="asked")
        .data(sorted({(each.user_id, each.directory_entitlement_id) for each in items}))
        .cte()
    )
    members, assigned = directory_memberships.c, directory_assignments.c
    return union_all(
        select(asked.c.user_id, asked.c.den).join(
            directory_memberships,
            and_(
                members.user_id == asked.c.user_id, members.directory_entitlement_id == asked.c.den
            ),
        ),
        select(asked.c.user_id, asked.c.den).join(
            directory_assignments,
            and_(
                assigned.principal_id == asked.c.user_id,
                assigned.directory_entitlement_id == asked.c.den,
                assigned.principal_kind == PrincipalKind.USER.value,
            ),
        ),
    )


def _is_role(directory_entitlement_id: str, fulfilment: Iterable[Mapping[str, str]]) -> bool:
    """Whether a part of a fulfilment is a role: groups tell for themselves."""
    return any(
        part["directory_entitlement_id"] == directory_entitlement_id
        and "entra_group_id" not in part
        for part in fulfilment
    )
