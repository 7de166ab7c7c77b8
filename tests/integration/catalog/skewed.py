"""A catalog in which everything there is more of than a list may go through is in one place: one
group, one department, one manager, one role have most of it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, text, update

from libs.db.engine import Database
from libs.domain import ids
from services.catalog.store import entitlement_tables, rule_tables, tables
from services.catalog.store.text import SCANNED_MOST
from tests.soak import filled_catalog as filled
from tests.support.issuer import TENANT, object_id

SIZE = filled.Size(
    people=10_000, groups=10_000, memberships=5_000, apps=5_500, assignments=3_000, roles=1
)
UNMANAGED_APPS, OTHER_PROFILES = 4_400, 500
assert min(SIZE.people, SIZE.groups, SIZE.apps) > SCANNED_MOST
BIG_APP = SIZE.apps - 1
BIG_DEN = ids.membership_entitlement_id(TENANT, "big")
BIG_GROUP = ids.group_id(TENANT, object_id("Big"))
# The policy that every app, its rules and its entitlements name.
EVERYWHERE = "pol_everywhere"
_BEGAN, _ENDED = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


async def fill(database: Database) -> None:
    """Fills an empty catalog."""
    await filled.fill(database, SIZE, _skewed())

    def work(connection: Connection) -> None:
        people = tables.directory_users
        connection.execute(
            update(people).values(department="Everywhere", manager_user_id=filled.user_id(1))
        )
        connection.execute(
            update(people)
            .where(people.c.user_id.in_(map(filled.user_id, (9996, 9997, 9998))))
            .values(account_enabled=False)
        )
        connection.execute(update(tables.apps).values(policy_id=EVERYWHERE))
        for table in (rule_tables.entitlement_rules, entitlement_tables.entitlements):
            named = {"policy_id": EVERYWHERE, "emergency_policy_id": EVERYWHERE}
            connection.execute(update(table).values(named))
        connection.execute(text("ANALYZE"))

    await database.write(work)


def _skewed() -> Iterator[tuple[Table, filled.Rows]]:
    seen = {"connection_id": filled.CONNECTION, "round": 1, "doomed": False}
    since = {**seen, "since_time": _BEGAN}
    of_group = {"directory_entitlement_id": BIG_DEN}
    group = BIG_GROUP
    yield (
        tables.directory_groups,
        [
            {
                **seen,
                **of_group,
                "group_id": group,
                "entra_tenant_id": TENANT,
                "entra_object_id": object_id("Big"),
                "display_name": "Big",
                "search_name": "big",
                "description": "",
                "unwritable_reason": "UNSPECIFIED",
            }
        ],
    )
    yield (
        tables.directory_memberships,
        [
            {**since, **of_group, "group_id": group, "user_id": filled.user_id(number)}
            for number in range(SIZE.people)
        ],
    )
    assigned = {
        **since,
        "app_id": filled.app_id(BIG_APP),
        "entra_app_role_id": filled.NO_ROLE,
        "directory_entitlement_id": filled.assigned_to(BIG_APP),
        "principal_kind": "GROUP",
    }
    # Not the group that the filler assigned to it.
    yield tables.directory_assignments, [{**assigned, "principal_id": group}]
    yield (
        tables.apps,
        [
            {**seen, **filled.app_row(SIZE.apps + number), "manage_time": None}
            for number in range(UNMANAGED_APPS)
        ],
    )
    profile = {
        "description": "",
        "expression": "",
        "create_time": _BEGAN,
        "version": 1,
    }
    yield (
        rule_tables.access_profiles,
        [
            {**profile, "access_profile_id": f"apr_{n}", "display_name": n, "name_key": n}
            | ({"expression": "person.department == 'Nowhere'"} if n == "expression" else {})
            for n in ("group", "expression", *map(str, range(OTHER_PROFILES)))
        ],
    )
    yield (
        rule_tables.access_profile_groups,
        [{"access_profile_id": "apr_group", "group_id": group}],
    )
    yield (
        tables.past_grants,
        [
            {
                **of_group,
                "principal_id": filled.user_id(number),
                "end_time": _ENDED,
                "connection_id": filled.CONNECTION,
                "principal_kind": "USER",
                "since_time": datetime(2025, 1, 1, tzinfo=UTC),
            }
            for number in range(SIZE.people)
        ],
    )
