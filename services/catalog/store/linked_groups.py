"""The groups linked to apps, as they are read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    literal,
    or_,
    select,
    union,
)

from services.catalog.domain.app import NOT_IN_A_ROLE
from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.link import (
    FINAL,
    AssignedRole,
    LinkChoice,
    LinkedGroup,
    SharedEntitlement,
    UnwritableReason,
)
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements, links
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
)

# How far the members of a group in a list are counted: this many stands for more too.
COUNTED_MOST = 1_000


def counted_members(group_id: ColumnElement[str]) -> ColumnElement[int]:
    """How many direct members a group of a list has, counted to `COUNTED_MOST`."""
    some = (
        select(literal(1))
        .select_from(directory_memberships)
        .where(directory_memberships.c.group_id == group_id)
        .limit(COUNTED_MOST)
        .correlate(group_id.table)
        .subquery()
    )
    return select(func.count()).select_from(some).scalar_subquery()


def select_linked_groups(app_id: str) -> Select[Any]:
    """The groups assigned to an app, and those that a final choice was made for."""
    assigned = (
        select(
            directory_assignments.c.principal_id.label("group_id"),
            # A group may be assigned in several roles; it is one group all the same.
            func.min(directory_assignments.c.entra_app_role_id).label("entra_app_role_id"),
        )
        .where(
            directory_assignments.c.app_id == app_id,
            directory_assignments.c.principal_kind == PrincipalKind.GROUP.value,
        )
        .group_by(directory_assignments.c.principal_id)
        .subquery("assigned")
    )
    chosen = links.alias("chosen")
    either = union(
        select(assigned.c.group_id),
        select(chosen.c.group_id).where(
            chosen.c.app_id == app_id, chosen.c.choice.in_([choice.value for choice in FINAL])
        ),
    ).subquery("either")
    groups = directory_groups
    linked_id = func.coalesce(groups.c.directory_entitlement_id, links.c.directory_entitlement_id)
    found = (
        select(
            either.c.group_id,
            linked_id.label("directory_entitlement_id"),
            func.coalesce(groups.c.display_name, links.c.group_display_name).label("name"),
            func.coalesce(groups.c.search_name, links.c.search_name).label("search_name"),
            func.coalesce(groups.c.entra_object_id, links.c.entra_group_id).label("entra_group_id"),
            assigned.c.entra_app_role_id,
            links.c.entra_app_role_ids.label("chosen_role_ids"),
            groups.c.unwritable_reason,
            func.coalesce(links.c.choice, LinkChoice.PENDING.value).label("choice"),
            func.coalesce(links.c.entitlement_id, "").label("entitlement_id"),
            counted_members(either.c.group_id).label("member_count"),
            or_(groups.c.group_id.is_(None), assigned.c.group_id.is_(None)).label("gone"),
        )
        .select_from(either)
        .outerjoin(assigned, assigned.c.group_id == either.c.group_id)
        .outerjoin(groups, groups.c.group_id == either.c.group_id)
        .outerjoin(links, (links.c.group_id == either.c.group_id) & (links.c.app_id == app_id))
        # An assignment may name a group that is not in the directory: it has no name to show.
        .where(linked_id.is_not(None))
        .subquery("found")
    )
    return select(found)


def linked_groups_of(
    connection: Connection, rows: Sequence[Row[Any]], app_id: str
) -> tuple[LinkedGroup, ...]:
    """The groups of these rows, with what else each of them stands behind."""
    shared: dict[str, list[SharedEntitlement]] = {}
    query = (
        select(
            entitlement_targets.c.directory_entitlement_id,
            entitlements.c.app_id,
            apps.c.display_name.label("app_display_name"),
            entitlements.c.entitlement_id,
            entitlements.c.display_name,
        )
        .join(entitlements, entitlements.c.entitlement_id == entitlement_targets.c.entitlement_id)
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        .where(
            entitlement_targets.c.directory_entitlement_id.in_(
                [row.directory_entitlement_id for row in rows]
            )
        )
        .order_by(apps.c.search_name, entitlements.c.app_id, entitlements.c.entitlement_id)
    )
    for row in connection.execute(query):
        shared.setdefault(row.directory_entitlement_id, []).append(
            SharedEntitlement(
                row.app_id, row.app_display_name, row.entitlement_id, row.display_name
            )
        )
    roles: dict[str, list[AssignedRole]] = {}
    for group, assigned in _assignments(connection, rows):
        if assigned.app_id == app_id:
            roles.setdefault(group.group_id, []).append(_role_of(assigned))
        # The role of this app by which a group is shown is not "else".
        if (assigned.app_id, assigned.entra_app_role_id) != (app_id, group.entra_app_role_id):
            shared.setdefault(group.directory_entitlement_id, []).append(assigned)
    return tuple(
        _linked_group_of(
            row,
            app_id,
            shared.get(row.directory_entitlement_id, ()),
            roles.get(row.group_id, ()),
        )
        for row in rows
    )


def _role_of(assigned: SharedEntitlement) -> AssignedRole:
    role_id, name = assigned.entra_app_role_id, assigned.entra_app_role_display_name
    if role_id == NOT_IN_A_ROLE.entra_app_role_id:
        name = NOT_IN_A_ROLE.display_name
    return AssignedRole(role_id, name)


def _assignments(
    connection: Connection, rows: Sequence[Row[Any]]
) -> Iterator[tuple[Row[Any], SharedEntitlement]]:
    """All that these groups are assigned to in the directory, each with the row of its group.

    Managed or not: it is access that comes with the membership.
    """
    groups = {row.group_id: row for row in rows}
    query = (
        select(
            directory_assignments.c.principal_id,
            directory_assignments.c.entra_app_role_id,
            apps.c.app_id,
            apps.c.display_name,
            apps.c.app_roles,
        )
        .join(apps, apps.c.app_id == directory_assignments.c.app_id)
        .where(
            directory_assignments.c.principal_id.in_(groups),
            directory_assignments.c.principal_kind == PrincipalKind.GROUP.value,
        )
        .order_by(apps.c.search_name, apps.c.app_id, directory_assignments.c.entra_app_role_id)
    )
    for row in connection.execute(query):
        names = {role["entra_app_role_id"]: role["display_name"] for role in row.app_roles}
        yield (
            groups[row.principal_id],
            SharedEntitlement(
                row.app_id,
                row.display_name,
                entra_app_role_id=row.entra_app_role_id,
                entra_app_role_display_name=names.get(row.entra_app_role_id, ""),
            ),
        )


def _linked_group_of(
    row: Row[Any],
    app_id: str,
    shared: Iterable[SharedEntitlement],
    roles: Iterable[AssignedRole],
) -> LinkedGroup:
    chosen_role_ids = tuple(row.chosen_role_ids or ())
    return LinkedGroup(
        directory_entitlement_id=row.directory_entitlement_id,
        app_id=app_id,
        group_id=row.group_id,
        group_display_name=row.name,
        entra_group_id=row.entra_group_id,
        entra_app_role_id=row.entra_app_role_id or next(iter(chosen_role_ids), ""),
        member_count=row.member_count,
        unwritable_reason=UnwritableReason(row.unwritable_reason or UnwritableReason.WRITABLE),
        choice=LinkChoice(row.choice),
        entitlement_id=row.entitlement_id,
        shared_with=tuple(
            each
            for each in shared
            if not each.entitlement_id or each.entitlement_id != row.entitlement_id
        ),
        gone=row.gone,
        assigned_roles=tuple(roles),
        chosen_role_ids=chosen_role_ids,
    )
