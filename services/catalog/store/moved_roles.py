"""The roles of apps that linked groups are assigned in, before and after the end of a sync."""

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, false, or_, select

from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.link import FINAL, RolesMoved, has_drifted
from services.catalog.store.entitlement_tables import entitlements, links
from services.catalog.store.staged_tables import staged_assignments
from services.catalog.store.tables import apps, directory_assignments, directory_groups


def read_moved_roles(
    connection: Connection,
    gone_app: ColumnElement[bool],
    gone_group: ColumnElement[bool],
    gone_assignment: ColumnElement[bool],
    waiting: ColumnElement[bool],
) -> tuple[RolesMoved, ...]:
    """The groups that a final choice was made for, and that are assigned in other roles from now
    on, but not those that are gone themselves, or their app.

    The first three say which rows are gone, of `apps`, `directory_groups` and
    `directory_assignments`; `waiting` which rows of `staged_assignments` will be served.
    """
    served, staged = directory_assignments, staged_assignments
    of_a_group = [each.c.principal_kind == PrincipalKind.GROUP.value for each in (served, staged)]
    touched = or_(
        links.c.app_id.in_(select(served.c.app_id).where(gone_assignment, of_a_group[0])),
        links.c.app_id.in_(select(staged.c.app_id).where(waiting, of_a_group[1])),
    )
    there = (
        links.c.app_id.not_in(select(apps.c.app_id).where(gone_app)),
        links.c.group_id.not_in(select(directory_groups.c.group_id).where(gone_group)),
    )
    before, after = defaultdict(set), defaultdict(set)
    found: dict[tuple[str, str], Any] = {}
    query = _roles(served, gone_assignment).where(touched, *there)
    for row in connection.execute(query):
        key = (row.app_id, row.directory_entitlement_id)
        found[key] = row
        before[key].add(row.entra_app_role_id)
        if not row.gone:
            after[key].add(row.entra_app_role_id)
    for row in connection.execute(_roles(staged, false()).where(waiting, *there)):
        key = (row.app_id, row.directory_entitlement_id)
        found[key] = row
        after[key].add(row.entra_app_role_id)
    return tuple(
        RolesMoved(
            *key,
            row.entitlement_id,
            row.version,
            tuple(sorted(after[key])),
            has_drifted(row.entra_app_role_ids, after[key]),
        )
        for key, row in sorted(found.items(), key=lambda item: item[0])
        if before[key] != after[key]
    )


def _roles(assigned: Any, gone: ColumnElement[bool]) -> Select[Any]:
    """The roles in which these rows have groups that a final choice was made for."""
    return (
        select(
            links.c.app_id,
            links.c.directory_entitlement_id,
            links.c.entra_app_role_ids,
            links.c.entitlement_id,
            entitlements.c.version,
            assigned.c.entra_app_role_id,
            gone.label("gone"),
        )
        .join(
            assigned,
            (assigned.c.app_id == links.c.app_id) & (assigned.c.principal_id == links.c.group_id),
        )
        .join(entitlements, entitlements.c.entitlement_id == links.c.entitlement_id)
        .where(links.c.choice.in_([choice.value for choice in FINAL]))
    )
