"""What changing and unmanaging apps, and changing entitlements, asks to be written."""

from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError, Unavailable
from services.catalog.domain import facts
from services.catalog.domain.following import FeedPosition
from services.catalog.domain.owner import Owner
from services.catalog.domain.shown_app import AppDetails
from services.catalog.domain.shown_entitlement import EntitlementDetails
from services.catalog.domain.use import Use, UseState
from services.catalog.handlers import manage_app, unmanage_app, update_app, update_entitlement
from tests.fakes.catalog import (
    FakeApps,
    FakeCatalog,
    FakeEntitlements,
    Kept,
)
from tests.fakes.catalog_people import FakeDirectory
from tests.fakes.catalog_uses import uses_now
from tests.fakes.clock import FakeClock
from tests.unit.catalog.things import NOW, ROOT, a_managed_app, a_user, an_access, an_app, types

ACCESS = replace(an_access(types()[0]), entitlement_id="ent_access")


def an_unmanage(catalog: FakeCatalog) -> unmanage_app.UnmanageApp:
    entitlements = FakeEntitlements(catalog)
    return unmanage_app.UnmanageApp(
        FakeApps(catalog), entitlements, uses_now(catalog), FakeClock(NOW)
    )


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
        FakeApps(catalog), FakeEntitlements(catalog), FakeDirectory(catalog), FakeClock()
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
    """The reason is in the audit record and in the event; what requests has just told counts."""
    catalog = a_catalog()
    catalog.uses = [Use("req_1", "ent_access", "app_1", "usr_ada", UseState.ACTIVE, "lea_1")]
    catalog.untold = [Use("req_2", "ent_access", "app_1", "usr_ada", UseState.OPEN)]
    unmanage = an_unmanage(catalog)
    command = unmanage_app.Command("app_1", "over", True, "")
    outcome = await unmanage(command, ROOT)
    assert outcome.change is not None
    assert outcome.change.audit.reason == "over"
    assert outcome.change.audit.details["ending_lease_count"] == 1
    assert outcome.change.audit.details["ending_access_request_count"] == 1
    assert outcome.change.writes[0] == Kept(("requests", FeedPosition(2, "evt_2")))
    (fact,) = outcome.change.facts
    assert fact.body == facts.AppUnmanaged("app_1", "Design Tool", True, "over", ROOT)
    with pytest.raises(LatchkeyError) as caught:
        await unmanage(replace(command, end_access=False), ROOT)
    assert caught.value.reason == "APP_IN_USE"


async def test_while_requests_is_away_what_is_known_may_be_ended() -> None:
    """Nothing goes as unused, and what was managed before is not managed again."""
    catalog = a_catalog()
    catalog.requests_away = True
    catalog.resource_types = list(types())
    catalog.apps["app_2"] = an_app(app_id="app_2", unmanage_time=NOW)
    catalog.apps["app_3"] = an_app(app_id="app_3")
    unmanage = an_unmanage(catalog)
    command = unmanage_app.Command("app_1", "over", False, "")
    with pytest.raises(Unavailable):
        await unmanage(command, ROOT)
    assert (await unmanage(replace(command, end_access=True), ROOT)).change is not None
    manage = manage_app.ManageApp(FakeApps(catalog), uses_now(catalog), FakeClock(NOW))
    with pytest.raises(Unavailable):
        await manage(manage_app.Command("app_2", ""), ROOT)
    assert (await manage(manage_app.Command("app_3", ""), ROOT)).change is not None


async def test_each_app_that_is_managed_has_a_record_of_its_own() -> None:
    """Also where many are managed in one call."""
    catalog = FakeCatalog(apps={key: an_app(app_id=key) for key in ("app_1", "app_2")})
    manage = manage_app.ManageApp(FakeApps(catalog), uses_now(catalog), FakeClock(NOW))
    each = tuple(manage_app.Command(key, "") for key in catalog.apps)
    outcome = await manage.batch(manage_app.BatchCommand(each), ROOT)
    assert outcome.change is not None
    records = (outcome.change.audit, *outcome.change.also)
    assert [(it.resource_id, it.action) for it in records] == [
        ("app_1", "app.managed"),
        ("app_2", "app.managed"),
    ]


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
