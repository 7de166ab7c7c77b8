"""What an app becomes and what it refuses."""

import pytest

from libs.domain.errors import Invalid, LatchkeyError
from services.catalog.domain.app import AppState
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.target import NO_ROLE, AppRoleAssignment
from tests.unit.catalog.things import NOW, a_managed_app, a_role, an_app


def test_where_it_stands() -> None:
    """Unmanaged, managed, and removed whatever it was."""
    assert an_app().state is AppState.UNMANAGED
    assert a_managed_app().state is AppState.MANAGED
    assert a_managed_app(removed=True).state is AppState.REMOVED


@pytest.mark.parametrize(
    ("roles", "named", "given"),
    [
        ((), "", NO_ROLE),
        ((), NO_ROLE, NO_ROLE),
        ((a_role("r1", enabled=False),), "", NO_ROLE),
        ((a_role("r1"),), "", "r1"),
        ((a_role("r1"), a_role("r2", enabled=False)), "", "r1"),
        ((a_role("r1"), a_role("r2")), "r2", "r2"),
    ],
)
def test_access_gives_the_only_role_or_the_named(
    roles: tuple[object, ...], named: str, given: str
) -> None:
    """Disabled roles don't count; an app without any is assigned without one."""
    managed = an_app(app_roles=roles).manage(named, NOW)
    (target,) = managed.access.fulfilment
    assert target.kind == AppRoleAssignment("sp-1", given)


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        ((), "r1"),
        ((a_role("r1"),), NO_ROLE),
        ((a_role("r1"), a_role("r2")), ""),
        ((a_role("r1"), a_role("r2", enabled=False)), "r2"),
    ],
)
def test_a_role_that_can_not_be_given_is_refused(roles: tuple[object, ...], named: str) -> None:
    """With those that can."""
    with pytest.raises(Invalid) as caught:
        an_app(app_roles=roles).manage(named, NOW)
    assert caught.value.reason == "APP_ROLE_REQUIRED"
    assert caught.value.facts["app_roles"]


def test_managing_gives_types_and_access() -> None:
    """The app is managed from now, one version on."""
    managed = an_app().manage("", NOW)
    assert (managed.app.manage_time, managed.app.version) == (NOW, 2)
    assert [each.kind for each in managed.resource_types] == [
        ResourceKind.CREDENTIAL,
        ResourceKind.ROLE,
        ResourceKind.APP_ROLE,
    ]
    assert managed.access.resource_type_id == managed.resource_types[0].resource_type_id


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (a_managed_app(), "APP_ALREADY_MANAGED"),
        (a_managed_app(removed=True), "APP_REMOVED"),
        (an_app(is_protected=True), "APP_PROTECTED"),
    ],
)
def test_what_can_not_be_managed(app: object, reason: str) -> None:
    """Managed, removed and protected apps."""
    with pytest.raises(LatchkeyError) as caught:
        app.manage("", NOW)  # type: ignore[attr-defined]
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("app", "reason"),
    [(an_app(), "APP_NOT_MANAGED"), (a_managed_app(removed=True), "APP_REMOVED")],
)
def test_what_can_not_be_changed(app: object, reason: str) -> None:
    """Only a managed app that is there."""
    with pytest.raises(LatchkeyError) as caught:
        app.changed()  # type: ignore[attr-defined]
    assert caught.value.reason == reason
