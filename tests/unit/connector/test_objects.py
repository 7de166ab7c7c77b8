"""What Graph says of objects, in the domain's words."""

import pytest

from services.connector.domain.directory import (
    ReadFailed,
    UnwritableReason,
    is_protected,
    unwritable_reason,
)
from services.connector.entra import objects


def test_objects_without_an_id_are_a_failure() -> None:
    """What is not known by its id must not be passed over: the sync would remove it."""
    with pytest.raises(ReadFailed):
        objects.user({"displayName": "nobody"})


def test_nulls_read_as_empty() -> None:
    """Graph sends null for what is not set."""
    user = objects.user({"id": "U", "mail": None, "manager": None, "accountEnabled": None})
    assert (user.mail, user.manager_entra_object_id, user.account_enabled) == ("", "", False)
    app = objects.service_principal({"id": "S", "appRoles": None, "tags": None})
    assert app.app_roles == () and not app.is_protected


def test_half_a_character_is_none() -> None:
    """Graph sends it where a name was cut in the middle of one; no message could carry it."""
    for name, expected in (("Zoë \ud83d", "Zoë ?"), ("Zoë 😀", "Zoë 😀")):
        assert objects.user({"id": "U", "displayName": name}).display_name == expected


def test_only_roles_for_people_are_kept() -> None:
    """An application permission is no role that somebody could ask for."""
    app = objects.service_principal(
        {
            "id": "S",
            "appRoles": [
                {"id": "R-1", "allowedMemberTypes": ["User"], "isEnabled": True, "value": None},
                {"id": "R-2", "allowedMemberTypes": ["Application"], "isEnabled": True},
            ],
        }
    )
    assert [role.entra_app_role_id for role in app.app_roles] == ["r-1"]


def test_a_manager_comes_in_three_spellings() -> None:
    """As a delta says it, as an object, and taken away."""
    typed = {"@odata.type": "#microsoft.graph.user"}
    removed = {"id": "A", "@removed": {"reason": "deleted"}}
    for item, expected in (
        ({"manager@delta": [{**typed, "id": "M"}]}, "m"),
        ({"manager@delta": [removed, {**typed, "id": "M"}]}, "m"),
        ({"manager@delta": [removed]}, ""),
        ({"manager": {"id": "M"}}, "m"),
        ({"manager": None}, ""),
        ({}, ""),
    ):
        assert objects.manager_id(item) == expected, item
    assert not objects.tells_manager({"id": "U"})


def test_only_people_become_members_and_anybody_may_leave() -> None:
    """What is removed may come without its type."""
    item = {
        "members@delta": [
            {"@odata.type": "#microsoft.graph.user", "id": "U-1"},
            {"@odata.type": "#microsoft.graph.group", "id": "G-1"},
            {"@odata.type": "#microsoft.graph.servicePrincipal", "id": "S-1"},
            {"id": "U-2", "@removed": {"reason": "deleted"}},
        ]
    }
    assert list(objects.members(item)) == [("u-1", True), ("u-2", False)]
    assert list(objects.members({"members@delta": None})) == []


# The lines of the table in section 3.1 of the research, as the flags that Graph sends.
_SECURITY: dict[str, object] = {"securityEnabled": True, "mailEnabled": False, "groupTypes": []}
_MICROSOFT_365 = {"securityEnabled": False, "mailEnabled": True, "groupTypes": ["Unified"]}


@pytest.mark.parametrize(
    ("line", "flags", "expected"),
    [
        ("security, assigned", _SECURITY, None),
        ("Microsoft 365, assigned: people only, and we add people", _MICROSOFT_365, None),
        ("Microsoft 365, also for security", _MICROSOFT_365 | {"securityEnabled": True}, None),
        (
            "dynamic security",
            _SECURITY | {"groupTypes": ["DynamicMembership"]},
            UnwritableReason.DYNAMIC,
        ),
        (
            "dynamic Microsoft 365",
            _MICROSOFT_365 | {"groupTypes": ["Unified", "DynamicMembership"]},
            UnwritableReason.DYNAMIC,
        ),
        (
            "mail-enabled security",
            _SECURITY | {"mailEnabled": True},
            UnwritableReason.MAIL_ENABLED,
        ),
        (
            "distribution",
            _SECURITY | {"mailEnabled": True, "securityEnabled": False},
            UnwritableReason.MAIL_ENABLED,
        ),
        (
            "synced from on-premises",
            _SECURITY | {"onPremisesSyncEnabled": True},
            UnwritableReason.SYNCED,
        ),
        (
            "synced and mail-enabled",
            _SECURITY | {"onPremisesSyncEnabled": True, "mailEnabled": True},
            UnwritableReason.SYNCED,
        ),
        (
            "synced once, and no more",
            _SECURITY | {"onPremisesSyncEnabled": False},
            None,
        ),
        (
            "role-assignable",
            _SECURITY | {"isAssignableToRole": True},
            UnwritableReason.ROLE_ASSIGNABLE,
        ),
        (
            "role-assignable Microsoft 365",
            _MICROSOFT_365 | {"isAssignableToRole": True},
            UnwritableReason.ROLE_ASSIGNABLE,
        ),
        ("nothing but a name: what was never set is left out", {}, None),
        ("null is not set", {"groupTypes": None, "onPremisesSyncEnabled": None}, None),
    ],
)
def test_which_groups_can_be_written(
    line: str, flags: dict[str, object], expected: UnwritableReason | None
) -> None:
    """As Graph refuses it, so that nobody asks for what can't be had."""
    found = objects.group({"id": "G", "displayName": "x", **flags})
    assert found.unwritable_reason is expected, line


def test_dynamic_is_said_before_anything_else() -> None:
    """Whoever is dynamic and synced is told what can't be changed about it."""
    found = unwritable_reason(
        group_types=frozenset({"DynamicMembership"}),
        mail_enabled=True,
        synced=True,
        role_assignable=True,
    )
    assert found is UnwritableReason.DYNAMIC


@pytest.mark.parametrize(
    ("app_id", "owner", "expected"),
    [
        ("00000003-0000-0000-C000-000000000000", "", True),
        ("a", "72F988BF-86F1-41AF-91AB-2D7CD011DB47", True),
        ("a", "f8cdef31-a31e-4b4a-93e4-5f571e91255a", True),
        ("a", "11111111-1111-1111-1111-111111111111", False),
        ("", "", False),
    ],
)
def test_which_apps_are_microsofts_own(app_id: str, owner: str, expected: bool) -> None:
    """By the tenant that owns it, or as Microsoft Graph itself; letters' size does not matter."""
    assert is_protected(entra_app_id=app_id, owner_tenant_id=owner) is expected
