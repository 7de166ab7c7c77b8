"""No list reads more than a bound that has nothing to do with how much the catalog holds."""

import base64
import json

from latchkey.catalog.v1 import (
    access_profile_pb2,
    app_catalog_pb2,
    app_pb2,
    approver_pb2,
    directory_pb2,
    entitlement_pb2,
    grant_pb2,
    ingest_pb2,
    link_pb2,
)
from services.catalog.store.text import SCANNED_MOST
from tests.integration.catalog.every_list import calls
from tests.integration.catalog.plans import captured, plan_of, rows_read, scans
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.skewed import SIZE, fill
from tests.integration.catalog.steps import root
from tests.soak import filled_catalog as filled

_BIG = frozenset(
    {
        "directory_users",
        "directory_groups",
        "directory_memberships",
        "directory_assignments",
        "past_grants",
        "apps",
        "entitlements",
        "entitlement_targets",
        "entitlement_rules",
        "bindings",
        "resources",
        "resource_types",
        "rule_access_profiles",
        "rule_resource_types",
    }
)
# What a page of 50 may cost, with what is read about each of its rows.
_A_PAGE = 4_000
# What is gone through for the few that are wanted, and what the app catalog asks of each of them.
_WALKED = SCANNED_MOST + 500
_WALKED_IN_CATALOG = {"postgresql": 2 * SCANNED_MOST + 500, "sqlite": 9 * SCANNED_MOST}
_WALKING = (
    "SearchAppCatalog",
    " by query",
    " unmanaged",
    " removed",
    " managed",
    ", none",
    ", disabled",
    " all three",
)


def _bound(name: str, kind: str) -> int:
    if name == "PreviewEntitlementRules":
        # It counts the audience on purpose: whoever opens an app wants to know to how many.
        return 3 * SIZE.people
    if name == "ListAppsInScope":
        return 2 * _A_PAGE  # a page of 1,000, of two tables
    if name == "ListGrants of a group then":
        # The group's own past, also what ended before; nearly all of the past is this group's.
        return SIZE.people * 5
    if name.startswith("SearchAppCatalog by"):
        return _WALKED_IN_CATALOG[kind]
    return _WALKED if any(each in name for each in _WALKING) else _A_PAGE


def test_every_list_is_among_the_calls(sqlite_catalog: RunningCatalog) -> None:
    """What has pages in the contracts is called."""
    files = (access_profile_pb2, app_catalog_pb2, app_pb2, directory_pb2, entitlement_pb2)
    more = (approver_pb2, grant_pb2, ingest_pb2, link_pb2)
    lists = {
        method.name
        for file in (*files, *more)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if "page_size" in method.input_type.fields_by_name
    }
    assert lists <= {name.partition(" ")[0] for name in calls(sqlite_catalog)}


async def _few_are_found(catalog: RunningCatalog) -> None:
    """Pages that hold few or none lead to all that is asked for, and tell of nothing else."""
    request = directory_pb2.ListUsersRequest(
        manager_user_id=filled.user_id(1), account_enabled=False, page_size=2
    )
    people, pages = [], 0
    while not pages or request.page_token:
        answer = await catalog.directory.ListUsers(request, metadata=root(catalog))
        people += [user.display_name for user in answer.users]
        request.page_token, pages = answer.next_page_token, pages + 1
    assert (people, pages) == (["Person 9996", "Person 9997", "Person 9998"], 3)

    # The last of all in their order; the page before it ends at an app that may be hidden.
    search = app_catalog_pb2.SearchAppCatalogRequest(query="app 999")
    ben, apps = catalog.person(filled.person_name(7)), []
    tokens: list[str] = []
    while not tokens or search.page_token:
        found = await catalog.app_catalog.SearchAppCatalog(search, metadata=ben)
        apps += [app.display_name for app in found.apps]
        search.page_token = found.next_page_token
        tokens.append(found.next_page_token)
    assert apps == ["App 999"]
    assert len(tokens) == 2
    told = base64.urlsafe_b64decode(tokens[0] + "=" * (-len(tokens[0]) % 4))[8:]
    name, app_id = json.loads(told)
    assert (name, app_id[:4]) == ("", "app_")


async def test_no_list_reads_more_where_there_is_more(catalog: RunningCatalog) -> None:
    """Every list with every filter, whatever it finds, goes through a bounded number of rows; and
    pages that therefore hold few or none lead to all that is asked for."""
    database = catalog.service.database
    await fill(database)
    await _few_are_found(catalog)
    kind = await database.read(lambda connection: connection.dialect.name)
    wrong, seen = {}, set[tuple[str, str]]()
    for name, call in calls(catalog).items():
        with captured() as statements:
            await call()
        assert statements, name
        for statement in statements:
            if (asked := (statement.text, repr(statement.parameters))) in seen:
                continue
            seen.add(asked)
            rows = await rows_read(database, statement)
            scanned = await scans(database, statement, _BIG)
            if rows > _bound(name, kind) or scanned:
                wrong[name] = (rows, scanned, await plan_of(database, statement))
    assert not wrong, "\n".join(
        f"{name}: {rows} rows {scanned}\n{plan}" for name, (rows, scanned, plan) in wrong.items()
    )
