"""What a page of a sync writes: into the mirror of the directory, and beside it.

What is served changes with the end of a sync and not before. So a page only notes in the mirror
what was seen and what is gone; what is new, and how things are now, waits in the staged tables.
All statements are made once: a sync of a big tenant executes them hundreds of times.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.catalog.domain.directory import DirectoryPage
from services.catalog.store.json_rows import json_rows
from services.catalog.store.staged_rows import app_values, group_values, user_values
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
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
)
from services.catalog.store.upsert import upsert

_SEEN_BY: BindParameter[str] = bindparam("b_connection_id", type_=Text())
_SEEN_IN: BindParameter[int] = bindparam("b_round", type_=BigInteger())

_STAGE_USERS = upsert(staged_users)
_STAGE_GROUPS = upsert(staged_groups)
# What has been read of an app's assignments and owners is told by other entries.
_STAGE_APPS = upsert(staged_apps, keep=("assignments_digest", "owners_known"))


def _same(table: Table, values: Mapping[str, Any]) -> ColumnElement[bool]:
    """Whether a row of a table has these values in its primary key."""
    return and_(*(column == values[column.name] for column in table.primary_key.columns))


def _seen(table: Table, *columns: str) -> Update:
    """Notes that rows with these columns were seen: nothing else of them changes.

    Neither is in an index, so that the update stays "hot".
    """
    _, parts = json_rows("rows", len(columns))
    return (
        update(table)
        .where(
            _same(table, dict(zip(columns, parts, strict=True))),
            # What a page repeats is not written once more.
            or_(
                table.c.round != _SEEN_IN,
                table.c.doomed,
                table.c.connection_id != _SEEN_BY,
            ),
        )
        .values(connection_id=_SEEN_BY, round=_SEEN_IN, doomed=False)
    )


def _stage_pairs(table: Table, served: Table, *columns: str) -> Insert:
    """Keeps rows of these columns for later, of those that are not served already."""
    rows, parts = json_rows("rows", len(columns))
    came = dict(zip(columns, parts, strict=True))
    statement = insert(table).from_select(
        [*columns, "connection_id", "round", "since_time"],
        select(
            *parts,
            bindparam("connection_id", type_=Text()),
            bindparam("round", type_=BigInteger()),
            bindparam("since_time", type_=table.c.since_time.type),
        )
        .select_from(rows)
        .where(~exists().where(_same(served, came)).correlate(rows)),
    )
    values = {each: statement.excluded[each] for each in ("connection_id", "round")}
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=values
    )


# In the order of the fields of `Membership` and `Assignment`.
_PAIR = ("group_id", "user_id", "directory_entitlement_id")
_ASSIGNED = (
    "app_id",
    "entra_app_role_id",
    "directory_entitlement_id",
    "principal_kind",
    "principal_id",
)
_SEE_USERS = _seen(directory_users, "user_id")
_SEE_GROUPS = _seen(directory_groups, "group_id")
_SEE_APPS = _seen(apps, "app_id")
_SEE_MEMBERSHIPS = _seen(directory_memberships, *_PAIR)
_SEE_ASSIGNMENTS = _seen(directory_assignments, *_ASSIGNED)
_STAGE_MEMBERSHIPS = _stage_pairs(staged_memberships, directory_memberships, *_PAIR)
_STAGE_ASSIGNMENTS = _stage_pairs(staged_assignments, directory_assignments, *_ASSIGNED)


def _of(table: Table, *columns: str) -> list[ColumnElement[bool]]:
    """Which rows of the connection: those with these columns as the parameters `b_…` say."""
    return [table.c[each] == bindparam(f"b_{each}") for each in (*columns, "connection_id")]


class _Gone:
    """What a page says is gone: marked where it is served, and dropped where it waits."""

    def __init__(self, served: Table, staged: Table, *columns: str) -> None:
        self._doom = (
            update(served).where(*_of(served, *columns), ~served.c.doomed).values(doomed=True)
        )
        self._drop = delete(staged).where(*_of(staged, *columns))

    def writes(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
        """Both, with their parameters."""
        return [(self._doom, rows), (self._drop, rows)]


_USERS = _Gone(directory_users, staged_users, "user_id")
_GROUPS = _Gone(directory_groups, staged_groups, "group_id")
_MEMBERSHIP = _Gone(directory_memberships, staged_memberships, "group_id", "user_id")
_MEMBERS = _Gone(directory_memberships, staged_memberships, "group_id")
_MEMBERSHIPS = _Gone(directory_memberships, staged_memberships, "user_id")
_ASSIGNMENTS = _Gone(directory_assignments, staged_assignments, "principal_id")
_ASSIGNMENTS_OF_APP = _Gone(directory_assignments, staged_assignments, "app_id")
_DOOM_APPS = (
    update(apps)
    .where(*_of(apps, "app_id"), ~apps.c.doomed, ~apps.c.removed)
    .values(doomed=True, assignments_digest="")
)
_DROP_APPS = delete(staged_apps).where(*_of(staged_apps, "app_id"))
_DOOM_ASSIGNMENTS_UNREAD = (
    update(directory_assignments)
    .where(
        *_of(directory_assignments, "app_id"),
        ~directory_assignments.c.doomed,
        directory_assignments.c.round < _SEEN_IN,
    )
    .values(doomed=True)
)
_DROP_ASSIGNMENTS_UNREAD = delete(staged_assignments).where(
    *_of(staged_assignments, "app_id"), staged_assignments.c.round < _SEEN_IN
)
_HOLDING = (
    (directory_assignments, ~directory_assignments.c.doomed),
    (staged_assignments, true()),
)
# An app that is new has only what waits of it, so both are kept alike.
_FORGET_DIGESTS = [
    update(table)
    .where(*_of(table, "app_id"), table.c.assignments_digest != "")
    .values(assignments_digest="")
    for table in (apps, staged_apps)
]
_FORGET_DIGESTS_OF_PRINCIPAL = [
    update(table)
    .where(
        table.c.assignments_digest != "",
        or_(
            *(
                table.c.app_id.in_(select(held.c.app_id).where(*_of(held, "principal_id"), which))
                for held, which in _HOLDING
            )
        ),
    )
    .values(assignments_digest="")
    for table in (apps, staged_apps)
]
_KEEP_DIGESTS = [
    update(table).where(*_of(table, "app_id")).values(assignments_digest=bindparam("b_digest"))
    for table in (apps, staged_apps)
]
_OWNERS_KNOWN = [
    update(table).where(*_of(table, "app_id")).values(owners_known=True)
    for table in (apps, staged_apps)
]
_FORGET_OWNERS = delete(staged_app_owners).where(
    staged_app_owners.c.app_id == bindparam("b_app_id")
)
_STAGE_OWNERS = insert(staged_app_owners)


def page_writes(
    connection_id: str, seen_in: int, page: DirectoryPage, now: datetime
) -> tuple[Write, ...]:
    """Keeps a page of a connection, seen in a round.

    What is gone is written before what is there: where a page says both, nothing is lost.
    """
    seen = {"connection_id": connection_id, "round": seen_in}
    named = {each.app_id for each in page.assignments}
    unread = named - {each.app_id for each in page.assignments_read}

    def of(column: str, values: Iterable[str]) -> list[dict[str, Any]]:
        return [{"b_connection_id": connection_id, f"b_{column}": each} for each in values]

    def rows(things: Sequence[tuple[str, ...]]) -> list[str]:
        # No row twice in one statement, which PostgreSQL refuses.
        return [json.dumps(list(dict.fromkeys(things)), ensure_ascii=False)] if things else []

    def see(things: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
        return [
            {"b_connection_id": connection_id, "b_round": seen_in, "rows": each}
            for each in rows(things)
        ]

    def stage(pairs: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
        return [{**seen, "since_time": now, "rows": each} for each in rows(pairs)]

    users, groups = page.removed_user_ids, page.removed_group_ids
    gone_apps = of("app_id", page.removed_app_ids)
    principals = of("principal_id", (*users, *groups))
    read = of("app_id", (each.app_id for each in page.assignments_read))
    until_now = [{**each, "b_round": seen_in} for each in read]
    digests = [
        {**row, "b_digest": each.digest}
        for row, each in zip(read, page.assignments_read, strict=True)
    ]
    owned = of("app_id", (each.app_id for each in page.owners_read))
    pairs = [
        {"b_connection_id": connection_id, "b_group_id": each.group_id, "b_user_id": each.user_id}
        for each in page.removed_memberships
    ]
    return tuple(
        Guarded(statement, parameters=parameters)
        for statement, parameters in (
            *_USERS.writes(of("user_id", users)),
            *_MEMBERSHIPS.writes(of("user_id", users)),
            *_GROUPS.writes(of("group_id", groups)),
            *_MEMBERS.writes(of("group_id", groups)),
            *((each, principals) for each in _FORGET_DIGESTS_OF_PRINCIPAL),
            *_ASSIGNMENTS.writes(principals),
            (_DOOM_APPS, gone_apps),
            (_DROP_APPS, gone_apps),
            *_ASSIGNMENTS_OF_APP.writes(gone_apps),
            *_MEMBERSHIP.writes(pairs),
            (_SEE_USERS, see([(each.user_id,) for each in page.users])),
            (_STAGE_USERS, [{**seen, **user_values(each, now)} for each in page.users]),
            (_SEE_GROUPS, see([(each.group_id,) for each in page.groups])),
            (_STAGE_GROUPS, [{**seen, **group_values(each)} for each in page.groups]),
            (_SEE_MEMBERSHIPS, see(page.memberships)),
            (_STAGE_MEMBERSHIPS, stage(page.memberships)),
            (_SEE_APPS, see([(each.app_id,) for each in page.service_principals])),
            (_STAGE_APPS, [{**seen, **app_values(each, now)} for each in page.service_principals]),
            (_SEE_ASSIGNMENTS, see(page.assignments)),
            (_STAGE_ASSIGNMENTS, stage(page.assignments)),
            # Some of an app's assignments are new now, and the rest is still to come.
            *((each, of("app_id", sorted(unread))) for each in _FORGET_DIGESTS),
            (_DOOM_ASSIGNMENTS_UNREAD, until_now),
            (_DROP_ASSIGNMENTS_UNREAD, until_now),
            *((each, digests) for each in _KEEP_DIGESTS),
            (_FORGET_OWNERS, [{"b_app_id": each.app_id} for each in page.owners_read]),
            (
                _STAGE_OWNERS,
                [
                    {"app_id": each.app_id, "user_id": user_id, "connection_id": connection_id}
                    for each in page.owners_read
                    for user_id in each.user_ids or ("",)
                ],
            ),
            *((each, owned) for each in _OWNERS_KNOWN),
        )
        if parameters
    )
