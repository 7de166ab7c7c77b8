"""What can't be meant is refused, by its field, before anything else happens."""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

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
from libs.domain import ids
from libs.domain.callers import ADMIN
from tests.integration.catalog.running import Metadata, RunningCatalog
from tests.integration.catalog.steps import manage, refused, root, skip, virtual_role
from tests.integration.catalog.tenant import MARLOWE, ingest, numbered, sync
from tests.support.issuer import object_id

Call = tuple[str, str, Message]
LONG = "x" * 3000
BAD_IDS = ("", " ", "app", "usr_\x00", "app_UPPER", "app_" + "x" * 100, "xyz_1", "'; --", "app_é")


def lists(app: str, size: int, token: str) -> Iterator[Call]:
    """Every list."""
    page = {"page_size": size, "page_token": token}
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
    page = {"page_size": size, "page_token": token, "query": query}
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
    usual = {"entitlement_id": "ent_1", "requester_user_id": "usr_1", "subject_user_id": "usr_1"}
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
    checkpoint = ingest_pb2.GetCheckpointRequest(sync_id=value)
    yield ("ingest", "GetCheckpoint", checkpoint), "sync_id"


def caller(catalog: RunningCatalog, stub: str, method: str) -> Metadata:
    """Somebody who may make the call."""
    if stub == "ingest" or method == "ConfirmTargets":
        return catalog.by("connector")
    if stub == "resolution":
        return catalog.by("requests")
    return catalog.person("Ben", ADMIN)


async def assert_refused(
    catalog: RunningCatalog, call: Call, *fields: str, reason: str = "FIELD_INVALID"
) -> None:
    """The call is refused for these fields, no more and no fewer."""
    stub, method, request = call
    send = getattr(getattr(catalog, stub), method)
    refusal = await refused(send(request, metadata=caller(catalog, stub, method)))
    found = (refusal.code, refusal.reason, refusal.fields)
    assert found == ("INVALID_ARGUMENT", reason, fields), (method, request)


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


async def test_manage_app(catalog: RunningCatalog) -> None:
    """Everything that is wrong is named at once."""
    request = app_pb2.ManageAppRequest(
        app_id="x", access_entra_app_role_id="no guid", idempotency_key="k" * 201
    )
    fields = ("idempotency_key", "app_id", "access_entra_app_role_id")
    await assert_refused(catalog, ("apps", "ManageApp", request), *fields)
    request = app_pb2.ManageAppRequest(app_id="app_1", idempotency_key="a\x00")
    await assert_refused(catalog, ("apps", "ManageApp", request), "idempotency_key")


async def test_link_entitlements(catalog: RunningCatalog) -> None:
    """Each decision is checked, and named by its place."""
    empty = link_pb2.LinkEntitlementsRequest(app_id="app_1")
    await assert_refused(catalog, ("links", "LinkEntitlements", empty), "decisions")
    many = link_pb2.LinkEntitlementsRequest(
        app_id="app_1", decisions=[skip(str(index)) for index in range(101)]
    )
    await assert_refused(catalog, ("links", "LinkEntitlements", many), "decisions")
    twice = link_pb2.LinkEntitlementsRequest(
        app_id="app_1", decisions=[skip("A"), skip("B"), virtual_role("A")]
    )
    await assert_refused(
        catalog,
        ("links", "LinkEntitlements", twice),
        "decisions[0].directory_entitlement_id",
        "decisions[2].directory_entitlement_id",
    )
    described = virtual_role("D", "ok")
    described.create_virtual_role.description = "x" * 2001
    provision = link_pb2.LinkDecision(
        directory_entitlement_id="den_1",
        provision_access_for=link_pb2.LinkDecision.ProvisionAccessFor(entitlement_id="app_1"),
    )
    wrong = link_pb2.LinkEntitlementsRequest(
        app_id="app",
        decisions=[
            link_pb2.LinkDecision(directory_entitlement_id="den_2"),
            virtual_role("A", "   "),
            virtual_role("B", "x" * 201),
            virtual_role("C", "a\x00b"),
            described,
            provision,
            link_pb2.LinkDecision(
                directory_entitlement_id="grp_1", skip=link_pb2.LinkDecision.Skip()
            ),
        ],
    )
    await assert_refused(
        catalog,
        ("links", "LinkEntitlements", wrong),
        "app_id",
        "decisions[0].choice",
        "decisions[1].create_virtual_role.display_name",
        "decisions[2].create_virtual_role.display_name",
        "decisions[3].create_virtual_role.display_name",
        "decisions[4].create_virtual_role.description",
        "decisions[5].provision_access_for.entitlement_id",
        "decisions[6].directory_entitlement_id",
    )


async def test_entitlement_rules(catalog: RunningCatalog) -> None:
    """Apply and preview refuse the same."""

    async def assert_both(
        rules: entitlement_rules_pb2.EntitlementRules | None, *fields: str
    ) -> None:
        for method, kind in (
            ("ApplyEntitlementRules", entitlement_rules_pb2.ApplyEntitlementRulesRequest),
            ("PreviewEntitlementRules", entitlement_rules_pb2.PreviewEntitlementRulesRequest),
        ):
            await assert_refused(catalog, ("rules", method, kind(entitlement_rules=rules)), *fields)

    await assert_both(None, "entitlement_rules", "entitlement_rules.app_id")
    rules = entitlement_rules_pb2.EntitlementRules(app_id="app_1", enabled=True)
    await assert_both(
        rules, "entitlement_rules.resource_type_ids", "entitlement_rules.access_profile_ids"
    )
    rules.resource_type_ids.extend(["rty_1", "rty_1", "", "ent_1"])
    rules.access_profile_ids.extend(["apr_\x00"])
    rules.policy_id = "x"
    rules.etag = "e" * 101
    await assert_both(
        rules,
        "entitlement_rules.resource_type_ids[1]",
        "entitlement_rules.resource_type_ids[2]",
        "entitlement_rules.resource_type_ids[3]",
        "entitlement_rules.access_profile_ids[0]",
        "entitlement_rules.policy_id",
        "entitlement_rules.etag",
    )
    many = entitlement_rules_pb2.EntitlementRules(
        app_id="app_1",
        resource_type_ids=[f"rty_{index}" for index in range(51)],
        access_profile_ids=[f"apr_{index}" for index in range(51)],
    )
    await assert_both(
        many, "entitlement_rules.resource_type_ids", "entitlement_rules.access_profile_ids"
    )
    for length in (
        Duration(seconds=-1),
        Duration(),
        Duration(seconds=59),
        Duration(seconds=2**62),
        Duration(seconds=-(2**62)),
        Duration(seconds=3650 * 86400 + 1),
        Duration(nanos=2**31 - 1),
    ):
        limited = entitlement_rules_pb2.EntitlementRules(app_id="app_1", max_duration=length)
        await assert_both(limited, "entitlement_rules.max_duration")


async def test_create_access_profile(catalog: RunningCatalog) -> None:
    """Names, descriptions and people, each by its path."""

    async def assert_wrong(profile: access_profile_pb2.AccessProfile, *fields: str) -> None:
        request = access_profile_pb2.CreateAccessProfileRequest(access_profile=profile)
        await assert_refused(catalog, ("access_profiles", "CreateAccessProfile", request), *fields)

    nothing = access_profile_pb2.CreateAccessProfileRequest()
    await assert_refused(
        catalog,
        ("access_profiles", "CreateAccessProfile", nothing),
        "access_profile",
        "access_profile.display_name",
    )
    for name in ("", "  ", "x" * 201, "a\x00", "a\nb"):
        await assert_wrong(
            access_profile_pb2.AccessProfile(display_name=name), "access_profile.display_name"
        )
    await assert_wrong(
        access_profile_pb2.AccessProfile(
            display_name="ok",
            description="\x00",
            user_ids=["usr_1", "usr_1", "", "grp_1", "usr_2"],
        ),
        "access_profile.user_ids[1]",
        "access_profile.user_ids[2]",
        "access_profile.user_ids[3]",
        "access_profile.description",
    )
    await assert_wrong(
        access_profile_pb2.AccessProfile(
            display_name="ok", user_ids=[f"usr_{index}" for index in range(1001)]
        ),
        "access_profile.user_ids",
    )


async def test_confirm_targets(catalog: RunningCatalog) -> None:
    """1 to 100 targets."""
    for count in (0, 101):
        request = resolution_pb2.ConfirmTargetsRequest(
            entitlement_id="ent_1",
            subject_user_id="usr_1",
            directory_entitlement_ids=["den_1"] * count,
        )
        await assert_refused(
            catalog, ("resolution", "ConfirmTargets", request), "directory_entitlement_ids"
        )


async def test_ingest(catalog: RunningCatalog) -> None:
    """Envelope and pages; what is refused is not committed, and the sync can go on."""
    sync_id = ids.new_id("syn")
    (good,) = numbered(MARLOWE.pages()[:1], sync_id, complete=False)

    async def assert_wrong(message: ingest_pb2.IngestRequest, *fields: str) -> None:
        refusal = await refused(ingest(catalog, [message]))
        found = (refusal.code, refusal.reason, refusal.fields)
        assert found == ("INVALID_ARGUMENT", "FIELD_INVALID", fields)

    await assert_wrong(
        ingest_pb2.IngestRequest(),
        *("page", "page_number", "checkpoint", "entra_tenant_id", "sync_id", "connection_id"),
    )
    for field, value in (
        ("sync_id", "con_1"),
        ("connection_id", "syn_1"),
        ("entra_tenant_id", "not a guid"),
        ("page_number", 0),
        ("page_number", -1),
        ("checkpoint", ""),
        ("checkpoint", "a\x00"),
        ("checkpoint", "x" * 100_001),
    ):
        message = ingest_pb2.IngestRequest()
        message.CopyFrom(good)
        setattr(message, field, value)
        await assert_wrong(message, field)

    def page(**kind: Message) -> ingest_pb2.IngestRequest:
        message = ingest_pb2.IngestRequest(**kind)  # type: ignore[arg-type]
        return numbered([message], sync_id, complete=False)[0]

    guid = object_id("some")
    user = ingest_pb2.DirectoryUser(entra_object_id=guid, manager_entra_object_id="boss")
    wrong_user = ingest_pb2.UserPage(users=[user, ingest_pb2.DirectoryUser()])
    await assert_wrong(
        page(users=wrong_user),
        "users.users[0].manager_entra_object_id",
        "users.users[1].entra_object_id",
    )
    too_many = ingest_pb2.UserPage(users=[ingest_pb2.DirectoryUser(entra_object_id=guid)] * 1001)
    await assert_wrong(page(users=too_many), "users.users")
    group = ingest_pb2.DirectoryGroup(
        entra_object_id=guid,
        unwritable_reason=9,  # type: ignore[arg-type]
    )
    await assert_wrong(
        page(groups=ingest_pb2.GroupPage(groups=[group])), "groups.groups[0].unwritable_reason"
    )
    membership = ingest_pb2.DirectoryMembership(entra_group_id=guid, entra_user_id="x")
    await assert_wrong(
        page(memberships=ingest_pb2.MembershipPage(memberships=[membership])),
        "memberships.memberships[0].entra_user_id",
    )
    principal = ingest_pb2.DirectoryServicePrincipal(
        entra_object_id=guid, app_roles=[app_pb2.AppRole(entra_app_role_id="")]
    )
    await assert_wrong(
        page(service_principals=ingest_pb2.ServicePrincipalPage(service_principals=[principal])),
        "service_principals.service_principals[0].entra_app_id",
        "service_principals.service_principals[0].app_roles[0].entra_app_role_id",
    )
    for kind in (0, 7):
        assignment = ingest_pb2.DirectoryAppRoleAssignment(
            entra_service_principal_id=guid,
            entra_app_role_id=guid,
            entra_principal_id=guid,
            principal_kind=kind,  # type: ignore[arg-type]
        )
        await assert_wrong(
            page(
                app_role_assignments=ingest_pb2.AppRoleAssignmentPage(
                    app_role_assignments=[assignment]
                )
            ),
            "app_role_assignments.app_role_assignments[0].principal_kind",
        )
    assert (await ingest(catalog, [good])).last_page_number == 1


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
