"""What waits for the end of a sync: what of it counts, and how it comes to be served.

What was seen before the round of a sweep is no more, and does not count. Whatever waits is of a
connection, not of one sync: a sync goes on from where an earlier one stopped.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    false,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert

from libs.db.guarded import Guarded
from services.catalog.domain.directory import DirectoryKind, ServicePrincipal, User
from services.catalog.domain.settings import UnmanagedAccessAction
from services.catalog.store.rows import user_of
from services.catalog.store.staged_rows import principal_of
from services.catalog.store.staged_tables import (
    staged_app_owners,
    staged_apps,
    staged_assignments,
    staged_groups,
    staged_memberships,
    staged_users,
)
from services.catalog.store.tables import (
    apps,
    directory_app_owners,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
)
from services.catalog.store.upsert import upsert

_TABLES = {
    DirectoryKind.USER: staged_users,
    DirectoryKind.GROUP: staged_groups,
    DirectoryKind.APP: staged_apps,
    DirectoryKind.MEMBERSHIP: staged_memberships,
    DirectoryKind.APP_ROLE_ASSIGNMENT: staged_assignments,
}
Sweeps = Mapping[DirectoryKind, int]


def counts(kind: DirectoryKind, connection_id: str, sweeps: Sweeps) -> ColumnElement[bool]:
    """Which waiting rows of a kind are the connection's, and were seen by a sweep."""
    table = _TABLES[kind]
    return and_(table.c.connection_id == connection_id, table.c.round >= sweeps.get(kind, 0))


def read_new_apps(
    connection: Connection, connection_id: str, sweeps: Sweeps
) -> tuple[ServicePrincipal, ...]:
    """The apps that will be served for the first time."""
    unknown = ~exists().where(apps.c.app_id == staged_apps.c.app_id)
    query = select(staged_apps).where(counts(DirectoryKind.APP, connection_id, sweeps), unknown)
    return tuple(map(principal_of, connection.execute(query.order_by(staged_apps.c.app_id))))


def read_managed_told(
    connection: Connection, connection_id: str, sweeps: Sweeps
) -> tuple[ServicePrincipal, ...]:
    """The managed apps that pages told something new of, and those that are back."""
    query = (
        select(staged_apps)
        .join(apps, apps.c.app_id == staged_apps.c.app_id)
        .where(
            counts(DirectoryKind.APP, connection_id, sweeps),
            apps.c.manage_time.is_not(None),
            or_(staged_apps.c.digest != apps.c.digest, apps.c.removed),
        )
    )
    return tuple(map(principal_of, connection.execute(query.order_by(staged_apps.c.app_id))))


def read_newly_disabled(
    connection: Connection, connection_id: str, sweeps: Sweeps
) -> tuple[User, ...]:
    """The people who can sign in as far as is served, and could no longer do so."""
    query = (
        select(staged_users)
        .join(directory_users, directory_users.c.user_id == staged_users.c.user_id)
        .where(
            counts(DirectoryKind.USER, connection_id, sweeps),
            staged_users.c.account_enabled.is_(False),
            directory_users.c.account_enabled.is_(True),
        )
    )
    return tuple(map(user_of, connection.execute(query.order_by(staged_users.c.user_id))))


def _noted(column: str, came: Any) -> ColumnElement[Any]:
    return case((apps.c.removed.is_(True), came[column]), else_=apps.c[column])


# A sync says what the directory tells of an app, never whether it is managed; an app that comes
# back has what it had.
_SERVE_APPS = upsert(
    apps,
    keep=(
        "create_time",
        "manage_time",
        "unmanage_time",
        "own_description",
        "instructions",
        "policy_id",
        "max_duration",
        "unmanaged_access_action",
        "unmanaged_access_action_time",
    ),
    update=lambda came: {
        # What was read of it is noted where it is served; of one that was removed only here.
        "assignments_digest": _noted("assignments_digest", came),
        "owners_known": _noted("owners_known", came),
        "removed": False,
        "version": case(
            (or_(apps.c.digest != came.digest, apps.c.removed.is_(True)), apps.c.version + 1),
            else_=apps.c.version,
        ),
    },
)
_UNMANAGED: Mapping[str, ColumnElement[Any]] = {
    "manage_time": null(),
    "unmanage_time": null(),
    "removed": false(),
    "own_description": literal(""),
    "instructions": literal(""),
    "policy_id": literal(""),
    "max_duration": null(),
    "unmanaged_access_action": literal(UnmanagedAccessAction.UNSPECIFIED.value),
    "unmanaged_access_action_time": null(),
    "version": literal(1),
}
_SERVE: Sequence[tuple[Insert, Table, Mapping[str, ColumnElement[Any]]]] = (
    (upsert(directory_users), staged_users, {}),
    (upsert(directory_groups), staged_groups, {}),
    (_SERVE_APPS, staged_apps, _UNMANAGED),
    # Since when something is held stays, where another connection served it meanwhile.
    (upsert(directory_memberships, keep=("since_time",)), staged_memberships, {}),
    (upsert(directory_assignments, keep=("since_time",)), staged_assignments, {}),
)


def drop_writes(
    connection_id: str, sweeps: Sweeps, gone_app: ColumnElement[bool]
) -> tuple[Guarded, ...]:
    """Forgets what does not count. `gone_app`: which rows of `apps` are about to go."""
    of_gone_apps = delete(staged_assignments).where(
        staged_assignments.c.connection_id == connection_id,
        or_(
            staged_assignments.c.app_id.in_(select(apps.c.app_id).where(gone_app)),
            staged_assignments.c.app_id.in_(
                select(staged_apps.c.app_id).where(
                    staged_apps.c.connection_id == connection_id,
                    staged_apps.c.round < sweeps.get(DirectoryKind.APP, 0),
                )
            ),
        ),
    )
    unseen = [
        delete(table).where(table.c.connection_id == connection_id, table.c.round < sweeps[kind])
        for kind, table in _TABLES.items()
        if kind in sweeps
    ]
    # Nobody reads the assignments of an app that is not there.
    dropped = [of_gone_apps, *unseen] if DirectoryKind.APP in sweeps else unseen
    forgotten: tuple[Guarded, ...] = ()
    if (swept := sweeps.get(DirectoryKind.APP_ROLE_ASSIGNMENT)) is not None:
        waiting = staged_assignments.c
        forgotten = digests_forgotten(
            select(waiting.app_id).where(
                waiting.connection_id == connection_id, waiting.round < swept
            )
        )
    return (*forgotten, *map(Guarded, dropped))


def digests_forgotten(app_ids: Select[Any]) -> tuple[Guarded, ...]:
    """Forgets the digests of apps that a sweep takes assignments from, served or waiting.

    Where a page said that an assignment is gone, it has taken care of the digest itself.
    """
    return tuple(
        Guarded(
            update(table)
            .where(table.c.app_id.in_(app_ids), table.c.assignments_digest != "")
            .values(assignments_digest="")
        )
        for table in (apps, staged_apps)
    )


def serve_writes(connection_id: str) -> tuple[Guarded, ...]:
    """Serves all of a connection that waits."""
    theirs = staged_app_owners.c.connection_id == connection_id
    read = select(staged_app_owners.c.app_id).where(theirs)
    there = exists().where(apps.c.app_id == staged_app_owners.c.app_id, apps.c.removed.is_(False))
    return (
        *(Guarded(_served(*each, connection_id)) for each in _SERVE),
        Guarded(delete(directory_app_owners).where(directory_app_owners.c.app_id.in_(read))),
        Guarded(
            insert(directory_app_owners).from_select(
                ["app_id", "user_id"],
                select(staged_app_owners.c.app_id, staged_app_owners.c.user_id).where(
                    theirs, staged_app_owners.c.user_id != "", there
                ),
            )
        ),
        *(
            Guarded(delete(table).where(table.c.connection_id == connection_id))
            for table in (*_TABLES.values(), staged_app_owners)
        ),
    )


def _served(
    into: Insert, staged: Table, also: Mapping[str, ColumnElement[Any]], connection_id: str
) -> Insert:
    columns = {column.name: column for column in staged.columns} | {"doomed": false(), **also}
    waiting = select(*columns.values()).where(staged.c.connection_id == connection_id)
    # In the order of the primary key: an index grows at one end then, and not all over.
    return into.from_select([*columns], waiting.order_by(*staged.primary_key.columns))
