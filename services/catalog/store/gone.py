"""What is gone from the mirror: which rows, and how a sync that is complete removes them.

What somebody held is kept as a grant of the past, and a managed app stays, as one that is removed.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, delete, func, literal, or_, select, update

from libs.db.guarded import Guarded
from services.catalog.domain.app import App
from services.catalog.domain.directory import DirectoryKind, PrincipalKind
from services.catalog.store.staged import Sweeps, digests_forgotten
from services.catalog.store.tables import (
    apps,
    directory_app_owners,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    past_grants,
)
from services.catalog.store.upsert import upsert

# In the order of removal: which assignments are gone is asked of the apps.
MIRROR = {
    DirectoryKind.MEMBERSHIP: directory_memberships,
    DirectoryKind.APP_ROLE_ASSIGNMENT: directory_assignments,
    DirectoryKind.GROUP: directory_groups,
    DirectoryKind.USER: directory_users,
    DirectoryKind.APP: apps,
}


def is_there(kind: DirectoryKind, connection_id: str) -> ColumnElement[bool]:
    """Which rows of a kind are the connection's."""
    there = MIRROR[kind].c.connection_id == connection_id
    return and_(there, ~apps.c.removed) if kind is DirectoryKind.APP else there


def is_gone(kind: DirectoryKind, connection_id: str, sweeps: Sweeps) -> ColumnElement[bool]:
    """Which rows of a kind a page said are gone, or a sweep did not see."""
    table = MIRROR[kind]
    reasons: list[ColumnElement[bool]] = [table.c.doomed]
    if kind in sweeps:
        reasons.append(table.c.round < sweeps[kind])
    if kind is DirectoryKind.APP_ROLE_ASSIGNMENT and DirectoryKind.APP in sweeps:
        # Nobody reads the assignments of an app that is not there.
        unseen = select(apps.c.app_id).where(is_gone(DirectoryKind.APP, connection_id, sweeps))
        reasons.append(table.c.app_id.in_(unseen))
    return and_(is_there(kind, connection_id), or_(*reasons))


def removal_writes(
    connection_id: str,
    sweeps: Sweeps,
    gone: Mapping[DirectoryKind, int],
    gone_apps: Collection[App],
    now: datetime,
) -> tuple[Guarded, ...]:
    """Removes all that is gone of a connection: so many rows of each kind, and these apps."""
    writes: list[Guarded] = []
    if gone[DirectoryKind.APP_ROLE_ASSIGNMENT]:
        held = directory_assignments.c
        swept = is_gone(DirectoryKind.APP_ROLE_ASSIGNMENT, connection_id, sweeps)
        writes += digests_forgotten(select(held.app_id).where(swept, ~held.doomed))
    writes += (
        _kept_as_past(kind, is_gone(kind, connection_id, sweeps), gone[kind], now)
        for kind in (DirectoryKind.MEMBERSHIP, DirectoryKind.APP_ROLE_ASSIGNMENT)
        if gone[kind]
    )
    # The counts are guards: what is reported as removed is what is removed.
    writes += (
        Guarded(delete(table).where(is_gone(kind, connection_id, sweeps)), gone[kind])
        for kind, table in MIRROR.items()
        if gone[kind] and kind is not DirectoryKind.APP
    )
    if gone_apps:
        which = is_gone(DirectoryKind.APP, connection_id, sweeps)
        unmanaged = sum(1 for app in gone_apps if app.manage_time is None)
        writes += (
            Guarded(
                delete(directory_app_owners).where(
                    directory_app_owners.c.app_id.in_(select(apps.c.app_id).where(which))
                )
            ),
            Guarded(delete(apps).where(which, apps.c.manage_time.is_(None)), unmanaged),
            Guarded(
                update(apps)
                .where(which, apps.c.manage_time.is_not(None))
                .values(
                    removed=True,
                    doomed=False,
                    assignments_digest="",
                    owners_known=False,
                    version=apps.c.version + 1,
                ),
                len(gone_apps) - unmanaged,
            ),
        )
    return tuple(writes)


def _kept_as_past(
    kind: DirectoryKind, which: ColumnElement[bool], count: int, now: datetime
) -> Guarded:
    """Keeps what is about to be removed as grants of the past."""
    held = MIRROR[kind].c
    of_a_person = literal(PrincipalKind.USER.value, past_grants.c.principal_kind.type)
    columns: dict[str, ColumnElement[Any]] = {
        "directory_entitlement_id": held.directory_entitlement_id,
        "connection_id": held.connection_id,
        "since_time": held.since_time,
        "end_time": literal(now, past_grants.c.end_time.type),
    }
    if kind is DirectoryKind.MEMBERSHIP:
        columns |= {
            "principal_id": held.user_id,
            "principal_kind": of_a_person,
            "group_id": held.group_id,
            "app_id": literal(""),
            "entra_app_role_id": literal(""),
            "principal_display_name": _name(directory_users, held.user_id),
            "directory_display_name": _name(directory_groups, held.group_id),
        }
    else:
        principal = case(
            (
                held.principal_kind == PrincipalKind.USER.value,
                _name(directory_users, held.principal_id),
            ),
            else_=_name(directory_groups, held.principal_id),
        )
        columns |= {
            "principal_id": held.principal_id,
            "principal_kind": held.principal_kind,
            "group_id": literal(""),
            "app_id": held.app_id,
            "entra_app_role_id": held.entra_app_role_id,
            "principal_display_name": principal,
            "directory_display_name": _name(apps, held.app_id),
        }
    # What went twice at one moment, by a clock that stands or steps back, is kept once.
    statement = upsert(past_grants).from_select([*columns], select(*columns.values()).where(which))
    return Guarded(statement, count)


def _name(of: Table, key: ColumnElement[str]) -> ColumnElement[str]:
    """What a person, group or app is called when it goes; nothing where it was never known."""
    (own,) = of.primary_key.columns
    name = select(of.c.display_name).where(own == key).correlate_except(of).scalar_subquery()
    return func.coalesce(name, "")
