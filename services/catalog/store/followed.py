"""How entitlements and links follow what a sync says of roles, apps and groups."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, tuple_, update

from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.directory import DirectoryKind
from services.catalog.domain.entitlement import (
    APP_GONE,
    Entitlement,
    GoneEntitlement,
    group_gone,
)
from services.catalog.domain.followed import EntitlementChange, RenamedGroups
from services.catalog.domain.target import membership_name
from services.catalog.store.entitlement_tables import (
    bindings,
    entitlement_targets,
    entitlements,
    links,
)
from services.catalog.store.entitlements import changed_writes, entitlement_writes
from services.catalog.store.rows import app_of, entitlement_of, select_entitlements
from services.catalog.store.staged import Sweeps, counts
from services.catalog.store.staged_tables import staged_groups
from services.catalog.store.tables import apps, directory_groups


def read_managed_apps(
    connection: Connection, app_ids: Collection[str]
) -> Mapping[str, tuple[App, tuple[Entitlement, ...]]]:
    """Those of these apps that are managed, with what of them stands for a role."""
    managed = select(apps).where(apps.c.app_id.in_(app_ids), apps.c.manage_time.is_not(None))
    found = {row.app_id: app_of(row) for row in connection.execute(managed)}
    if not found:
        return {}
    roles: dict[str, list[Entitlement]] = {app_id: [] for app_id in found}
    query = select_entitlements().where(
        entitlements.c.app_id.in_(found), entitlements.c.entra_app_role_id != ""
    )
    for row in connection.execute(query):
        roles[row.app_id].append(entitlement_of(row))
    return {app_id: (app, tuple(roles[app_id])) for app_id, app in found.items()}


def followed_writes(
    app_ids: Collection[str], managed_count: int, created: Collection[Entitlement]
) -> tuple[Write, ...]:
    """Keeps the entitlements of new roles.

    An app that was managed meanwhile, or no longer is, has other entitlements than these were made
    from: the first write counts those that are, and changes nothing of them.
    """
    return (
        Guarded(
            update(apps)
            .where(apps.c.app_id.in_(app_ids), apps.c.manage_time.is_not(None))
            .values(version=apps.c.version),
            expects=managed_count,
        ),
        *(entitlement_writes(created) if created else ()),
    )


def _renamed(connection_id: str, sweeps: Sweeps) -> Select[Any]:
    """The links under which waiting groups have other names, with what is bound to them.

    Compared with what was kept, not with what is served: what was missed once is not missed again.
    """
    part, waiting = entitlement_targets.c, staged_groups.c
    return (
        select(
            links.c.app_id,
            links.c.directory_entitlement_id,
            part.entitlement_id,
            waiting.display_name,
        )
        .select_from(staged_groups)
        .join(
            entitlement_targets, part.directory_entitlement_id == waiting.directory_entitlement_id
        )
        .join(
            links,
            (links.c.app_id == part.app_id)
            & (links.c.directory_entitlement_id == part.directory_entitlement_id),
        )
        .where(
            counts(DirectoryKind.GROUP, connection_id, sweeps),
            links.c.group_display_name != waiting.display_name,
        )
    )


def read_renamed(connection: Connection, connection_id: str, sweeps: Sweeps) -> RenamedGroups:
    """The groups that entitlements stand for, and that are called otherwise from now on."""
    query = _renamed(connection_id, sweeps)
    rows = connection.execute(query).all()
    if not rows:
        return RenamedGroups({}, (), 0)
    ids = query.with_only_columns(entitlement_targets.c.entitlement_id)
    found = select_entitlements().where(entitlements.c.entitlement_id.in_(ids))
    return RenamedGroups(
        {row.directory_entitlement_id: row.display_name for row in rows},
        tuple(map(entitlement_of, connection.execute(found))),
        len({(row.app_id, row.directory_entitlement_id) for row in rows}),
    )


def change_writes(
    changes: Collection[EntitlementChange],
    renamed: RenamedGroups,
    connection_id: str,
    sweeps: Sweeps,
) -> tuple[Write, ...]:
    """Keeps changed entitlements, and the names of groups in links and bindings."""
    changed = changed_writes(change.after for change in changes)
    query = _renamed(connection_id, sweeps)
    key = (links.c.app_id, links.c.directory_entitlement_id)
    its = staged_groups.c.group_id == links.c.group_id
    return (
        # That none was linked under its old name meanwhile is what the count says.
        Guarded(
            update(links)
            .where(tuple_(*key).in_(query.with_only_columns(*key)))
            .values(
                {
                    name: select(staged_groups.c[column]).where(its).scalar_subquery()
                    for name, column in _NAMES.items()
                }
            ),
            expects=renamed.link_count,
        ),
        Guarded(
            update(bindings)
            .where(
                bindings.c.entitlement_id == bindparam("b_entitlement_id"),
                bindings.c.directory_entitlement_id == bindparam("b_directory_entitlement_id"),
            )
            .values(directory_display_name=bindparam("b_name")),
            parameters=[
                {
                    "b_entitlement_id": each.entitlement_id,
                    "b_directory_entitlement_id": target.directory_entitlement_id,
                    "b_name": membership_name(renamed.names[target.directory_entitlement_id]),
                }
                for each in renamed.entitlements
                for target in each.fulfilment
                if target.directory_entitlement_id in renamed.names
            ],
        ),
        *changed,
    )


_NAMES = {"group_display_name": "display_name", "search_name": "search_name"}


def read_gone_entitlements(
    connection: Connection, gone_app: ColumnElement[bool], gone_group: ColumnElement[bool]
) -> tuple[GoneEntitlement, ...]:
    """The entitlements that apps and groups take with them, each for one reason.

    `gone_app` says which rows of `apps` those are, `gone_group` which rows of `directory_groups`.
    What could not be had before is not among them.
    """
    columns = (entitlements.c.entitlement_id, entitlements.c.app_id, entitlements.c.version)
    could_be_had = (~apps.c.removed, ~entitlements.c.role_gone)
    by_app = (
        select(*columns)
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        .where(gone_app, *could_be_had)
    )
    targets = entitlement_targets
    by_group = (
        select(*columns, directory_groups.c.display_name)
        .select_from(directory_groups)
        .join(
            targets,
            targets.c.directory_entitlement_id == directory_groups.c.directory_entitlement_id,
        )
        .join(entitlements, entitlements.c.entitlement_id == targets.c.entitlement_id)
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        .where(gone_group, *could_be_had)
    )
    found = {
        row.entitlement_id: GoneEntitlement(
            row.entitlement_id, row.app_id, row.version, group_gone(row.display_name)
        )
        for row in connection.execute(by_group)
    } | {
        row.entitlement_id: GoneEntitlement(row.entitlement_id, row.app_id, row.version, APP_GONE)
        for row in connection.execute(by_app)
    }
    return tuple(found.values())


def gone_writes(gone: Collection[GoneEntitlement]) -> tuple[Write, ...]:
    """Keeps that entitlements changed, since where they stand did."""
    return tuple(
        Guarded(
            update(entitlements)
            .where(
                entitlements.c.entitlement_id == each.entitlement_id,
                entitlements.c.version == each.version,
            )
            .values(version=each.version + 1),
            expects=1,
        )
        for each in gone
    )
