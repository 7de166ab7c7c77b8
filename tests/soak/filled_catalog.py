"""A catalog's database with as much in it as a very large company has, or as a test asks for."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table, insert, text

from libs.db.engine import Database
from libs.domain import ids
from services.catalog.domain.access_profile import EVERYONE_ID
from services.catalog.store import entitlement_tables, rule_tables, tables
from tests.support.issuer import TENANT, object_id


@dataclass(frozen=True)
class Size:
    """How much there is of everything; each app is managed and has `roles` virtual roles."""

    people: int
    groups: int
    memberships: int
    apps: int
    assignments: int
    roles: int = 3


LARGE = Size(people=100_000, groups=20_000, memberships=900_000, apps=5_000, assignments=100_000)
PEOPLE, APPS = LARGE.people, LARGE.apps
CONNECTION = ids.derived_id("con", "soak")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Everything is held since before.
LATER = datetime(2026, 2, 1, tzinfo=UTC)
NO_ROLE = "00000000-0000-0000-0000-000000000000"
_AT_ONCE = 20_000
Rows = Sequence[Mapping[str, Any]]


def person_name(number: int) -> str:
    """What a person is called; the name makes the object id."""
    return f"Person {number}"


@cache
def user_id(number: int) -> str:
    """A person."""
    return ids.user_id(TENANT, object_id(person_name(number)))


@cache
def app_id(number: int) -> str:
    """An app."""
    return ids.app_id(TENANT, object_id(f"App {number}"))


@cache
def entitlement_id(app: int, number: int) -> str:
    """An entitlement of an app: 0 is access, 1 to 3 are roles."""
    return ids.derived_id("ent", str(app), str(number))


@cache
def type_id(app: int, kind: str) -> str:
    """A resource type of an app."""
    return ids.derived_id("rty", str(app), kind)


@cache
def group_id(number: int) -> str:
    """A group."""
    return ids.group_id(TENANT, object_id(f"Group {number}"))


@cache
def member_of(number: int) -> str:
    """Being a member of a group."""
    return ids.membership_entitlement_id(TENANT, object_id(f"Group {number}"))


@cache
def assigned_to(app: int) -> str:
    """Having an app's default role."""
    return ids.app_role_entitlement_id(TENANT, object_id(f"App {app}"), NO_ROLE)


async def fill(
    database: Database, size: Size = LARGE, more: Iterable[tuple[Table, Rows]] = ()
) -> None:
    """100,000 people, 1,000,000 grants, 20,000 groups, 5,000 managed apps with 4 entitlements,
    unless another size is given; and `more`, the last."""

    def work(connection: Connection) -> None:
        for table, rows in chain(_everything(size), more):
            for start in range(0, len(rows), _AT_ONCE):
                connection.execute(insert(table), rows[start : start + _AT_ONCE])

    await database.write(work)
    await database.write(lambda connection: connection.execute(text("ANALYZE")))


def memberships(size: Size) -> list[tuple[int, int]]:
    """Who is in which group: pairs of numbers (group, person)."""
    chance = random.Random(1)
    pairs = (
        (chance.randrange(size.groups), chance.randrange(size.people))
        for _ in range(size.memberships)
    )
    return list(dict.fromkeys(pairs))


def _everything(size: Size) -> Iterator[tuple[Table, Rows]]:
    seen = {"connection_id": CONNECTION, "round": 1, "doomed": False}
    users = [user_id(number) for number in range(size.people)]
    groups = [group_id(number) for number in range(size.groups)]
    members = [member_of(number) for number in range(size.groups)]
    assigned = [assigned_to(number) for number in range(size.apps)]
    yield tables.syncs, [_sync()]
    yield (
        tables.directory_users,
        [
            {
                **seen,
                "user_id": users[number],
                "entra_tenant_id": TENANT,
                "entra_object_id": object_id(person_name(number)),
                "display_name": person_name(number),
                "search_name": person_name(number).casefold(),
                "user_principal_name": f"person{number}@soak.example",
                "mail": "",
                "department": f"Department {number % 200}",
                "job_title": "",
                "manager_user_id": users[number // 10] if number else "",
                "account_enabled": True,
                "sync_time": _NOW,
            }
            for number in range(size.people)
        ],
    )
    yield (
        tables.directory_groups,
        [
            {
                **seen,
                "group_id": groups[number],
                "directory_entitlement_id": members[number],
                "entra_tenant_id": TENANT,
                "entra_object_id": object_id(f"Group {number}"),
                "display_name": f"Group {number}",
                "search_name": f"group {number}",
                "description": "",
                "unwritable_reason": "UNSPECIFIED",
            }
            for number in range(size.groups)
        ],
    )
    yield tables.apps, [{**seen, **app_row(number)} for number in range(size.apps)]
    yield from _offered(size, members, assigned)
    pairs = memberships(size)
    yield (
        tables.directory_memberships,
        [
            {
                **seen,
                "group_id": groups[group],
                "user_id": users[person],
                "directory_entitlement_id": members[group],
                "since_time": _NOW,
            }
            for group, person in pairs
        ],
    )
    chance = random.Random(2)
    holders = {
        (chance.randrange(size.apps), chance.randrange(size.people))
        for _ in range(size.assignments)
    }
    yield (
        tables.directory_assignments,
        [
            {
                **seen,
                **_assigned_to(app, assigned),
                "principal_id": users[person],
                "principal_kind": "USER",
            }
            for app, person in holders
        ]
        # The groups of its roles are assigned to each app.
        + [
            {
                **seen,
                **_assigned_to(app, assigned),
                "principal_id": groups[_group_of(app, number, len(groups))],
                "principal_kind": "GROUP",
            }
            for app in range(size.apps)
            for number in range(1, size.roles + 1)
        ],
    )


def _offered(
    size: Size, members: Sequence[str], assigned: Sequence[str]
) -> Iterator[tuple[Table, Rows]]:
    offered = [(app, number) for app in range(size.apps) for number in range(size.roles + 1)]
    yield (
        entitlement_tables.resource_types,
        [
            {
                "resource_type_id": type_id(app, kind),
                "app_id": app_id(app),
                "display_name": kind.capitalize(),
                "kind": kind,
            }
            for app in range(size.apps)
            for kind in ("CREDENTIAL", "ROLE")
        ],
    )
    yield (
        entitlement_tables.resources,
        [
            {
                "resource_id": ids.derived_id("res", str(app), str(number)),
                "resource_type_id": type_id(app, _kind(number)),
                "display_name": f"Role {number}",
                "name_key": f"role {number}",
            }
            for app, number in offered
        ],
    )
    yield (
        entitlement_tables.entitlements,
        [_entitlement(app, n, members, assigned) for app, n in offered],
    )
    yield (
        entitlement_tables.entitlement_targets,
        [
            {
                "entitlement_id": entitlement_id(app, number),
                "app_id": app_id(app),
                "directory_entitlement_id": target["directory_entitlement_id"],
            }
            for app, number in offered
            for target in _fulfilment(app, number, members, assigned)
        ],
    )
    yield (
        entitlement_tables.bindings,
        [
            {
                "binding_id": ids.derived_id("bnd", str(app), str(number)),
                "app_id": app_id(app),
                "entitlement_id": entitlement_id(app, number),
                "directory_entitlement_id": members[_group_of(app, number, len(members))],
                "directory_display_name": "member",
                "create_time": _NOW,
            }
            for app, number in offered
            if number
        ],
    )
    rules = [{"app_id": app_id(app)} for app in range(size.apps)]
    yield (
        rule_tables.entitlement_rules,
        [
            {
                **each,
                "enabled": True,
                "policy_id": "",
                "max_duration": timedelta(hours=8),
                "emergency_policy_id": "",
                "version": 1,
            }
            for each in rules
        ],
    )
    yield (
        rule_tables.rule_resource_types,
        [
            {"app_id": app_id(app), "resource_type_id": type_id(app, kind), "position": position}
            for app in range(size.apps)
            for position, kind in enumerate(("CREDENTIAL", "ROLE"))
        ],
    )
    yield (
        rule_tables.rule_access_profiles,
        [{**each, "access_profile_id": EVERYONE_ID, "position": 0} for each in rules],
    )


def _kind(number: int) -> str:
    return "ROLE" if number else "CREDENTIAL"


def _group_of(app: int, number: int, groups: int) -> int:
    return (app * 3 + number) % groups


def _assigned_to(app: int, assigned: Sequence[str]) -> dict[str, Any]:
    return {
        "app_id": app_id(app),
        "entra_app_role_id": NO_ROLE,
        "directory_entitlement_id": assigned[app],
        "since_time": _NOW,
    }


def _fulfilment(
    app: int, number: int, members: Sequence[str], assigned: Sequence[str]
) -> list[dict[str, str]]:
    if number == 0:
        return [
            {
                "directory_entitlement_id": assigned[app],
                "display_name": "access",
                "entra_service_principal_id": object_id(f"App {app}"),
                "entra_app_role_id": NO_ROLE,
            }
        ]
    group = _group_of(app, number, len(members))
    return [
        {
            "directory_entitlement_id": members[group],
            "display_name": "member",
            "entra_group_id": object_id(f"Group {group}"),
        }
    ]


def _entitlement(
    app: int, number: int, members: Sequence[str], assigned: Sequence[str]
) -> dict[str, Any]:
    return {
        "entitlement_id": entitlement_id(app, number),
        "app_id": app_id(app),
        "resource_id": ids.derived_id("res", str(app), str(number)),
        "resource_type_id": type_id(app, _kind(number)),
        "resource_kind": _kind(number),
        "display_name": f"Role {number}" if number else "Access",
        "search_name": f"role {number}" if number else "access",
        "description": "",
        "fulfilment": _fulfilment(app, number, members, assigned),
        "entra_app_role_id": "" if number else NO_ROLE,
        "role_gone": False,
        "policy_id": "",
        "emergency_policy_id": "",
        "not_requestable": False,
        "locked": False,
        "create_time": _NOW,
        "version": 1,
    }


def app_row(number: int) -> dict[str, Any]:
    """The row of an app, but for when a sync saw it."""
    return {
        "app_id": app_id(number),
        "entra_tenant_id": TENANT,
        "entra_service_principal_id": object_id(f"App {number}"),
        "entra_app_id": object_id(f"Client {number}"),
        "display_name": f"App {number}",
        "search_name": f"app {number}",
        "description": "",
        "account_enabled": True,
        "is_protected": False,
        "app_roles": [],
        "digest": "",
        "assignments_digest": "",
        "owners_known": True,
        "create_time": _NOW,
        "manage_time": _NOW,
        "removed": False,
        "own_description": "",
        "instructions": "",
        "policy_id": "",
        "version": 1,
    }


def _sync() -> dict[str, Any]:
    return {
        "connection_id": CONNECTION,
        "sync_id": "syn_" + "0" * 26,
        "entra_tenant_id": TENANT,
        "last_page_number": 1,
        "checkpoint": "",
        "completed": True,
        "seen_count": 1,
        "removed_count": 0,
        "round": 1,
        "run": 1,
        "groups_only": False,
        "complete_time": _NOW,
        "version": 1,
    }
