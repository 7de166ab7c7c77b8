"""Choices taken back, all of a call or none, and previews of choices."""

from dataclasses import replace
from typing import Any

import pytest

from libs.domain import ids
from libs.domain.errors import LatchkeyError, Unavailable
from services.catalog.domain import facts
from services.catalog.domain.link import LinkChoice, LinkedGroup, SharedEntitlement
from services.catalog.domain.linking import (
    CreateVirtualRole,
    Decision,
    ProvisionAccessFor,
    Skip,
    link,
)
from services.catalog.domain.unlink import Unlinking, unlink
from services.catalog.domain.use import Use, UseState
from services.catalog.handlers import link_entitlements, unlink_entitlements
from tests.fakes.catalog import (
    FakeCatalog,
    FakeEntitlements,
    FakeLinks,
    Kept,
)
from tests.fakes.catalog_uses import uses_now
from tests.fakes.clock import FakeClock
from tests.unit.catalog.things import NOW, ROOT, TENANT, a_group, a_managed_app, an_access, types


def den(name: str) -> str:
    """Of the group: here it matters that a target has the same."""
    return ids.membership_entitlement_id(TENANT, f"entra-{name.lower()}")


def named(name: str, **other: Any) -> LinkedGroup:
    return a_group(name, directory_entitlement_id=den(name), **other)


CREDENTIAL, ROLES = types()
ACCESS = an_access(CREDENTIAL)
SHARED = SharedEntitlement("app_2", "Payroll", "ent_2", "Clerk")
LINKED = link(
    a_managed_app(),
    ROLES,
    {
        group.directory_entitlement_id: group
        for group in (named("A"), named("B"), named("C", shared_with=(SHARED,)))
    },
    (ACCESS,),
    {},
    (),
    (
        Decision(den("A"), CreateVirtualRole("Editor")),
        Decision(den("B"), ProvisionAccessFor(ACCESS.entitlement_id)),
        Decision(den("C"), Skip()),
    ),
    NOW,
)
(ROLE,) = LINKED.roles
(WIDENED,) = LINKED.widened
BACKED = replace(ROLE, fulfilment=(*ROLE.fulfilment, WIDENED.fulfilment[-1]))


def groups(*more: LinkedGroup) -> dict[str, LinkedGroup]:
    return {each.directory_entitlement_id: each for each in (*LINKED.links, *more)}


def unlinked(*linked_ids: str) -> Unlinking:
    found = groups(named("D"))
    return unlink(LINKED.app, found, (ROLE, WIDENED), tuple(map(den, linked_ids)))


def a_use(number: int, lease: str = "") -> Use:
    state = UseState.ACTIVE if lease else UseState.OPEN
    return Use(f"req_{number}", ROLE.entitlement_id, "app_1", "usr_1", state, lease)


def test_a_role_goes_with_its_last_group_and_an_entitlement_is_narrowed() -> None:
    """The answer has the groups in the order asked, each waiting for a choice again."""
    result = unlinked("B", "C", "A")
    assert result.removed == (ROLE,)
    assert result.narrowed == (replace(ACCESS, version=WIDENED.version + 1),)
    assert [(each.group_display_name, each.choice) for each in result.links] == [
        (name, LinkChoice.PENDING) for name in "BCA"
    ]
    assert {each.entitlement_id for each in result.links} == {""}
    assert result.app.version == LINKED.app.version + 1


@pytest.mark.parametrize("first", ["A", "B"])
def test_a_role_that_another_group_backs_is_narrowed(first: str) -> None:
    """Whichever of the two goes first, also the one that the role was made for."""
    second = {"A": "B", "B": "A"}[first]
    also = named("B", choice=LinkChoice.PROVISION_ACCESS, entitlement_id=ROLE.entitlement_id)
    result = unlink(LINKED.app, groups(also), (BACKED,), (den(first),))
    (left,) = result.narrowed
    assert (left.version, len(left.fulfilment), result.removed) == (BACKED.version + 1, 1, ())
    assert unlink(LINKED.app, groups(also), (left,), (den(second),)).removed == (left,)
    both = unlink(LINKED.app, groups(also), (BACKED,), (den("A"), den("B")))
    assert (both.removed, both.narrowed) == ((BACKED,), ())


def test_what_is_refused() -> None:
    """A group that is not linked, one without a choice, an app that is gone."""
    for linked_id, reason in (("X", "LINKED_ENTITLEMENT_NOT_FOUND"), ("D", "NOT_LINKED")):
        with pytest.raises(LatchkeyError) as caught:
            unlinked("A", linked_id)
        assert caught.value.reason == reason
        assert "directory_entitlement_ids[1]" in str(caught.value)
    with pytest.raises(LatchkeyError) as caught:
        unlink(a_managed_app(removed=True), groups(), (), (den("A"),))
    assert caught.value.reason == "APP_REMOVED"


def test_a_role_in_use_stays() -> None:
    """Leases and open access requests are named; uses of what only narrows are no matter."""
    uses = (a_use(1, "lea_1"), a_use(2))
    with pytest.raises(LatchkeyError) as caught:
        unlinked("A").require_unused(uses)
    assert caught.value.reason == "ENTITLEMENT_IN_USE"
    assert caught.value.facts["lease_ids"] == "lea_1"
    assert caught.value.facts["access_request_ids"] == "req_2"
    unlinked("B", "C").require_unused(uses)


def a_catalog() -> FakeCatalog:
    return FakeCatalog(
        apps={"app_1": LINKED.app},
        resource_types=[CREDENTIAL, ROLES],
        entitlements={each.entitlement_id: each for each in (ROLE, WIDENED)},
        groups=groups(named("D", shared_with=(SHARED,))),
        uses=[a_use(1, "lea_1")],
    )


async def test_the_handler_tells_of_each_group_and_each_role() -> None:
    """One record with the reason; it refuses a role in use unless told to end its access.

    Whether it is in use is for the requests service to say, and an owner stays in any case.
    """
    catalog = a_catalog()
    handler = unlink_entitlements.UnlinkEntitlements(
        FakeLinks(catalog), FakeEntitlements(catalog), uses_now(catalog)
    )
    asked = (den("C"), den("A"))
    with pytest.raises(LatchkeyError) as caught:
        await handler(unlink_entitlements.Command("app_1", asked, "why", False), ROOT)
    assert caught.value.reason == "ENTITLEMENT_IN_USE"
    catalog.requests_away = True
    with pytest.raises(Unavailable):
        await handler(unlink_entitlements.Command("app_1", asked, "why", False), ROOT)
    catalog.owned = {ROLE.entitlement_id: (ROLE.entitlement_id, "app_2")}
    with pytest.raises(LatchkeyError) as caught:
        await handler(unlink_entitlements.Command("app_1", asked, "why", True), ROOT)
    assert (caught.value.reason, caught.value.facts["owner_of"]) == (
        "ENTITLEMENT_IS_OWNER",
        "app_2",
    )
    catalog.owned.clear()
    outcome = await handler(unlink_entitlements.Command("app_1", asked, "why", True), ROOT)
    change = outcome.change
    assert change is not None
    assert (change.audit.action, change.audit.reason) == ("app.entitlements_unlinked", "why")
    assert change.audit.details["removed_entitlement_ids"] == [ROLE.entitlement_id]
    assert change.writes == (Kept((LINKED.app, outcome.result)),)
    version = LINKED.app.version + 1
    assert [(each.resource_id, each.resource_version, each.body) for each in change.facts] == [
        ("app_1", version, facts.EntitlementUnlinked("app_1", den("C"), "", False, "why", ROOT)),
        (
            "app_1",
            version,
            facts.EntitlementUnlinked("app_1", den("A"), ROLE.entitlement_id, True, "why", ROOT),
        ),
        (
            ROLE.entitlement_id,
            ROLE.version + 1,
            facts.EntitlementRemoved(
                ROLE.entitlement_id, "app_1", "no group stands behind Editor any more"
            ),
        ),
    ]
    with pytest.raises(LatchkeyError) as caught:
        await handler(unlink_entitlements.Command("app_x", asked, "why", True), ROOT)
    assert caught.value.reason == "APP_NOT_FOUND"


async def test_a_preview_has_no_ids_and_warns_of_what_is_shared() -> None:
    """Only of a group that would be bound; what is widened keeps its id."""
    catalog = a_catalog()
    handler = link_entitlements.LinkEntitlements(FakeLinks(catalog), FakeClock(NOW))
    wish = link_entitlements.Command("app_1", (Decision(den("D"), CreateVirtualRole("Dee")),))
    preview = await handler.preview(wish)
    assert [(each.entitlement_id, each.resource_id) for each in preview.roles] == [("", "")]
    assert [(each.binding_id, each.entitlement_id) for each in preview.bindings] == [("", "")]
    assert preview.links[0].entitlement_id == ""
    assert preview.links[0].choice is LinkChoice.VIRTUAL_ROLE
    (warning,) = preview.warnings
    assert warning.startswith("D stands behind Clerk of Payroll already")
    skipped = Decision(den("C"), Skip())
    widening = Decision(den("D"), ProvisionAccessFor(WIDENED.entitlement_id))
    preview = await handler.preview(link_entitlements.Command("app_1", (skipped, widening)))
    assert preview.widened[0].entitlement_id == WIDENED.entitlement_id
    assert preview.bindings[0].entitlement_id == WIDENED.entitlement_id
    assert len(preview.warnings) == 1
