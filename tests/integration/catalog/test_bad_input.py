"""What can't be meant is refused, by its field, before anything else happens."""

from collections.abc import Iterator
from typing import Any

import pytest

from latchkey.catalog.v1 import (
    access_profile_pb2,
    app_catalog_pb2,
    app_pb2,
    directory_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    ingest_pb2,
    link_pb2,
    resolution_pb2,
)
from tests.integration.catalog.refusals import Call, assert_refused, caller, refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import manage, root
from tests.integration.catalog.tenant import CONNECTION, MARLOWE, sync

pytestmark = pytest.mark.either_database

LONG = "x" * 3000
BAD_IDS = ("", " ", "app", "usr_\x00", "app_UPPER", "app_" + "x" * 100, "xyz_1", "'; --", "app_é")


def lists(app: str, size: int, token: str) -> Iterator[Call]:
    """Every list."""
    page: dict[str, Any] = {"page_size": size, "page_token": token}
    yield from searches(size, token, "")
    of_app = entitlement_pb2.ListEntitlementsRequest(app_id=app, **page)
    yield "entitlements", "ListEntitlements", of_app
    linked = link_pb2.ListLinkedEntitlementsRequest(app_id=app, **page)
    yield "links", "ListLinkedEntitlements", linked
    yield "links", "ListBindings", link_pb2.ListBindingsRequest(app_id=app, **page)
    profiles = access_profile_pb2.ListAccessProfilesRequest(**page)
    yield "access_profiles", "ListAccessProfiles", profiles


def searches(size: int, token: str, query: str) -> Iterator[Call]:
    """Every list that takes a query."""
    page: dict[str, Any] = {"page_size": size, "page_token": token, "query": query}
    yield "apps", "ListApps", app_pb2.ListAppsRequest(**page)
    yield "directory", "ListUsers", directory_pb2.ListUsersRequest(**page)
    yield "directory", "ListGroups", directory_pb2.ListGroupsRequest(**page)
    search = app_catalog_pb2.SearchAppCatalogRequest(**page)
    yield "app_catalog", "SearchAppCatalog", search


def by_id(value: str) -> Iterator[tuple[Call, str]]:
    """Every field that holds an id, with this value in it, and its path."""
    yield ("apps", "GetApp", app_pb2.GetAppRequest(app_id=value)), "app_id"
    yield ("apps", "ManageApp", app_pb2.ManageAppRequest(app_id=value)), "app_id"
    get = entitlement_pb2.GetEntitlementRequest(entitlement_id=value)
    yield ("entitlements", "GetEntitlement", get), "entitlement_id"
    listed = entitlement_pb2.ListEntitlementsRequest(app_id=value)
    yield ("entitlements", "ListEntitlements", listed), "app_id"
    types = entitlement_pb2.ListResourceTypesRequest(app_id=value)
    yield ("entitlements", "ListResourceTypes", types), "app_id"
    linked = link_pb2.ListLinkedEntitlementsRequest(app_id=value)
    yield ("links", "ListLinkedEntitlements", linked), "app_id"
    yield ("links", "ListBindings", link_pb2.ListBindingsRequest(app_id=value)), "app_id"
    rules = entitlement_rules_pb2.GetEntitlementRulesRequest(app_id=value)
    yield ("rules", "GetEntitlementRules", rules), "app_id"
    profile = access_profile_pb2.GetAccessProfileRequest(access_profile_id=value)
    yield ("access_profiles", "GetAccessProfile", profile), "access_profile_id"
    yield ("directory", "GetUser", directory_pb2.GetUserRequest(user_id=value)), "user_id"
    usual: dict[str, Any] = {
        "entitlement_id": "ent_1",
        "requester_user_id": "usr_1",
        "subject_user_id": "usr_1",
    }
    for field in usual:
        resolve = resolution_pb2.ResolveEntitlementRequest(**(usual | {field: value}))
        yield ("resolution", "ResolveEntitlement", resolve), field
    del usual["requester_user_id"]
    for field in usual:
        confirm = resolution_pb2.ConfirmTargetsRequest(**(usual | {field: value}))
        confirm.directory_entitlement_ids.append("den_1")
        yield ("resolution", "ConfirmTargets", confirm), field
    confirm = resolution_pb2.ConfirmTargetsRequest(**usual)
    confirm.directory_entitlement_ids.extend(["den_1", value])
    yield ("resolution", "ConfirmTargets", confirm), "directory_entitlement_ids[1]"
    batch = resolution_pb2.BatchConfirmTargetsRequest(questions=[confirm])
    place = "questions[0].directory_entitlement_ids[1]"
    yield ("resolution", "BatchConfirmTargets", batch), place
    item = resolution_pb2.CheckHeldRequest.HeldItem
    good = {"user_id": "usr_1", "directory_entitlement_id": "den_1"}
    wrong = resolution_pb2.CheckHeldRequest(connection_id=value, items=[item(**good)])
    yield ("resolution", "CheckHeld", wrong), "connection_id"
    for field in good:
        items = [item(**good), item(**good | {field: value})]
        wrong = resolution_pb2.CheckHeldRequest(connection_id="con_1", items=items)
        yield ("resolution", "CheckHeld", wrong), f"items[1].{field}"
    checkpoint = ingest_pb2.GetCheckpointRequest(connection_id=value)
    yield ("ingest", "GetCheckpoint", checkpoint), "connection_id"
    scope = ingest_pb2.ListAppsInScopeRequest(connection_id=value)
    yield ("ingest", "ListAppsInScope", scope), "connection_id"


async def test_ids(catalog: RunningCatalog) -> None:
    """Every id field: blank, NUL, over-long, of another kind, in capitals."""
    for value in BAD_IDS:
        for call, field in by_id(value):
            await assert_refused(catalog, call, field)


async def test_pages(catalog: RunningCatalog) -> None:
    """Page sizes out of bounds, and tokens that are none."""
    await sync(catalog, MARLOWE)
    app = (await manage(catalog, "Design Tool")).app_id
    for size in (-1, 501, -(2**31), 2**31 - 1):
        for call in lists(app, size, ""):
            await assert_refused(catalog, call, "page_size")
    for call in lists(app, 0, LONG):
        await assert_refused(catalog, call, "page_token")
    for token in ("x", "AAAA", "é\x00", "AAAAAAAAAAAAAAAAAAAAAAAAWyJhIiwiYiJd"):
        for call in lists(app, 0, token):
            await assert_refused(catalog, call, "page_token", reason="PAGE_TOKEN_INVALID")


async def test_pages_of_apps_in_scope(catalog: RunningCatalog) -> None:
    """Of up to a thousand; a token is of one connection."""
    await sync(catalog, MARLOWE)

    def page(size: int, token: str, connection_id: str = CONNECTION) -> Call:
        request = ingest_pb2.ListAppsInScopeRequest(
            connection_id=connection_id, page_size=size, page_token=token
        )
        return "ingest", "ListAppsInScope", request

    for size in (-1, 1001):
        await assert_refused(catalog, page(size, ""), "page_size")
    await assert_refused(catalog, page(0, LONG), "page_token")
    request = ingest_pb2.ListAppsInScopeRequest(connection_id=CONNECTION, page_size=1)
    found = await catalog.ingest.ListAppsInScope(request, metadata=catalog.by("connector"))
    for call in (page(0, "AAAA"), page(1, found.next_page_token, "con_another")):
        await assert_refused(catalog, call, "page_token", reason="PAGE_TOKEN_INVALID")


async def test_a_token_goes_with_its_list_and_filters(catalog: RunningCatalog) -> None:
    """Another list's token, or the same list's with another filter, is refused."""
    await sync(catalog, MARLOWE)
    app = (await manage(catalog, "Design Tool")).app_id
    tokens = []
    for stub, method, request in searches(1, "", ""):
        if stub == "app_catalog":
            continue
        send = getattr(getattr(catalog, stub), method)
        response = await send(request, metadata=caller(catalog, stub, method))
        tokens.append((method, response.next_page_token))
    assert all(token for _, token in tokens)
    for origin, token in tokens:
        for call in searches(1, token, "a"):
            await assert_refused(catalog, call, "page_token", reason="PAGE_TOKEN_INVALID")
        for call in lists(app, 1, token):
            if call[1] != origin:
                await assert_refused(catalog, call, "page_token", reason="PAGE_TOKEN_INVALID")
    filtered = app_pb2.ListAppsRequest(
        page_size=1, page_token=tokens[0][1], state=app_pb2.APP_STATE_UNMANAGED
    )
    call = ("apps", "ListApps", filtered)
    await assert_refused(catalog, call, "page_token", reason="PAGE_TOKEN_INVALID")


async def test_queries(catalog: RunningCatalog) -> None:
    """Control characters and over-long ones; a blank one is none."""
    await sync(catalog, MARLOWE)
    for query in ("a\x00", "\x1b[2J", "line\nbreak", "x" * 201):
        for call in searches(0, "", query):
            await assert_refused(catalog, call, "query")
    for stub, method, request in searches(0, "", "  "):
        send = getattr(getattr(catalog, stub), method)
        await send(request, metadata=caller(catalog, stub, method))


async def test_unknown_enum_values(catalog: RunningCatalog) -> None:
    """A state that the contract does not know."""
    for number in (-1, 4, 99):
        request = app_pb2.ListAppsRequest(state=number)  # type: ignore[arg-type]
        await assert_refused(catalog, ("apps", "ListApps", request), "state")


async def test_unknown_ids_are_not_found(catalog: RunningCatalog) -> None:
    """A well-formed id of nothing: NOT_FOUND with the reason of its kind."""
    reasons = {
        "GetApp": "APP_NOT_FOUND",
        "ManageApp": "APP_NOT_FOUND",
        "GetEntitlement": "ENTITLEMENT_NOT_FOUND",
        "ListEntitlements": "APP_NOT_FOUND",
        "ListResourceTypes": "APP_NOT_FOUND",
        "ListLinkedEntitlements": "APP_NOT_FOUND",
        "ListBindings": "APP_NOT_FOUND",
        "GetEntitlementRules": "APP_NOT_FOUND",
        "GetAccessProfile": "ACCESS_PROFILE_NOT_FOUND",
        "GetUser": "USER_NOT_FOUND",
    }
    prefixes = {"app_id": "app", "entitlement_id": "ent", "user_id": "usr"}
    for (stub, method, request), field in by_id("x"):
        if method not in reasons:
            continue
        setattr(request, field, f"{prefixes.get(field, 'apr')}_unknown")
        send = getattr(getattr(catalog, stub), method)
        refusal = await refused(send(request, metadata=root(catalog)))
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", reasons[method])
        assert f"{prefixes.get(field, 'apr')}_unknown" in refusal.message
        del reasons[method]
    assert reasons == {}
