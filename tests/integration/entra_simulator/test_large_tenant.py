"""A large tenant is read page by page without looking at all of it for each page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected
from tests.integration.entra_simulator.delta_client import read
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

USERS, GROUPS, MEMBERS = 20_000, 2_000, 100_000


def large_tenant() -> dict[str, Any]:
    tenant = built_in_tenant()
    users = [f"00000000-0000-4000-8000-{number:012}" for number in range(USERS)]
    tenant["users"] += [
        {
            "id": user_id,
            "displayName": f"Person {number}",
            "userPrincipalName": f"person.{number}@x.example",
        }
        for number, user_id in enumerate(users)
    ]
    each = MEMBERS // GROUPS // 2
    tenant["groups"] += [
        {
            "id": f"00000000-0000-4000-9000-{number:012}",
            "displayName": f"Group {number}",
            "groupTypes": [],
            "securityEnabled": True,
            "mailEnabled": False,
            # One group holds half of all memberships there are, up to everybody.
            "members": users[: MEMBERS // 2] if number == 0 else users[number : number + each],
        }
        for number in range(GROUPS)
    ]
    return tenant


async def duration(client: httpx.AsyncClient, address: str) -> float:
    began = time.perf_counter()
    assert (await client.get(address)).status_code == 200
    return time.perf_counter() - began


async def test_pages_cost_what_they_hold(state_dir: Path) -> None:
    """Every page of a large group is found in about the time of the first; the figures are ample,
    because the machine may be busy."""
    began = time.perf_counter()
    async with Simulator(state_dir, large_tenant()) as simulator, connected(simulator) as client:
        assert time.perf_counter() - began < 15
        simulator.quota.limits.enabled = False
        tenant = simulator.tenant
        began = time.perf_counter()
        groups = await read(client, "/v1.0/groups/delta?$select=id,members")
        assert time.perf_counter() - began < 15
        links = sum(len(item.get("members@delta", ())) for item in groups.items)
        assert links == sum(len(tenant.members_of(id)) for id in tenant.groups)
        assert len(groups.pages) <= len(tenant.groups) / 200 + links / 500 + 2
        # A quiet round, lag switched on, and a deletion do not look at the whole tenant.
        assert min([await duration(client, groups.link) for _ in range(5)]) < 0.05
        simulator.behaviour.replica_lags = (1.0,)
        assert await duration(client, "/v1.0/organization") < 1
        began = time.perf_counter()
        tenant.delete_object("00000000-0000-4000-8000-000000000001")
        assert time.perf_counter() - began < 0.1


async def test_seeding_by_hand_is_fast(simulator: Simulator) -> None:
    """Twenty thousand people and a hundred thousand memberships, journalled."""
    began = time.perf_counter()
    users = simulator.tenant.add_objects(
        "user",
        (
            {"displayName": f"P {number}", "userPrincipalName": f"p.{number}@x.example"}
            for number in range(USERS)
        ),
    )
    ids = [user["id"] for user in users]
    for group_id in (cast.ATELIER_EDITORS, cast.ATELIER_VIEWERS, cast.PRODUCT_DESIGN):
        simulator.tenant.add_members(group_id, ids)
    assert time.perf_counter() - began < 10
