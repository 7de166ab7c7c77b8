"""How entitlements follow what a sync says of roles, apps and groups."""

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, select, update

from libs.db.committer import Guarded
from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.app_roles import RolesFollowed
from services.catalog.domain.entitlement import (
    APP_GONE,
    Entitlement,
    GoneEntitlement,
    group_gone,
)
from services.catalog.store.entitlements import changed_writes, entitlement_writes
from services.catalog.store.rows import app_of, entitlement_of, select_entitlements
from services.catalog.store.tables import (
    apps,
    directory_groups,
    entitlement_targets,
    entitlements,
)


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
    app_ids: Collection[str], managed_count: int, followed: Collection[RolesFollowed]
) -> tuple[Write, ...]:
    """Keeps how entitlements follow roles.

    An app that was managed meanwhile, or no longer is, has other entitlements than these were made
    from: the first write counts those that are, and changes nothing of them.
    """
    created = [each for one in followed for each in one.created]
    changed = [each.after for one in followed for each in one.changes]
    return (
        Guarded(
            update(apps)
            .where(apps.c.app_id.in_(app_ids), apps.c.manage_time.is_not(None))
            .values(version=apps.c.version),
            expects=managed_count,
        ),
        *(entitlement_writes(created) if created else ()),
        *changed_writes(changed),
    )


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
