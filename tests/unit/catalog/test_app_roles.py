"""How entitlements follow the roles of their app, and what of them an administrator changes."""

from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain.app import App
from services.catalog.domain.app_roles import follow_roles
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.owner import AppOwners, EntitlementOwners, Owner, OwnerSource
from services.catalog.domain.settings import EntitlementOverride
from services.catalog.domain.shown_entitlement import EntitlementDetails, ShownEntitlement
from services.catalog.domain.target import NO_ROLE
from tests.unit.catalog.things import NOW, a_role, an_app

READER, WRITER = a_role("reader"), a_role("writer")
MANAGED = an_app(app_roles=(READER, WRITER)).manage("reader", NOW)
KNOWN = (MANAGED.access, *MANAGED.app_roles)


def with_roles(*roles: object) -> App:
    return replace(MANAGED.app, app_roles=roles)  # type: ignore[arg-type]


def test_the_same_roles_change_nothing() -> None:
    """A page that repeats an app writes nothing of its entitlements."""
    followed = follow_roles(MANAGED.app, KNOWN, NOW)
    assert (followed.created, followed.changes) == ((), ())


def test_a_disabled_role_is_gone_and_comes_back_as_it_was() -> None:
    """Access that gives it is gone with it; a version further each time."""
    followed = follow_roles(with_roles(a_role("reader", enabled=False), WRITER), KNOWN, NOW)
    assert [each.after.resource_kind for each in followed.changes] == [
        ResourceKind.CREDENTIAL,
        ResourceKind.APP_ROLE,
    ]
    assert all(each.removal_reason for each in followed.changes)
    back = follow_roles(MANAGED.app, [each.after for each in followed.changes], NOW)
    assert [each.after for each in back.changes] == [
        replace(each.before, version=each.before.version + 2) for each in followed.changes
    ]
    assert [each.changed_fields for each in back.changes] == [("state",)] * 2


def test_two_roles_of_one_name_are_two() -> None:
    """Their resources are told apart by the role's id."""
    twin = replace(a_role("twin"), display_name="Reader")
    (created,) = follow_roles(with_roles(READER, WRITER, twin), KNOWN, NOW).created
    keys = {each.resource_key for each in (*MANAGED.app_roles, created)}
    assert keys == {"reader", "writer", "twin"}
    assert created.display_name == "Reader"


def test_access_without_a_role_outlives_the_first_role() -> None:
    """Nobody loses it because the app declares roles now."""
    managed = an_app().manage("", NOW)
    followed = follow_roles(replace(managed.app, app_roles=(READER,)), [managed.access], NOW)
    assert managed.access.entra_app_role_id == NO_ROLE
    assert followed.changes == ()
    assert len(followed.created) == 1


@pytest.mark.parametrize(
    ("paths", "locked", "reason"),
    [
        (("override.not_requestable",), True, "ENTITLEMENT_LOCKED"),
        (("override.not_requestable", "override.locked"), False, ""),
        (("description",), True, ""),
        (("display_name",), True, "FIELD_INVALID"),
    ],
)
def test_a_locked_override_stays(paths: tuple[str, ...], locked: bool, reason: str) -> None:
    """Unless it is unlocked in the same update; everything else may change."""
    access = replace(MANAGED.access, override=EntitlementOverride(locked=True))
    wanted = EntitlementDetails(
        override=EntitlementOverride(not_requestable=True, locked=locked), description="New"
    )
    shown = ShownEntitlement(access)
    if reason:
        with pytest.raises(LatchkeyError) as caught:
            shown.updated(MANAGED.app, (), wanted, paths, "")
        assert caught.value.reason == reason
    else:
        after = shown.updated(MANAGED.app, (), wanted, paths, "1")
        assert after.entitlement.version == 2


def test_where_owners_come_from() -> None:
    """Given here, else in Entra; an entitlement's own, else its app's."""
    ada = (Owner("usr_ada"),)
    assert AppOwners().source is OwnerSource.NOBODY
    assert AppOwners((), ("usr_ben",)).source is OwnerSource.ENTRA
    assert AppOwners(ada, ("usr_ben",)).counting == ada
    assert EntitlementOwners().source is OwnerSource.NOBODY
    assert EntitlementOwners((), AppOwners(ada)).source is OwnerSource.APP
    assert EntitlementOwners(ada, AppOwners()).source is OwnerSource.GIVEN
