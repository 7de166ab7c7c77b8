"""What of an app may be asked for, and by whom."""

import asyncio
from dataclasses import replace

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from latchkey.catalog.v1 import (
    app_catalog_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    events_pb2,
    link_pb2,
)
from latchkey.ledger.v1 import event_pb2
from libs.rpc.errors import error_info
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    EVERYONE,
    Managed,
    apply_rules,
    link,
    manage,
    profile,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, app_id, sync


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool, managed."""
    await sync(catalog, MARLOWE)
    return await manage(catalog, "Design Tool")


def rules_of(app: Managed, **more: object) -> entitlement_rules_pb2.EntitlementRules:
    """Rules for access by everyone, with more fields or others."""
    fields: dict[str, object] = {
        "app_id": app.app_id,
        "enabled": True,
        "resource_type_ids": [app.credential_type_id],
        "access_profile_ids": [EVERYONE],
    }
    return entitlement_rules_pb2.EntitlementRules(**(fields | more))  # type: ignore[arg-type]


async def preview(
    catalog: RunningCatalog, rules: entitlement_rules_pb2.EntitlementRules
) -> tuple[list[str], int]:
    """The names of what could be asked for, and by how many."""
    response = await catalog.rules.PreviewEntitlementRules(
        entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
        metadata=root(catalog),
    )
    names = [each.display_name for each in response.requestable_entitlements]
    return names, response.person_count


async def current(catalog: RunningCatalog, app_id: str) -> entitlement_rules_pb2.EntitlementRules:
    response = await catalog.rules.GetEntitlementRules(
        entitlement_rules_pb2.GetEntitlementRulesRequest(app_id=app_id), metadata=root(catalog)
    )
    rules: entitlement_rules_pb2.EntitlementRules = response.entitlement_rules
    return rules


async def test_before_the_first_apply_they_are_disabled_and_empty(
    catalog: RunningCatalog, app: Managed
) -> None:
    """They have an etag that the first apply can name."""
    assert await current(catalog, app.app_id) == entitlement_rules_pb2.EntitlementRules(
        app_id=app.app_id, etag="0"
    )
    assert (await apply_rules(catalog, rules_of(app, etag="0"))).etag == "1"


async def test_apply_replaces_everything(catalog: RunningCatalog, app: Managed) -> None:
    """What is read is what was applied last, in its order, and one event says it."""
    first = rules_of(
        app,
        resource_type_ids=[app.role_type_id, app.credential_type_id],
        policy_id="pol_1",
        max_duration=Duration(seconds=90 * 60),
    )
    applied = await apply_rules(catalog, first)
    first.etag = "1"
    assert applied == first == await current(catalog, app.app_id)
    second = rules_of(app, enabled=False, resource_type_ids=[], access_profile_ids=[])
    applied = await apply_rules(catalog, second)
    second.etag = "2"
    assert applied == second == await current(catalog, app.app_id)
    events = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    assert [each.type.rpartition(".")[2] for each in events.events[-2:]] == [
        "EntitlementRulesApplied"
    ] * 2
    event = events_pb2.EntitlementRulesApplied.FromString(events.events[-2].payload)
    assert list(event.resource_type_ids) == list(first.resource_type_ids)
    assert (event.policy_id, event.max_duration.seconds) == ("pol_1", 5400)
    assert event.actor.person.display_name == "Root"


async def test_preview_changes_nothing(catalog: RunningCatalog, app: Managed) -> None:
    """It names what rules would govern and counts who could ask; nobody disabled is counted."""
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    both = [app.credential_type_id, app.role_type_id]
    some = await profile(catalog, "Some", "Ben", "Dov")
    assert await preview(catalog, rules_of(app)) == (["Access"], 3)
    assert await preview(catalog, rules_of(app, resource_type_ids=both)) == (
        ["Access", "Editor"],
        3,
    )
    assert await preview(catalog, rules_of(app, access_profile_ids=[some])) == (["Access"], 1)
    assert await preview(catalog, rules_of(app, access_profile_ids=[some, EVERYONE])) == (
        ["Access"],
        3,
    )
    assert await preview(catalog, rules_of(app, enabled=False)) == ([], 0)
    assert (await current(catalog, app.app_id)).etag == "0"


async def test_refuses_what_is_not_there(catalog: RunningCatalog, app: Managed) -> None:
    """Apply and preview refuse alike, by the field."""
    other = await manage(catalog, "Payroll")
    cases = [
        (rules_of(app, app_id=app_id("Nowhere")), "NOT_FOUND", "APP_NOT_FOUND"),
        (rules_of(app, app_id=app_id("Board")), "FAILED_PRECONDITION", "APP_NOT_MANAGED"),
        (
            rules_of(app, resource_type_ids=[other.credential_type_id]),
            "NOT_FOUND",
            "RESOURCE_TYPE_NOT_FOUND",
        ),
        (
            rules_of(app, access_profile_ids=[EVERYONE, "apr_unknown"]),
            "NOT_FOUND",
            "ACCESS_PROFILE_NOT_FOUND",
        ),
        (rules_of(app, etag="7"), "ABORTED", "ETAG_MISMATCH"),
    ]
    for rules, code, reason in cases:
        for call in (apply_rules(catalog, rules), preview(catalog, rules)):
            refusal = await refused(call)
            assert (refusal.code, refusal.reason) == (code, reason)
    for unready, reason in (("Nowhere", "APP_NOT_FOUND"), ("Board", "APP_NOT_MANAGED")):
        assert (await refused(current(catalog, app_id(unready)))).reason == reason


async def test_a_removed_app_takes_no_rules_but_shows_them(
    catalog: RunningCatalog, app: Managed
) -> None:
    """REMOVED is for reading only."""
    applied = await apply_rules(catalog, rules_of(app))
    await sync(catalog, MARLOWE.without("Design Tool"))
    assert await current(catalog, app.app_id) == applied
    assert (await refused(apply_rules(catalog, rules_of(app)))).reason == "APP_REMOVED"


async def test_of_those_who_saw_the_same_etag_one_wins(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Four apply at once on the same etag: the others are told to read again."""

    async def attempt() -> str:
        try:
            await apply_rules(catalog, rules_of(app, etag="0"))
        except grpc.aio.AioRpcError as error:
            return error_info(error).reason
        return ""

    results = await asyncio.gather(*(attempt() for _ in range(4)))
    assert sorted(results) == ["", *["ETAG_MISMATCH"] * 3]
    assert (await current(catalog, app.app_id)).etag == "1"


async def test_what_nobody_can_be_given_is_not_called_requestable(
    sqlite_catalog: RunningCatalog,
) -> None:
    """Preview, list and app catalog agree, with the reason; what is removed is not governed."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await link(
        catalog,
        app.app_id,
        virtual_role("Design Editors", "Editor"),
        virtual_role("Design Viewers", "Viewer"),
    )
    both = [app.credential_type_id, app.role_type_id]
    rules = rules_of(app, resource_type_ids=both)
    await apply_rules(catalog, rules)
    dynamic = {"Design Viewers": link_pb2.UNWRITABLE_REASON_DYNAMIC}
    unwritable = replace(MARLOWE, unwritable=dynamic)
    viewers = {"Viewer": "the members of Design Viewers can't be changed through Graph: DYNAMIC"}
    needs_none = {
        "Access": "its connection is for group memberships only, and it needs none",
    }
    protected = dict.fromkeys(
        ("Access", "Editor", "Viewer"), "its app is Microsoft's own and is never written to"
    )
    gone = {"Viewer": "the group Design Viewers is no longer in the directory"}
    cases = [
        (MARLOWE, False, {}, {}),
        (unwritable, False, viewers, {}),
        (unwritable, True, viewers | needs_none, {}),
        (replace(MARLOWE, protected=frozenset({"Design Tool"})), False, protected, {}),
        (MARLOWE.without("Design Viewers"), False, gone, gone),
    ]
    for tenant, groups_only, problems, removed in cases:
        await sync(catalog, tenant, groups_only=groups_only)
        answer = await catalog.rules.PreviewEntitlementRules(
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
            metadata=root(catalog),
        )
        requestable = {each.display_name for each in answer.requestable_entitlements}
        assert requestable == {"Access", "Editor", "Viewer"} - set(problems)
        said = {each.display_name: each.settings for each in answer.governed_entitlements}
        assert list(said)[: len(requestable)] == sorted(requestable)
        assert {
            name: each.unprovisionable_reason for name, each in said.items() if not each.requestable
        } == {name: why for name, why in problems.items() if name not in removed}
        found = await catalog.entitlements.ListEntitlements(
            entitlement_pb2.ListEntitlementsRequest(app_id=app.app_id), metadata=root(catalog)
        )
        for each in found.entitlements:
            assert each.settings.requestable == (each.display_name not in problems)
            assert each.settings.unprovisionable_reason == problems.get(each.display_name, "")
            one = await catalog.entitlements.GetEntitlement(
                entitlement_pb2.GetEntitlementRequest(entitlement_id=each.entitlement_id),
                metadata=root(catalog),
            )
            assert one.entitlement == each
        shown = await catalog.app_catalog.SearchAppCatalog(
            app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person("Ben")
        )
        assert {e.display_name for a in shown.apps for e in a.entitlements} == requestable
