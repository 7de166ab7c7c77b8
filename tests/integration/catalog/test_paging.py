"""Lists in pages: every row once, in order, whatever happens between two pages."""

import operator
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from latchkey.catalog.v1 import (
    access_profile_pb2,
    app_catalog_pb2,
    app_pb2,
    directory_pb2,
    entitlement_pb2,
    grant_pb2,
    ingest_pb2,
    link_pb2,
)
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    EVERYONE,
    Managed,
    link,
    manage,
    offer,
    profile,
    root,
    skip,
    virtual_role,
)
from tests.integration.catalog.tenant import CONNECTION, Tenant, sync

Read = Callable[[int, str], Awaitable[tuple[list[str], str]]]

# Names that are the same, differ in case, are long in the longest of scripts, or hold what a
# pattern would read.
NAMES = [
    "Same",
    "Same",
    "same",
    "SAME",
    "\N{GOTHIC LETTER AHSA}" * 256,
    "%_\\'\"",
    "Ω mega",
    "ß",
    "zz",
    "10",
    "2",
]


async def all_of(read: Read, size: int) -> list[str]:
    """Every item of a list in pages of a size."""
    found: list[str] = []
    token = ""
    while True:
        items, token = await read(size, token)
        assert len(items) <= size
        found += items
        if not token:
            return found
        assert items


def reads(catalog: RunningCatalog, app: Managed) -> dict[str, Read]:
    """Every list as the ids of a page."""
    admin, ben = root(catalog), catalog.person("user 1")

    def of(call: Any, kind: Any, items: str, key: str, metadata: Any = admin, **more: str) -> Read:
        async def read(size: int, token: str) -> tuple[list[str], str]:
            request = kind(page_size=size, page_token=token, **more)
            response = await call(request, metadata=metadata)
            return [
                " ".join(operator.attrgetter(part)(item) for part in key.split())
                for item in getattr(response, items)
            ], response.next_page_token

        return read

    in_app = {"app_id": app.app_id}
    return {
        "users": of(
            catalog.directory.ListUsers, directory_pb2.ListUsersRequest, "users", "user_id"
        ),
        "groups": of(
            catalog.directory.ListGroups, directory_pb2.ListGroupsRequest, "groups", "group_id"
        ),
        "apps": of(catalog.apps.ListApps, app_pb2.ListAppsRequest, "apps", "app_id"),
        "entitlements": of(
            catalog.entitlements.ListEntitlements,
            entitlement_pb2.ListEntitlementsRequest,
            "entitlements",
            "entitlement_id",
            **in_app,
        ),
        "linked": of(
            catalog.links.ListLinkedEntitlements,
            link_pb2.ListLinkedEntitlementsRequest,
            "linked_entitlements",
            "directory_entitlement_id",
            **in_app,
        ),
        "bindings": of(
            catalog.links.ListBindings,
            link_pb2.ListBindingsRequest,
            "bindings",
            "binding_id",
            **in_app,
        ),
        "access_profiles": of(
            catalog.access_profiles.ListAccessProfiles,
            access_profile_pb2.ListAccessProfilesRequest,
            "access_profiles",
            "access_profile_id",
        ),
        "members": of(
            catalog.access_profiles.ListMembers,
            access_profile_pb2.ListMembersRequest,
            "members",
            "user.user_id",
            access_profile_id=EVERYONE,
        ),
        "grants": of(
            catalog.grants.ListGrants,
            grant_pb2.ListGrantsRequest,
            "grants",
            "directory_entitlement_id user_id entitlement_id group_id",
            entitlement_id=app.access_id,
        ),
        "in_scope": of(
            catalog.ingest.ListAppsInScope,
            ingest_pb2.ListAppsInScopeRequest,
            "apps",
            "entra_service_principal_id",
            catalog.by("connector"),
            connection_id=CONNECTION,
        ),
        "app_catalog": of(
            catalog.app_catalog.SearchAppCatalog,
            app_catalog_pb2.SearchAppCatalogRequest,
            "apps",
            "app_id",
            ben,
        ),
    }


async def test_every_list_is_complete_and_stable(catalog: RunningCatalog) -> None:
    """Pages of one, three and all give the same list; what is added meanwhile repeats nothing."""
    numbers = range(len(NAMES))
    tenant = Tenant(
        users={f"user {n}": "" for n in numbers},
        groups={f"group {n}": () for n in numbers},
        apps={f"app {n}": () for n in numbers},
        assigned=tuple(("app 0", f"{kind} {n}") for kind in ("group", "user") for n in numbers),
        called={f"{kind} {n}": NAMES[n] for kind in ("user", "group", "app") for n in numbers},
    )
    await sync(catalog, tenant)
    apps = [await manage(catalog, f"app {n}") for n in numbers]
    for app in apps:
        await offer(catalog, app)
    await link(
        catalog,
        apps[0].app_id,
        *(virtual_role(f"group {n}", f"Role {n}") for n in range(4)),
        skip("group 5"),
    )
    for n in numbers:
        await profile(catalog, f"{NAMES[n][:100]} {n}")
    before = {}
    for name, read in reads(catalog, apps[0]).items():
        whole = await all_of(read, 500)
        assert len(set(whole)) == len(whole) > 3, name
        assert await all_of(read, 1) == whole, name
        assert await all_of(read, 3) == whole, name
        before[name] = (whole, *(await read(2, "")))

    more = replace(
        tenant,
        users={**tenant.users, "new user": ""},
        groups={**tenant.groups, "new group": ()},
        apps={**tenant.apps, "new app": ()},
        assigned=(*tenant.assigned, ("app 0", "new group"), ("app 0", "new user")),
        called={**tenant.called, "new user": "0", "new group": "0", "new app": "0"},
    )
    await sync(catalog, more)
    await offer(catalog, await manage(catalog, "new app"))
    await link(catalog, apps[0].app_id, virtual_role("group 6", "Role 6"))
    await profile(catalog, "000")
    for name, read in reads(catalog, apps[0]).items():
        whole, first, token = before[name]
        rest = []
        while token:
            items, token = await read(2, token)
            rest += items
        assert len({*first, *rest}) == len(first) + len(rest), name
        assert [item for item in (*first, *rest) if item in whole][:2] == whole[:2]
        missing = set(whole) - {*first, *rest}
        assert not missing, name


async def test_names_sort_without_regard_to_case(catalog: RunningCatalog) -> None:
    """By the folded name, then by id."""
    tenant = Tenant(apps={"b": (), "A": (), "C": (), "a2": ()})
    await sync(catalog, tenant)
    found = await catalog.apps.ListApps(app_pb2.ListAppsRequest(), metadata=root(catalog))
    assert [app.display_name for app in found.apps] == ["A", "a2", "b", "C"]


async def test_lists_take_filters(catalog: RunningCatalog) -> None:
    """By state and by part of a name, in any case and literally."""
    tenant = Tenant(
        users={"Zoë O'Neil": "", "zoe": ""},
        groups={"50% Club": (), "Under_score": (), "Underscore": ()},
        apps={"One": (), "Two": ()},
    )
    await sync(catalog, tenant)
    await manage(catalog, "Two")
    admin = root(catalog)

    async def apps(state: app_pb2.AppState.ValueType) -> list[str]:
        response = await catalog.apps.ListApps(app_pb2.ListAppsRequest(state=state), metadata=admin)
        return [app.display_name for app in response.apps]

    async def groups(query: str) -> list[str]:
        response = await catalog.directory.ListGroups(
            directory_pb2.ListGroupsRequest(query=query), metadata=admin
        )
        return [group.display_name for group in response.groups]

    assert await apps(app_pb2.APP_STATE_UNSPECIFIED) == ["One", "Two"]
    assert await apps(app_pb2.APP_STATE_UNMANAGED) == ["One"]
    assert await apps(app_pb2.APP_STATE_MANAGED) == ["Two"]
    assert await apps(app_pb2.APP_STATE_REMOVED) == []
    assert await groups("%") == ["50% Club"]
    assert await groups("UNDER_") == ["Under_score"]
    response = await catalog.directory.ListUsers(
        directory_pb2.ListUsersRequest(query="ZOË O'"), metadata=admin
    )
    assert [user.display_name for user in response.users] == ["Zoë O'Neil"]
