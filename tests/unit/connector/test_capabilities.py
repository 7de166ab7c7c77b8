"""What each permission allows, compared with Microsoft's own list."""

import json
from pathlib import Path

import pytest

from services.connector.domain.connection import CapabilityState, ConnectionMode
from services.connector.entra.capabilities import (
    CAPABILITIES,
    READ_GROUPS,
    WRITE_ASSIGNMENTS,
    WRITE_MEMBERSHIPS,
    Capability,
    unneeded,
)

_PERMISSIONS = Path(__file__).parents[4] / "shared" / "graph" / "permissions.json"
_LEAST = {name for capability in CAPABILITIES for name in capability.least}
_TIER_ZERO = "AppRoleAssignment.ReadWrite.All"

# Where Microsoft's list says less than its documents.
_EXCEPTIONS = {
    # The list has no such call, only that of removing. Source: Microsoft Learn, "Add members":
    # GroupMember.ReadWrite.All is the least, and Group.ReadWrite.All and Directory.ReadWrite.All
    # are accepted.
    ("POST /groups/{id}/members", name)
    for name in ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
} | {
    # The list has what PATCH takes for a group's own properties; `members@odata.bind` is described
    # on the same page as the call above, with the same permissions.
    ("PATCH /groups/{id}", "GroupMember.ReadWrite.All"),
}


@pytest.fixture(scope="module")
def listed() -> dict[str, set[str]]:
    """The permissions that Microsoft accepts for each call."""
    if not _PERMISSIONS.exists():
        pytest.skip(f"needs Microsoft's permission data at {_PERMISSIONS}")
    operations = json.loads(_PERMISSIONS.read_text())["operations"]
    return {
        call.lower(): {entry["permission"] for entry in entries}
        for call, entries in operations.items()
    }


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda found: found.name)
def test_microsoft_accepts_what_the_table_counts_on(
    listed: dict[str, set[str]], capability: Capability
) -> None:
    """For every call of it, the least and all that allow more, but for the known exceptions."""
    for call in capability.calls:
        accepted = {*listed.get(call.lower(), ()), *_excepted(call)}
        assert any(set(need) <= accepted for need in capability.needs), call


def test_microsoft_lists_the_pair_that_assigning_takes(listed: dict[str, set[str]]) -> None:
    """Both halves, as the first one alone is refused."""
    call = "POST /servicePrincipals/{id}/appRoleAssignedTo"
    for need in WRITE_ASSIGNMENTS.needs:
        assert set(need) <= listed[call.lower()]


def test_every_exception_is_one(listed: dict[str, set[str]]) -> None:
    """What Microsoft lists by now is taken off."""
    for call, permission in _EXCEPTIONS:
        assert permission not in listed.get(call.lower(), ())


def _excepted(call: str) -> set[str]:
    return {permission for known, permission in _EXCEPTIONS if known == call}


def test_the_least_set_is_five() -> None:
    """With them everything is granted, and none is left over."""
    assert {
        "User.Read.All",
        "GroupMember.Read.All",
        "GroupMember.ReadWrite.All",
        "Application.Read.All",
        _TIER_ZERO,
    } == _LEAST
    assert {found.state(_LEAST) for found in CAPABILITIES} == {CapabilityState.GRANTED}
    assert unneeded(_LEAST, ConnectionMode.FULL) == ()


@pytest.mark.parametrize("permission", sorted(_LEAST))
def test_each_of_the_least_set_is_needed(permission: str) -> None:
    """Without it something is missing, and it is named."""
    without = _LEAST - {permission}
    missing = [found for found in CAPABILITIES if found.state(without) is CapabilityState.MISSING]
    assert missing and all(permission in found.missing(without) for found in missing)


def test_more_than_is_needed_is_excessive() -> None:
    """One that allows more is used where the least is not there, and unneeded where it is."""
    wide = {"Directory.ReadWrite.All"}
    assert WRITE_MEMBERSHIPS.state(wide) is CapabilityState.EXCESSIVE
    assert WRITE_MEMBERSHIPS.allowing(wide) == ("Directory.ReadWrite.All",)
    assert unneeded(wide, ConnectionMode.FULL) == ()
    both = _LEAST | wide
    assert WRITE_MEMBERSHIPS.state(both) is CapabilityState.GRANTED
    assert unneeded(both | {"Mail.Read"}, ConnectionMode.FULL) == (
        "Directory.ReadWrite.All",
        "Mail.Read",
    )


def test_reading_groups_takes_more_than_writing_memberships() -> None:
    """Microsoft does not list GroupMember.ReadWrite.All for it."""
    assert READ_GROUPS.state({"GroupMember.ReadWrite.All"}) is CapabilityState.MISSING


def test_groups_only_leaves_the_strongest_permission_over() -> None:
    """Nothing needs it there, so that an administrator sees that it can be taken back."""
    assert unneeded(_LEAST, ConnectionMode.GROUPS_ONLY) == (_TIER_ZERO,)
    assert unneeded(_LEAST - {_TIER_ZERO}, ConnectionMode.GROUPS_ONLY) == ()
