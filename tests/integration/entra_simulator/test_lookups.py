"""Reads that go over several objects, and related objects inside others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, refusal
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")


def large_group(members: int) -> dict[str, Any]:
    """The built-in tenant with many people, all in one group and assigned to one app."""
    tenant = built_in_tenant()
    users = [
        {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "displayName": f"Temporary {number}",
            "userPrincipalName": f"temporary.{number}@marlowe-instruments.example",
        }
        for number in range(members)
    ]
    tenant["users"] += users
    [editors] = [group for group in tenant["groups"] if group["id"] == cast.ATELIER_EDITORS]
    editors["members"] = [user["id"] for user in users]
    tenant["appRoleAssignments"] = [
        {"principalId": user["id"], "resourceId": cast.ATELIER, "appRoleId": cast.NO_ROLE}
        for user in users
    ]
    tenant["groups"] += [
        {
            "id": f"00000000-0000-4000-9000-{number:012}",
            "displayName": f"Small {number}",
            "groupTypes": [],
            "securityEnabled": True,
            "mailEnabled": False,
        }
        for number in range(150)
    ]
    return tenant


async def test_expand_ends_at_twenty(state_dir: Path) -> None:
    """Twenty related objects, pages of a hundred, and no word of what is missing."""
    async with (
        Simulator(state_dir, large_group(30)) as simulator,
        connected(simulator) as client,
    ):
        page = (await client.get("/v1.0/groups?$top=999&$expand=members($select=id)")).json()
        assert len(page["value"]) == 100
        assert "@odata.nextLink" in page
        for address, relation in (
            (f"/v1.0/groups/{cast.ATELIER_EDITORS}?$expand=members", "members"),
            (f"/v1.0/servicePrincipals/{cast.ATELIER}?$expand=appRoleAssignedTo", None),
        ):
            found = (await client.get(address)).json()
            related = found[relation or "appRoleAssignedTo"]
            assert len(related) == 20
            assert not [name for name in found if "nextLink" in name]
        apps = await client.get("/v1.0/servicePrincipals?$expand=appRoleAssignedTo($select=id)")
        assert all("appRoleAssignedTo" in app for app in apps.json()["value"])
        owners = await client.get(f"/v1.0/groups/{cast.ATELIER_EDITORS}?$expand=owners($select=id)")
        assert owners.json()["owners"] == [
            {"@odata.type": "#microsoft.graph.user", "id": cast.PRIYA}
        ]


async def test_expand_that_is_not_taken(reader: httpx.AsyncClient) -> None:
    """An unknown relation, and any in an advanced query."""
    assert refusal(await reader.get("/v1.0/groups?$expand=nonsense"))[0] == 400
    answer = await reader.get(
        "/v1.0/groups?$expand=members&$count=true", headers={"ConsistencyLevel": "eventual"}
    )
    assert refusal(answer)[:2] == (400, "Request_UnsupportedQuery")


async def test_transitive_members(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Members of member groups, each once, and the groups themselves."""
    address = f"/v1.0/groups/{cast.PRODUCT_STAFF}/transitiveMembers"
    answer = await reader.get(f"{address}?$select=id")
    ids = [member["id"] for member in answer.json()["value"]]
    direct = shared.tenant.members_of(cast.PRODUCT_STAFF)
    below = shared.tenant.members_of(cast.PRODUCT_DESIGN)
    assert sorted(ids) == sorted({*direct, *below})
    assert (await reader.get(address)).headers["x-ms-resource-unit"] == "5"


async def test_circles_of_groups_end(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Groups that hold each other are walked through once."""
    simulator.tenant.add_member(cast.PRODUCT_DESIGN, cast.PRODUCT_STAFF)
    answer = await graph.get(f"/v1.0/groups/{cast.PRODUCT_DESIGN}/transitiveMembers?$select=id")
    ids = [member["id"] for member in answer.json()["value"]]
    assert len(ids) == len(set(ids)) and cast.PRODUCT_STAFF in ids


async def test_check_member_groups(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Of the groups named, those the user is in, also through others."""
    member = shared.tenant.members_of(cast.PRODUCT_DESIGN)[0]
    answer = await reader.post(
        f"/v1.0/users/{member}/checkMemberGroups",
        json={"groupIds": [cast.PRODUCT_STAFF, cast.PRODUCT_DESIGN, cast.WAREHOUSE_STAFF]},
    )
    assert answer.json()["value"] == [cast.PRODUCT_STAFF, cast.PRODUCT_DESIGN]
    assert answer.headers["x-ms-resource-unit"] == "4"
    unreadable: list[Any] = [{}, {"groupIds": []}, {"groupIds": [cast.UNKNOWN] * 21}]
    for body in (*unreadable, {"groupIds": [1]}):
        answer = await reader.post(f"/v1.0/users/{member}/checkMemberGroups", json=body)
        assert refusal(answer)[0] == 400


async def test_get_by_ids(state_dir: Path) -> None:
    """Objects of any type at once; absent ids are left out; types narrow it."""
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["permissions"].append("Directory.Read.All")
    async with Simulator(state_dir, tenant) as simulator, connected(simulator) as client:
        ids = [cast.ATELIER, cast.UNKNOWN, cast.NORA, cast.PRODUCT_DESIGN]
        answer = await client.post("/v1.0/directoryObjects/getByIds", json={"ids": ids})
        assert [item["id"] for item in answer.json()["value"]] == [ids[0], ids[2], ids[3]]
        assert answer.headers["x-ms-resource-unit"] == "3"
        answer = await client.post(
            "/v1.0/directoryObjects/getByIds", json={"ids": ids, "types": ["user"]}
        )
        assert [item["@odata.type"] for item in answer.json()["value"]] == ["#microsoft.graph.user"]
        unreadable: list[Any] = [{}, {"ids": []}, {"ids": [1]}, {"ids": ids, "types": "user"}]
        for body in unreadable:
            answer = await client.post("/v1.0/directoryObjects/getByIds", json=body)
            assert refusal(answer)[0] == 400
        # None of them is a write.
        assert simulator.quota.usage(cast.CONNECTOR).writes == 0


async def test_one_assignment(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """An assignment of the app by its id; one of another app is not found there."""
    held = next(
        found
        for found in shared.tenant.assignments_of(cast.GRETA)
        if found["resourceId"] == cast.LEDGERLINE
    )
    address = f"/v1.0/servicePrincipals/{cast.LEDGERLINE}/appRoleAssignedTo/{held['id']}"
    found = (await reader.get(address)).json()
    assert (found["id"], found["principalId"]) == (held["id"], cast.GRETA)
    other = address.replace(cast.LEDGERLINE, cast.ATELIER)
    assert refusal(await reader.get(other))[:2] == (404, "Request_ResourceNotFound")


async def test_objects_by_key(reader: httpx.AsyncClient) -> None:
    """`users('id')` is `users/id`, and names of segments are not case-sensitive."""
    for address in (f"/v1.0/users('{cast.JONAS}')", f"/v1.0/Users/{cast.JONAS}"):
        assert (await reader.get(address)).json()["id"] == cast.JONAS
