"""What changing and unmanaging apps, and changing entitlements, asks to be written."""

from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain import facts
from services.catalog.domain.owner import Owner
from services.catalog.domain.shown_app import AppDetails
from services.catalog.domain.shown_entitlement import EntitlementDetails
from services.catalog.domain.use import Use, UseState
from services.catalog.handlers import unmanage_app, update_app, update_entitlement
from tests.fakes.catalog import FakeApps, FakeCatalog, FakeDirectory, FakeEntitlements, FakeUses
from tests.unit.catalog.things import ROOT, a_managed_app, a_user, an_access, types

ACCESS = replace(an_access(types()[0]), entitlement_id="ent_access")


def a_catalog() -> FakeCatalog:
    return FakeCatalog(
        apps={"app_1": a_managed_app()},
        entitlements={"ent_access": ACCESS},
        users={"usr_ada": a_user("Ada")},
    )


async def test_an_update_says_what_changed() -> None:
    """A field that is so already is none; an owner who is not there is named by their place."""
    catalog = a_catalog()
    update = update_app.UpdateApp(
        FakeApps(catalog), FakeEntitlements(catalog), FakeDirectory(catalog)
    )
    owners = (Owner("usr_ada"), Owner("ent_access"))
    names = ("description", "owners", "policy_id")
    command = update_app.Command("app_1", AppDetails("New", owners=owners), names, "2")
    outcome = await update(command, ROOT)
    assert outcome.change is not None
    (fact,) = outcome.change.facts
    assert fact.body == facts.AppUpdated("app_1", ("description", "owners"), ROOT)
    same = update_app.Command("app_1", AppDetails(), names, "")
    assert (await update(same, ROOT)).change is None
    wrong = AppDetails(owners=(*owners, Owner("ent_none")))
    with pytest.raises(LatchkeyError) as caught:
        await update(update_app.Command("app_1", wrong, names, ""), ROOT)
    assert caught.value.facts["field"] == "app.owners[2].entitlement_id"


async def test_unmanaging_says_why_and_what_ends() -> None:
    """The reason is in the audit record and in the event."""
    catalog = a_catalog()
    catalog.uses = [Use("req_1", "ent_access", "app_1", "usr_ada", UseState.ACTIVE, "lea_1")]
    unmanage = unmanage_app.UnmanageApp(FakeApps(catalog), FakeUses(catalog))
    outcome = await unmanage(unmanage_app.Command("app_1", "over", True, ""), ROOT)
    assert outcome.change is not None
    assert outcome.change.audit.reason == "over"
    assert outcome.change.audit.details["ending_lease_count"] == 1
    (fact,) = outcome.change.facts
    assert fact.body == facts.AppUnmanaged("app_1", "Design Tool", True, "over", ROOT)


async def test_an_entitlement_that_is_so_already_is_not_written() -> None:
    """Nor is anything told of it."""
    catalog = a_catalog()
    update = update_entitlement.UpdateEntitlement(
        FakeApps(catalog), FakeEntitlements(catalog), FakeDirectory(catalog)
    )
    details = EntitlementDetails(description=ACCESS.description)
    command = update_entitlement.Command("ent_access", details, ("description",), "1")
    assert (await update(command, ROOT)).change is None
    other = replace(command, details=EntitlementDetails(description="Other"))
    outcome = await update(other, ROOT)
    assert outcome.change is not None
    assert outcome.result.entitlement.version == 2
