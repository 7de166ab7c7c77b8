"""Generated tenants."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tools.entra_simulator.generator import generate
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tenant_file import TenantDocument, built_in_tenant


@pytest.fixture(scope="module")
def tenant() -> TenantDocument:
    return generate(2_000, 300, 15_000, 60, 4_000)


def test_numbers_are_exact(tenant: TenantDocument) -> None:
    """Users, groups, memberships, enterprise applications and assignments as asked for."""
    apps = [app for app in tenant["servicePrincipals"] if app["tags"]]
    assert len(tenant["users"]) == 2_000
    assert len(tenant["groups"]) == 300
    assert sum(len(group["members"]) for group in tenant["groups"]) == 15_000
    assert len(apps) == 60
    assert len(tenant["appRoleAssignments"]) == 4_000


def test_the_seed_decides() -> None:
    """The same seed makes the same tenant, another one another."""
    small = (50, 10, 100, 5, 40)
    assert generate(*small, seed=3) == generate(*small, seed=3)
    assert generate(*small, seed=3) != generate(*small, seed=4)


def test_it_can_be_served(tenant: TenantDocument) -> None:
    """Every relation points to an object, nothing is there twice, and it survives its own form."""
    served = Tenant(tenant)
    for group_id in served.groups:
        members = served.members_of(group_id)
        assert all(served.find(member) for member in members)
    listed = sum(len(group["members"]) for group in tenant["groups"])
    assert sum(len(served.members_of(group_id)) for group_id in served.groups) == listed
    assert len(served.assignments) == len(tenant["appRoleAssignments"])
    for name in ("users", "groups", "servicePrincipals"):
        ids = [found["id"] for found in tenant[name]]
        assert len(set(ids)) == len(ids)
    names = [user["userPrincipalName"] for user in tenant["users"]]
    assert len(set(names)) == len(names)


def test_managers_are_one_tree(tenant: TenantDocument) -> None:
    """Everybody but the first has a manager, and going up always ends there."""
    managers = {user["id"]: user["manager"] for user in tenant["users"]}
    root = tenant["users"][0]["id"]
    assert [user for user, manager in managers.items() if manager is None] == [root]
    for user in managers:
        steps = 0
        while user != root:
            user = managers[user]
            steps += 1
            assert steps < 20


def test_every_kind_of_group_is_there(tenant: TenantDocument) -> None:
    """Dynamic, synced, mail-enabled, Microsoft 365, role-assignable: few each, most are plain."""
    kinds = Counter(
        "dynamic"
        if "DynamicMembership" in group["groupTypes"]
        else "unified"
        if "Unified" in group["groupTypes"]
        else "synced"
        if group.get("onPremisesSyncEnabled")
        else "mail"
        if group["mailEnabled"]
        else "role-assignable"
        if group.get("isAssignableToRole")
        else "plain"
        for group in tenant["groups"]
    )
    assert set(kinds) == {"dynamic", "unified", "synced", "mail", "role-assignable", "plain"}
    assert kinds["plain"] > 200


def test_group_sizes_are_skewed(tenant: TenantDocument) -> None:
    """One group holds 5 % of the users, some hold a tenth of that or less, and groups nest."""
    sizes = sorted(len(group["members"]) for group in tenant["groups"])
    assert sizes[-1] == 100
    assert sizes[len(sizes) // 2] < 60
    groups = {group["id"] for group in tenant["groups"]}
    nested = [member for group in tenant["groups"] for member in group["members"]]
    assert any(member in groups for member in nested)


def test_people_and_apps_are_of_every_kind(tenant: TenantDocument) -> None:
    """Guests, disabled and synced people; apps with and without roles, Microsoft's, identities."""
    people, apps = tenant["users"], tenant["servicePrincipals"]
    assert {user["userType"] for user in people} == {"Member", "Guest"}
    assert 0 < sum(not user["accountEnabled"] for user in people) < 300
    assert any(user.get("onPremisesSyncEnabled") for user in people)
    assert {app["servicePrincipalType"] for app in apps} == {"Application", "ManagedIdentity"}
    assert any(
        app["appOwnerOrganizationId"] == "f8cdef31-a31e-4b4a-93e4-5f571e91255a" for app in apps
    )
    enterprise = [app for app in apps if app["tags"]]
    assert {bool(app["appRoles"]) for app in enterprise} == {True, False}
    groups = {group["id"] for group in tenant["groups"]}
    assert any(held["principalId"] in groups for held in tenant["appRoleAssignments"])


def test_whoever_signs_in_to_the_built_in_tenant_signs_in_here(tenant: TenantDocument) -> None:
    """Tenant id and app registrations are those of Marlowe Instruments."""
    marlowe = built_in_tenant()
    assert tenant["organization"]["id"] == marlowe["organization"]["id"]
    assert tenant["appRegistrations"] == marlowe["appRegistrations"]


def test_what_cannot_be_is_refused() -> None:
    """More memberships or assignments than there is room for is an error, not fewer of them."""
    with pytest.raises(ValueError, match="fit"):
        generate(10, 2, 21, 1, 0)
    with pytest.raises(ValueError, match="fit"):
        generate(10, 2, 5, 2, 30)
    with pytest.raises(ValueError, match="users"):
        generate(-1)


@pytest.mark.parametrize("size", [(0, 0, 0, 0, 0), (1, 1, 1, 1, 1), (10, 3, 30, 2, 20)])
def test_small_tenants(size: tuple[int, int, int, int, int]) -> None:
    """Nothing at all, one of each, and every group full."""
    made = generate(*size)
    assert sum(len(group["members"]) for group in made["groups"]) == size[2]
    assert len(made["appRoleAssignments"]) == size[4]


def test_a_million_memberships_in_seconds() -> None:
    """100,000 users and 1,000,000 memberships take less than 20 seconds."""
    begun = time.perf_counter()
    made = generate(100_000, 20_000, 1_000_000, 600, 300_000)
    assert time.perf_counter() - begun < 20
    assert sum(len(group["members"]) for group in made["groups"]) == 1_000_000
