"""What use cases hand over to be written: one audit record, the facts, the actor."""

from dataclasses import replace
from typing import Any

import pytest

from libs.domain.callers import Service
from libs.domain.changes import Change, Outcome
from libs.domain.errors import Invalid, LatchkeyError
from services.catalog.domain import facts, target
from services.catalog.domain.access_profile import AccessProfile
from services.catalog.domain.directory import (
    Complete,
    DirectoryKind,
    DirectoryPage,
    ServicePrincipal,
)
from services.catalog.domain.entitlement import GoneEntitlement, ResourceKind
from services.catalog.domain.followed import EntitlementChange, RenamedGroups
from services.catalog.domain.link import RolesMoved
from services.catalog.domain.linking import CreateVirtualRole, Decision, Skip
from services.catalog.domain.removal import HeldRemoval
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.settings import Defaults, EntitlementOverride
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.sync import Message, Sync
from services.catalog.handlers import (
    create_access_profile,
    entitlement_rules,
    ingest_page,
    link_entitlements,
    manage_app,
)
from services.catalog.handlers.checked_profile import CheckedProfile
from tests.fakes.catalog import (
    FakeApps,
    FakeCatalog,
    FakeLinks,
    FakeRules,
    Kept,
)
from tests.fakes.catalog_people import (
    FakeAccessProfiles,
    FakeDirectory,
    FakeExpressions,
)
from tests.fakes.catalog_syncs import FakeSyncs
from tests.fakes.catalog_uses import uses_now
from tests.fakes.clock import FakeClock
from tests.unit.catalog.things import (
    NOW,
    ROOT,
    TENANT,
    a_group,
    a_managed_app,
    a_role,
    a_user,
    an_access,
    an_app,
    types,
)

CONNECTOR = Service("connector")


def changed(outcome: Outcome[Any]) -> Change:
    assert outcome.change is not None
    return outcome.change


async def test_manage_app_says_who_did_it() -> None:
    """The fact has the new version; the record names the access that was made."""
    catalog = FakeCatalog(apps={"app_1": an_app()})
    manage = manage_app.ManageApp(FakeApps(catalog), uses_now(catalog), FakeClock(NOW))
    outcome = await manage(manage_app.Command("app_1", ""), ROOT)
    change = changed(outcome)
    assert (change.audit.actor, change.audit.action) == (ROOT, "app.managed")
    assert change.audit.details["access"] == "role Default Access of Design Tool"
    (fact,) = change.facts
    assert (fact.resource_id, fact.resource_version) == ("app_1", 2)
    assert fact.body == facts.AppManaged(
        "app_1", "Design Tool", outcome.result.access.entitlement_id, ROOT
    )
    assert change.writes == (Kept(("requests", None)), Kept((an_app(), outcome.result)))


async def test_link_entitlements_tells_each_choice() -> None:
    """One record for the call, one fact a choice."""
    credential, roles = types()
    catalog = FakeCatalog(
        apps={"app_1": a_managed_app()},
        resource_types=[credential, roles],
        groups={"a": a_group("A"), "b": a_group("B")},
    )
    handler = link_entitlements.LinkEntitlements(FakeLinks(catalog), FakeClock(NOW))
    decisions = (Decision("den_b", CreateVirtualRole("Bee")), Decision("den_a", Skip()))
    outcome = await handler(link_entitlements.Command("app_1", decisions), ROOT)
    change = changed(outcome)
    assert [(choice["group"], choice["choice"]) for choice in change.audit.details["choices"]] == [
        ("B", "VIRTUAL_ROLE"),
        ("A", "SKIPPED"),
    ]
    assert [fact.resource_version for fact in change.facts] == [3, 3]


async def test_rules_are_recorded_whole() -> None:
    """Applying counts what is governed; disabled rules govern nothing."""
    credential, roles = types()
    access = an_access(credential)
    catalog = FakeCatalog(
        apps={"app_1": a_managed_app()},
        resource_types=[credential, roles],
        entitlements={access.entitlement_id: access},
        users={user.user_id: user for user in (a_user("Ada"), a_user("Ben"))},
    )
    apply = entitlement_rules.ApplyEntitlementRules(
        FakeRules(catalog),
        FakeAccessProfiles(catalog),
        Defaults(),
    )
    wanted = EntitlementRules("app_1", True, (credential.resource_type_id,), ("apr_everyone",))
    wish = entitlement_rules.Command(wanted, "0")
    outcome = await apply(wish, ROOT)
    assert (outcome.result.rules.version, outcome.result.entitlement_count) == (1, 1)
    assert changed(outcome).audit.details["access_profile_ids"] == ["apr_everyone"]
    preview = await apply.preview(wish)
    assert [each.shown for each in preview.requestable] == [ShownEntitlement(access)]
    assert preview.person_count == 2
    disabled = entitlement_rules.Command(EntitlementRules("app_1"), "")
    assert (await apply(disabled, ROOT)).result.entitlement_count == 0
    said = replace(access, override=EntitlementOverride(not_requestable=True), version=4)
    catalog.entitlements[access.entitlement_id] = said
    clearing = await apply(replace(wish, clear_overrides=True), ROOT)
    assert clearing.result.cleared_override_count == 1
    assert changed(clearing).audit.details["cleared_override_count"] == 1
    assert [fact.resource_version for fact in changed(clearing).facts] == [3, 5]


@pytest.mark.parametrize("name", ["Team", "TEAM", "everyone"])
async def test_an_access_profile_needs_a_name_of_its_own(name: str) -> None:
    """In whatever case; the built-in one's is taken from the beginning."""
    catalog = FakeCatalog(
        access_profiles={"apr_1": AccessProfile("apr_1", "Team", "", (), NOW)},
        users={"usr_ada": a_user("Ada")},
    )
    profiles = FakeAccessProfiles(catalog)
    checked = CheckedProfile(profiles, FakeDirectory(catalog), FakeExpressions())
    create = create_access_profile.CreateAccessProfile(profiles, checked, FakeClock(NOW))
    with pytest.raises(LatchkeyError) as caught:
        await create(create_access_profile.Command(name, "", ("usr_ada",)), ROOT)
    assert caught.value.reason == "ACCESS_PROFILE_NAME_TAKEN"


def command(number: int, content: DirectoryPage | Complete) -> ingest_page.Command:
    return ingest_page.Command(
        Message("syn_1", "con_1", TENANT, number, f"at {number}", 1, 1, False), content
    )


def principal(app_id: str) -> ServicePrincipal:
    return ServicePrincipal(app_id, TENANT, "sp", "client", app_id, "", True, False, ())


async def test_a_page_tells_nobody_of_anything() -> None:
    """It is served, and told, with the end of the sync."""
    catalog = FakeCatalog(apps={"app_1": an_app()})
    ingest = ingest_page.IngestPage(FakeSyncs(catalog), FakeClock(NOW))
    content = DirectoryPage(
        users=(a_user("Ada"),),
        service_principals=(principal("app_1"), principal("app_2"), principal("app_2")),
        removed_user_ids=("usr_ben",),
    )
    outcome = await ingest(command(1, content), CONNECTOR)
    change = changed(outcome)
    assert change.facts == ()
    assert change.audit.details == {
        "sync_id": "syn_1",
        "page_number": 1,
        "counts": {"users": 1, "service_principals": 3, "removed_user_ids": 1},
    }
    assert outcome.result.sync.seen_count == 4


async def test_a_known_page_changes_nothing() -> None:
    """It is passed over, not refused."""
    sync = Sync("syn_1", "con_1", TENANT, last_page_number=3, run=1)
    catalog = FakeCatalog(syncs={"con_1": sync})
    ingest = ingest_page.IngestPage(FakeSyncs(catalog), FakeClock(NOW))
    outcome = await ingest(command(2, DirectoryPage()), CONNECTOR)
    assert (outcome.result.sync, outcome.change) == (sync, None)


async def test_completion_counts_and_tells_what_changed() -> None:
    """New apps and those gone, who can't sign in any more; everything else by number."""
    gone = (an_app(version=4), a_managed_app(app_id="app_2", version=7))
    ada = a_user("Ada")
    sync = Sync("syn_1", "con_1", TENANT, last_page_number=3, run=1, version=3)
    catalog = FakeCatalog(
        syncs={"con_1": sync},
        gone={DirectoryKind.APP: 2, DirectoryKind.USER: 10},
        gone_apps=gone,
        apps={each.app_id: each for each in gone},
        told_apps=(principal("app_2"), principal("app_3")),
        newly_disabled=(ada,),
    )
    ingest = ingest_page.IngestPage(FakeSyncs(catalog), FakeClock(NOW))
    outcome = await ingest(command(4, Complete()), CONNECTOR)
    found = outcome.result.sync
    assert (found.completed, found.checkpoint, found.removed_count) == (True, "at 4", 12)
    assert [(fact.resource_version, fact.body) for fact in changed(outcome).facts] == [
        (1, facts.AppDiscovered("app_3", "app_3", "con_1")),
        (5, facts.AppRemoved("app_1", "Design Tool", was_managed=False)),
        (8, facts.AppRemoved("app_2", "Design Tool", was_managed=True)),
        (4, facts.UserDeactivated(ada.user_id, ada.display_name, deleted=False)),
        (4, facts.DirectoryRefreshed("con_1", "syn_1", 0, 12)),
    ]


async def test_what_is_lost_besides_a_role() -> None:
    """A role that goes is told once, whatever else of it goes; one that is renamed is lost next."""
    role = a_role("role")
    app = a_managed_app(app_roles=(role,))
    renamed, removed = (
        replace(
            an_access(types()[0]),
            entitlement_id=entitlement_id,
            resource_kind=ResourceKind.APP_ROLE,
            entra_app_role_id=role_id,
            fulfilment=(),
            version=3,
        )
        for entitlement_id, role_id in (("ent_renamed", "role"), ("ent_removed", "former"))
    )
    told = replace(principal(app.app_id), app_roles=(replace(role, display_name="Viewer"),))
    catalog = FakeCatalog(
        apps={app.app_id: app},
        entitlements={each.entitlement_id: each for each in (renamed, removed)},
        gone={DirectoryKind.GROUP: 1},
        gone_entitlements=tuple(
            GoneEntitlement(each.entitlement_id, app.app_id, 3, "the group is gone")
            for each in (renamed, removed)
        ),
        told_apps=(told,),
    )
    outcome = await ingest_page.IngestPage(FakeSyncs(catalog), FakeClock(NOW))(
        command(1, Complete()), CONNECTOR
    )
    facts_told = [
        (fact.resource_id, fact.resource_version, type(fact.body).__name__)
        for fact in changed(outcome).facts
    ]
    assert sorted(facts_told[:-1]) == [
        ("ent_removed", 4, "EntitlementRemoved"),
        ("ent_renamed", 4, "EntitlementUpdated"),
        ("ent_renamed", 5, "EntitlementRemoved"),
    ]


async def test_a_renamed_group_is_one_change_with_all_else_of_an_entitlement() -> None:
    """Its role's new name, its group's, and the roles of the group are told in one version; each
    entitlement once."""
    role, group = a_role("role"), target.membership(TENANT, "con_1", "g", "Old")
    app = a_managed_app(app_roles=(role,))
    both = replace(
        an_access(types()[0]),
        entitlement_id="ent_both",
        resource_kind=ResourceKind.APP_ROLE,
        entra_app_role_id="role",
        fulfilment=(app.role_target(role), group),
        version=3,
    )
    only = replace(both, entitlement_id="ent_only", entra_app_role_id="", fulfilment=(group,))
    moved = tuple(
        RolesMoved(app.app_id, "den", each.entitlement_id, 3, ("r",), drifted=True)
        for each in (both, replace(only, entitlement_id="ent_other"))
    )
    catalog = FakeCatalog(
        apps={app.app_id: app},
        entitlements={both.entitlement_id: both},
        told_apps=(replace(principal(app.app_id), app_roles=(replace(role, display_name="V"),)),),
        renamed=RenamedGroups({group.directory_entitlement_id: "New"}, (both, only), 2),
        moved_roles=moved,
    )
    outcome = await ingest_page.IngestPage(FakeSyncs(catalog), FakeClock(NOW))(
        command(1, Complete()), CONNECTOR
    )
    change = changed(outcome)
    assert [(fact.resource_id, fact.resource_version, fact.body) for fact in change.facts[:-1]] == [
        *(
            (key, 4, facts.EntitlementUpdated(key, app.app_id, fields, CONNECTOR))
            for key, fields in (
                ("ent_both", ("display_name", "fulfilment")),
                ("ent_only", ("fulfilment",)),
            )
        ),
        ("ent_both", 4, facts.LinkedRolesChanged(moved[0])),
        ("ent_other", 3, facts.LinkedRolesChanged(moved[1])),
    ]
    kept = [what for write in change.writes if isinstance(write, Kept) for what in write.what]
    after = [each.after for each in kept if isinstance(each, EntitlementChange)]
    assert [each.fulfilment[-1].display_name for each in after] == ["member of New"] * 2
    assert {each.version for each in after} == {4}


async def test_too_much_is_held_until_it_is_confirmed() -> None:
    """Nothing is written, and the sync is where it was; confirmed, nobody counts the rest."""
    sync = Sync("syn_1", "con_1", TENANT, last_page_number=3, run=1, version=3)
    user, group = DirectoryKind.USER, DirectoryKind.GROUP
    catalog = FakeCatalog(
        syncs={"con_1": sync}, gone={user: 30, group: 30}, totals={user: 40, group: 400}
    )
    ingest = ingest_page.IngestPage(FakeSyncs(catalog), FakeClock(NOW))
    outcome = await ingest(command(4, Complete()), CONNECTOR)
    assert outcome.change is None
    assert outcome.result == ingest_page.Taken(sync, (HeldRemoval(user, 30, 40),))
    catalog.totals = {}
    confirmed = await ingest(command(4, Complete(confirmed=True)), CONNECTOR)
    assert confirmed.result.sync.removed_count == 60
    assert changed(confirmed).audit.details["confirmed"] is True


async def test_a_sync_is_of_one_connection() -> None:
    """The same id for another connection is a mistake."""
    sync = Sync("syn_1", "con_2", TENANT)
    ingest = ingest_page.IngestPage(FakeSyncs(FakeCatalog(syncs={"con_2": sync})), FakeClock(NOW))
    with pytest.raises(Invalid, match="connection_id"):
        await ingest(command(1, DirectoryPage()), CONNECTOR)
