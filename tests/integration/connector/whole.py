"""A tenant made larger, and whether a catalog has all of it."""

import uuid
from typing import Any

from services.connector.domain.directory import INTEGRATED_APP_TAG
from tests.fakes.connector_peers import IngestedSync
from tests.integration.connector.house import ConnectorHouse


def enlarge(house: ConnectorHouse, *, users: int, groups: int = 0) -> None:
    """A tenant that does not fit into single pages; every new user is in every new group."""
    tenant = house.simulator.tenant
    people = [
        tenant.add_object(
            "user",
            {
                "displayName": f"Person {number}",
                "userPrincipalName": f"person{number}@marlowe-instruments.example",
                "accountEnabled": True,
            },
        )["id"]
        for number in range(users)
    ]
    for number in range(groups):
        tenant.add_object(
            "group",
            {
                "id": str(uuid.uuid4()),
                "displayName": f"Group {number}",
                "groupTypes": [],
                "mailEnabled": False,
                "securityEnabled": True,
                "members": people,
            },
        )


def check_complete(house: ConnectorHouse, found: IngestedSync) -> None:
    """The catalog has exactly what is in scope of the tenant, each once."""
    tenant = house.simulator.tenant
    assert found.completed
    assert [page.page_number for page in found.pages] == list(range(1, len(found.pages) + 1))

    def once(objects: list[Any], key: Any) -> set[Any]:
        keys = [key(one) for one in objects]
        assert len(keys) == len(set(keys)), "nothing is brought twice"
        return set(keys)

    users = found.objects("users")
    assert once(users, lambda user: user.entra_object_id) == set(tenant.users)
    for user in users:
        known = tenant.users[user.entra_object_id]
        assert user.manager_entra_object_id == (known.get("manager") or "")
        assert user.account_enabled == known["accountEnabled"]
        assert user.department == (known.get("department") or "")
    groups = found.objects("groups")
    # A group whose members take several pages comes with each of them.
    assert {group.entra_object_id for group in groups} == set(tenant.groups)
    assert once(
        found.objects("memberships"),
        lambda one: (one.entra_group_id, one.entra_user_id),
    ) == {
        (group_id, member)
        for group_id in tenant.groups
        for member in tenant.members_of(group_id)
        if member in tenant.users
    }
    in_scope = {
        app_id
        for app_id, app in tenant.service_principals.items()
        if INTEGRATED_APP_TAG in app.get("tags", ())
    }
    apps = found.objects("service_principals")
    assert once(apps, lambda app: app.entra_object_id) == in_scope
    assert once(
        found.objects("app_role_assignments"),
        lambda one: (
            one.entra_principal_id,
            one.entra_service_principal_id,
            one.entra_app_role_id,
        ),
    ) == {
        (one["principalId"], one["resourceId"], one["appRoleId"])
        for one in tenant.assignments.values()
        if one["resourceId"] in in_scope and one["principalType"] in ("User", "Group")
    }
