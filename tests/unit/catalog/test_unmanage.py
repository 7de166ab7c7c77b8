"""What unmanaging takes away, and what refuses it."""

from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import APP_GONE
from services.catalog.domain.settings import EntitlementOverride
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.unmanage import Unmanaging, unmanage
from services.catalog.domain.use import Use, UseState
from tests.unit.catalog.things import NOW, a_managed_app, a_role, an_access, types

ACCESS = replace(an_access(types()[0]), entitlement_id="ent_access", version=7)
LOCKED = replace(ACCESS, override=EntitlementOverride(locked=True))


def unmanaging(
    app: App, *offered: ShownEntitlement, etag: str = "", **owned: tuple[str, ...]
) -> Unmanaging:
    return unmanage(app, etag, offered or (ShownEntitlement(ACCESS),), owned, NOW)


def test_no_version_comes_twice() -> None:
    """The app goes past the versions of its entitlements, and its roles begin behind them."""
    after = unmanaging(a_managed_app(app_roles=(a_role("role-1"),)), etag="2").app
    assert (after.manage_time, after.unmanage_time, after.version) == (None, NOW, 8)
    managed = after.manage("", NOW)
    assert [each.version for each in managed.app_roles] == [managed.app.version] == [9]


def test_what_is_in_use_is_counted_apart() -> None:
    """Open requests and leases; a removed app can be unmanaged too."""
    going = unmanaging(a_managed_app(removed=True))
    going.require_unused(())
    uses = [Use(f"req_{n:02}", "ent_1", "app_1", "usr_1", UseState.OPEN) for n in range(11)]
    uses.append(Use("req_11", "ent_1", "app_1", "usr_1", UseState.ENDING, "lea_2"))
    with pytest.raises(LatchkeyError) as caught:
        going.require_unused(uses)
    assert caught.value.reason == "APP_IN_USE"
    assert caught.value.facts["lease_ids"] == "lea_2"
    assert caught.value.facts["access_request_ids"].endswith("req_09, and 1 more")
    with pytest.raises(LatchkeyError) as caught:
        going.app.require_over(uses)
    assert caught.value.reason == "ACCESS_ENDING"


@pytest.mark.parametrize(
    ("app", "offered", "owned", "reason"),
    [
        (a_managed_app(manage_time=None), ACCESS, (), "APP_NOT_MANAGED"),
        (a_managed_app(version=3), ACCESS, (), "ETAG_MISMATCH"),
        (a_managed_app(), LOCKED, (), "ENTITLEMENT_LOCKED"),
        (a_managed_app(), ACCESS, ("app_1", "app_2"), "ENTITLEMENT_IS_OWNER"),
    ],
)
def test_what_refuses_it(app: App, offered: object, owned: tuple[str, ...], reason: str) -> None:
    """Each names what stands in the way; what goes itself does not."""
    shown = ShownEntitlement(offered)  # type: ignore[arg-type]
    with pytest.raises(LatchkeyError) as caught:
        unmanaging(app, shown, etag="2", ent_access=owned)
    assert caught.value.reason == reason
    assert caught.value.facts.get("owner_of", "app_2") == "app_2"


def test_what_nobody_can_unlock_keeps_nothing() -> None:
    """An entitlement that is gone can't be changed any more; owners among what goes may be."""
    gone = ShownEntitlement(LOCKED, removal_reason=APP_GONE)
    going = unmanaging(a_managed_app(), gone, ent_access=("app_1", "ent_access"))
    assert going.removed_ids == ("ent_access",)
