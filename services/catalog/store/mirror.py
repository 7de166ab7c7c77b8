"""What a page writes into the mirror of the directory.

All statements are made once: a sync of a big tenant executes them hundreds of times.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    bindparam,
    case,
    delete,
    false,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from libs.db.committer import Guarded
from libs.domain.changes import Write
from services.catalog.domain.directory import DirectoryPage, Group, ServicePrincipal, User
from services.catalog.store.json_rows import json_rows
from services.catalog.store.rows import app_digest, app_roles_json
from services.catalog.store.tables import (
    apps,
    directory_app_owners,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
)
from services.catalog.store.text import search_name
from services.catalog.store.upsert import upsert

_UPSERT_USERS = upsert(directory_users)
_UPSERT_GROUPS = upsert(directory_groups)
# A sync says what the directory tells of an app, never whether it is managed; an app that comes
# back has what it had.
_UPSERT_APPS = upsert(
    apps,
    keep=(
        "create_time",
        "manage_time",
        "unmanage_time",
        "assignments_digest",
        "owners_known",
        "own_description",
        "instructions",
        "policy_id",
        "max_duration",
    ),
    update=lambda came: {
        "removed": False,
        "version": case(
            (or_(apps.c.digest != came.digest, apps.c.removed.is_(True)), apps.c.version + 1),
            else_=apps.c.version,
        ),
    },
)


def _upsert_pairs(table: Table, *columns: str) -> Insert:
    """Inserts rows of these columns, or says that they were seen: nothing else of them changes.

    Since when something is held is kept: it is in no index either, so the update stays "hot".
    """
    rows, parts = json_rows("rows", len(columns))
    statement = insert(table).from_select(
        [*columns, "connection_id", "round", "since_time", "doomed"],
        select(
            *parts,
            bindparam("connection_id", type_=table.c.connection_id.type),
            bindparam("round", type_=table.c.round.type),
            bindparam("since_time", type_=table.c.since_time.type),
            false(),
        )
        .select_from(rows)
        # Without it SQLite takes the ON that follows for that of a join.
        .where(text("true")),
    )
    came = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"connection_id": came.connection_id, "round": came.round, "doomed": False},
        # What a page repeats is not written once more.
        where=or_(
            table.c.round != came.round,
            table.c.doomed,
            table.c.connection_id != came.connection_id,
        ),
    )


# In the order of the fields of `Membership` and `Assignment`.
_UPSERT_MEMBERSHIPS = _upsert_pairs(
    directory_memberships, "group_id", "user_id", "directory_entitlement_id"
)
_UPSERT_ASSIGNMENTS = _upsert_pairs(
    directory_assignments,
    "app_id",
    "entra_app_role_id",
    "directory_entitlement_id",
    "principal_kind",
    "principal_id",
)


def _of(table: Table, *columns: str) -> list[ColumnElement[bool]]:
    """Which rows of the connection: those with these columns as the parameters `b_…` say."""
    return [table.c[each] == bindparam(f"b_{each}") for each in (*columns, "connection_id")]


def _doom(table: Table, *columns: str) -> Any:
    return update(table).where(*_of(table, *columns), ~table.c.doomed).values(doomed=True)


_DOOM_USERS = _doom(directory_users, "user_id")
_DOOM_GROUPS = _doom(directory_groups, "group_id")
_DOOM_MEMBERSHIP = _doom(directory_memberships, "group_id", "user_id")
_DOOM_MEMBERS = _doom(directory_memberships, "group_id")
_DOOM_MEMBERSHIPS = _doom(directory_memberships, "user_id")
_DOOM_ASSIGNMENTS = _doom(directory_assignments, "principal_id")
_DOOM_ASSIGNMENTS_OF_APP = _doom(directory_assignments, "app_id")
_DOOM_ASSIGNMENTS_UNREAD = _doom(directory_assignments, "app_id").where(
    directory_assignments.c.round < bindparam("b_round")
)
_DOOM_APPS = _doom(apps, "app_id").where(~apps.c.removed).values(doomed=True, assignments_digest="")
_FORGET_DIGESTS = (
    update(apps)
    .where(*_of(apps, "app_id"), apps.c.assignments_digest != "")
    .values(assignments_digest="")
)
_FORGET_DIGESTS_OF_PRINCIPAL = (
    update(apps)
    .where(
        apps.c.assignments_digest != "",
        apps.c.app_id.in_(
            select(directory_assignments.c.app_id).where(
                *_of(directory_assignments, "principal_id"), ~directory_assignments.c.doomed
            )
        ),
    )
    .values(assignments_digest="")
)
_FORGET_OWNERS = delete(directory_app_owners).where(
    directory_app_owners.c.app_id == bindparam("b_app_id")
)
_KEEP_OWNERS = insert(directory_app_owners)
_OWNERS_KNOWN = update(apps).where(*_of(apps, "app_id")).values(owners_known=True)
_KEEP_DIGESTS = (
    update(apps).where(*_of(apps, "app_id")).values(assignments_digest=bindparam("b_digest"))
)


def page_writes(
    connection_id: str, seen_in: int, page: DirectoryPage, now: datetime
) -> tuple[Write, ...]:
    """Keeps a page of a connection, seen in a round.

    What is gone is written before what is there: where a page says both, nothing is lost.
    """
    seen = {"connection_id": connection_id, "round": seen_in, "doomed": False}
    named = {each.app_id for each in page.assignments}
    unread = named - {each.app_id for each in page.assignments_read}

    def of(column: str, values: Iterable[str]) -> list[dict[str, Any]]:
        return [{"b_connection_id": connection_id, f"b_{column}": each} for each in values]

    def pairs(things: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
        # No row twice in one statement, which PostgreSQL refuses.
        rows = json.dumps(list(dict.fromkeys(things)), ensure_ascii=False)
        row = {"connection_id": connection_id, "round": seen_in, "since_time": now, "rows": rows}
        return [row] if things else []

    users, groups = page.removed_user_ids, page.removed_group_ids
    gone_apps = of("app_id", page.removed_app_ids)
    principals = of("principal_id", (*users, *groups))
    return tuple(
        Guarded(statement, parameters=rows)
        for statement, rows in (
            (_DOOM_USERS, of("user_id", users)),
            (_DOOM_MEMBERSHIPS, of("user_id", users)),
            (_DOOM_GROUPS, of("group_id", groups)),
            (_DOOM_MEMBERS, of("group_id", groups)),
            (_FORGET_DIGESTS_OF_PRINCIPAL, principals),
            (_DOOM_ASSIGNMENTS, principals),
            (_DOOM_APPS, gone_apps),
            (_DOOM_ASSIGNMENTS_OF_APP, gone_apps),
            (
                _DOOM_MEMBERSHIP,
                [
                    {
                        "b_connection_id": connection_id,
                        "b_group_id": each.group_id,
                        "b_user_id": each.user_id,
                    }
                    for each in page.removed_memberships
                ],
            ),
            (_UPSERT_USERS, [{**seen, **_user(each, now)} for each in page.users]),
            (_UPSERT_GROUPS, [{**seen, **_group(each)} for each in page.groups]),
            (_UPSERT_MEMBERSHIPS, pairs(page.memberships)),
            (_UPSERT_APPS, [{**seen, **_app(each, now)} for each in page.service_principals]),
            (_UPSERT_ASSIGNMENTS, pairs(page.assignments)),
            # Some of an app's assignments are new now, and the rest is still to come.
            (_FORGET_DIGESTS, of("app_id", sorted(unread))),
            (
                _DOOM_ASSIGNMENTS_UNREAD,
                [
                    {**each, "b_round": seen_in}
                    for each in of("app_id", (read.app_id for read in page.assignments_read))
                ],
            ),
            (
                _KEEP_DIGESTS,
                [
                    {
                        "b_connection_id": connection_id,
                        "b_app_id": each.app_id,
                        "b_digest": each.digest,
                    }
                    for each in page.assignments_read
                ],
            ),
            (_FORGET_OWNERS, [{"b_app_id": each.app_id} for each in page.owners_read]),
            (
                _KEEP_OWNERS,
                [
                    {"app_id": each.app_id, "user_id": user_id}
                    for each in page.owners_read
                    for user_id in each.user_ids
                ],
            ),
            (_OWNERS_KNOWN, of("app_id", (each.app_id for each in page.owners_read))),
        )
        if rows
    )


def _user(user: User, now: datetime) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "entra_tenant_id": user.entra_tenant_id,
        "entra_object_id": user.entra_object_id,
        "display_name": user.display_name,
        "search_name": search_name(user.display_name),
        "user_principal_name": user.user_principal_name,
        "mail": user.mail,
        "department": user.department,
        "job_title": user.job_title,
        "manager_user_id": user.manager_user_id,
        "account_enabled": user.account_enabled,
        "sync_time": now,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "directory_entitlement_id": group.directory_entitlement_id,
        "entra_tenant_id": group.entra_tenant_id,
        "entra_object_id": group.entra_object_id,
        "display_name": group.display_name,
        "search_name": search_name(group.display_name),
        "description": group.description,
        "unwritable_reason": group.unwritable_reason.value,
    }


def _app(app: ServicePrincipal, now: datetime) -> dict[str, Any]:
    return {
        "app_id": app.app_id,
        "entra_tenant_id": app.entra_tenant_id,
        "entra_service_principal_id": app.entra_service_principal_id,
        "entra_app_id": app.entra_app_id,
        "display_name": app.display_name,
        "search_name": search_name(app.display_name),
        "description": app.description,
        "account_enabled": app.account_enabled,
        "is_protected": app.is_protected,
        "app_roles": app_roles_json(app.app_roles),
        "digest": app_digest(app),
        "assignments_digest": "",
        "owners_known": False,
        "create_time": now,
        "manage_time": None,
        "unmanage_time": None,
        "removed": False,
        "own_description": "",
        "instructions": "",
        "policy_id": "",
        "max_duration": None,
        "version": 1,
    }
