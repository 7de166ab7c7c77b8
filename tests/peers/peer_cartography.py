"""cartography, which maps tenants into a graph, finds exactly what the simulator holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from cartography.intel.microsoft.entra.app_role_assignments import (
    get_app_role_assignments_for_app,
)
from cartography.intel.microsoft.entra.groups import (
    get_entra_groups,
    get_group_member_pages,
    get_group_owners,
)
from cartography.intel.microsoft.entra.service_principals import get_entra_service_principals
from cartography.intel.microsoft.entra.users import get_tenant, get_users, transform_users

from tests.peers.simulated import TENANT, Served, served


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # More than twenty assignments for an app: whoever expands them loses some.
    numbers = ("--users", "250", "--groups", "40", "--memberships", "1200", "--apps", "25")
    with served(tmp_path_factory.mktemp("peer"), *numbers, "--assignments", "1125") as running:
        yield running


class ServicePrincipals:
    """In the place of cartography's own database: which service principal an app has."""

    def __init__(self, ids: dict[str, str]) -> None:
        self._ids = ids

    def execute_read(self, read: Any, query: str, *, tenant_id: str, app_id: str) -> str:
        return self._ids[app_id]


def test_it_finds_everything(simulator: Served) -> None:
    """Users with managers, groups, members, owners, apps and assignments, to the last one."""
    state = simulator.state()
    ids = {app["appId"]: app["id"] for app in state["servicePrincipals"]}

    async def sync() -> dict[str, Any]:
        async with simulator.sdk() as client:
            found: dict[str, Any] = {"tenant": (await get_tenant(client)).id}
            found["managers"] = {
                user["id"]: user["manager_id"]
                async for page, activity in get_users(client)
                for user in transform_users(page, activity_available=activity)
            }
            groups = [group.id async for group in get_entra_groups(client)]
            found["groups"] = set(groups)
            found["owners"] = {id: set(await get_group_owners(client, id)) for id in groups}
            found["members"] = {
                (group, member)
                for group in groups
                async for users, nested in get_group_member_pages(client, group)
                for member in (*users, *nested)
            }
            found["apps"] = {app.id async for app in get_entra_service_principals(client)}
            found["assignments"] = {
                held["id"]
                for app_id in ids
                async for held in get_app_role_assignments_for_app(
                    client, ServicePrincipals(ids), TENANT, app_id
                )
            }
            return found

    found = asyncio.run(sync())
    groups = state["groups"]
    assert found["tenant"] == TENANT
    assert found["managers"] == {user["id"]: user["manager"] for user in state["users"]}
    assert found["groups"] == {group["id"] for group in groups}
    assert found["owners"] == {group["id"]: set(group["owners"]) for group in groups}
    assert found["members"] == {
        (group["id"], member) for group in groups for member in group["members"]
    }
    assert found["apps"] == set(ids.values())
    assert found["assignments"] == {held["id"] for held in state["appRoleAssignments"]}
