"""Marlowe Instruments has somebody and something of every kind that matters."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from tests.integration.entra_simulator import cast
from tools.entra_simulator import built_in_tenant
from tools.entra_simulator.tenant import Tenant

INTEGRATED_APP = "WindowsAzureActiveDirectoryIntegratedApp"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return built_in_tenant()


@pytest.fixture(scope="module")
def tenant(document: dict[str, Any]) -> Tenant:
    return Tenant(document)


def test_ids_are_guids_and_stand_for_one_object_each(document: dict[str, Any]) -> None:
    """Ids are valid, in the form Graph writes them, and unique."""
    objects = [*document["users"], *document["groups"], *document["servicePrincipals"]]
    ids = [found["id"] for found in objects]
    assert [str(UUID(id)) for id in ids] == ids
    assert len(set(ids)) == len(ids)


def test_every_manager_chain_ends_at_the_chief_executive(tenant: Tenant) -> None:
    """Approval by managers always finds a top."""
    for user in tenant.users.values():
        chain = [user["id"]]
        while (manager := tenant.users[chain[-1]]["manager"]) is not None:
            assert manager not in chain
            chain.append(manager)
        assert chain[-1] == cast.INGRID


def test_people_of_every_kind(tenant: Tenant) -> None:
    """There are a disabled account, a guest and synced users among members."""
    users = tenant.users.values()
    assert len(users) == 26
    assert sum(not user["accountEnabled"] for user in users) == 1
    assert Counter(user["userType"] for user in users) == {"Member": 25, "Guest": 1}
    assert sum(user.get("onPremisesSyncEnabled", False) for user in users) == 2


def test_groups_of_every_kind(tenant: Tenant) -> None:
    """There is a group of each kind that Graph treats in a way of its own."""
    groups = tenant.groups
    assert len(groups) == 12
    assert groups[cast.ENGINEERING]["groupTypes"] == ["DynamicMembership"]
    assert groups[cast.MARKETING_TEAM]["groupTypes"] == ["Unified"]
    assert groups[cast.WAREHOUSE_STAFF]["onPremisesSyncEnabled"] is True
    assert groups[cast.FINANCE_ANNOUNCEMENTS]["mailEnabled"] is True
    assert groups[cast.CLOUD_ADMINISTRATORS]["isAssignableToRole"] is True
    assert tenant.is_member(cast.PRODUCT_STAFF, cast.PRODUCT_DESIGN)


def test_engineering_holds_whom_its_rule_names(tenant: Tenant) -> None:
    """The dynamic group's members are those its rule describes."""
    engineers = {id for id, user in tenant.users.items() if user["department"] == "Engineering"}
    assert set(tenant.members_of(cast.ENGINEERING)) == engineers


def test_atelier_is_reached_through_groups_only(tenant: Tenant) -> None:
    """The demo app has no roles, three groups that can be written and one that cannot."""
    assert tenant.service_principals[cast.ATELIER]["appRoles"] == []
    names = {
        assignment["principalDisplayName"] for assignment in tenant.assignments_of(cast.ATELIER)
    }
    assert names == {"Atelier Viewers", "Atelier Editors", "Atelier Admins", "Engineering"}


def test_ten_apps_and_those_to_leave_alone(tenant: Tenant) -> None:
    """Ten service principals are tagged as apps; Microsoft Graph and an identity are not."""
    tagged = [app for app in tenant.service_principals.values() if INTEGRATED_APP in app["tags"]]
    assert len(tagged) == 10
    assert {bool(app["appRoles"]) for app in tagged} == {True, False}
    graph = tenant.service_principals[cast.MICROSOFT_GRAPH]
    assert graph["appId"] == "00000003-0000-0000-c000-000000000000"
    assert graph["appOwnerOrganizationId"] == "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
    identity = tenant.service_principals[cast.NIGHTLY_BACKUP]
    assert identity["servicePrincipalType"] == "ManagedIdentity"


def test_granted_permissions_are_assignments_on_microsoft_graph(
    document: dict[str, Any], tenant: Tenant
) -> None:
    """What a registration may do is also what its service principal is assigned."""
    roles = {
        role["id"]: role["value"]
        for role in tenant.service_principals[cast.MICROSOFT_GRAPH]["appRoles"]
    }
    for registration in document["appRegistrations"]:
        [service_principal] = [
            found
            for found in tenant.service_principals.values()
            if found["appId"] == registration["appId"]
        ]
        assigned = [
            roles[assignment["appRoleId"]]
            for assignment in tenant.assignments_of(service_principal["id"])
        ]
        assert sorted(assigned) == sorted(registration["permissions"])
