"""Pages, and the links between them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, log_in, refusal
from tools.entra_simulator import Simulator, built_in_tenant
from tools.entra_simulator.behaviour import Behaviour

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def pages(
    client: httpx.AsyncClient, address: str, headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """All pages of a collection, each link followed as it is."""
    found = []
    next_link: str | None = address
    while next_link:
        page = (await client.get(next_link, headers=headers)).json()
        found.append(page)
        next_link = page.get("@odata.nextLink")
    return found


def large_tenant(users: int) -> dict[str, Any]:
    tenant = built_in_tenant()
    tenant["users"] += [
        {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "displayName": f"Temporary {number}",
            "userPrincipalName": f"temporary.{number}@marlowe-instruments.example",
            "manager": cast.PRIYA,
        }
        for number in range(users - len(tenant["users"]))
    ]
    return tenant


async def test_page_sizes(state_dir: Path) -> None:
    """100 by default, 999 at most, and never more than 100 with $expand."""
    sizes = {
        "": [100] * 10 + [1],
        "$top=999": [999, 2],
        "$top=500": [500, 500, 1],
        "$top=999&$expand=manager($select=id)": [100] * 10 + [1],
    }
    async with (
        Simulator(state_dir, large_tenant(1001)) as simulator,
        connected(simulator) as client,
    ):
        for options, expected in sizes.items():
            found = await pages(client, f"/v1.0/users?{options}")
            assert [len(page["value"]) for page in found] == expected
            assert len({user["id"] for page in found for user in page["value"]}) == 1001


@pytest.mark.parametrize("top", ["0", "1000", "-1", "many"])
async def test_page_size_outside_the_limits(reader: httpx.AsyncClient, top: str) -> None:
    """A page size that is no number from 1 to 999 is refused, not rounded."""
    assert refusal(await reader.get(f"/v1.0/users?$top={top}")) == (
        400,
        "Request_UnsupportedQuery",
        f"Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive.",
    )


async def test_next_link_is_absolute_and_keeps_all_options(
    shared: Simulator, reader: httpx.AsyncClient
) -> None:
    """A client follows the link as it is: it needs no option of its own."""
    first = (
        await reader.get(
            "/v1.0/servicePrincipals",
            params={
                "$filter": "tags/any(t:t eq 'WindowsAzureActiveDirectoryIntegratedApp')",
                "$select": "id,displayName",
                "$top": "4",
            },
        )
    ).json()
    assert first["@odata.nextLink"].startswith(f"{shared.url}/v1.0/servicePrincipals?")
    rest = await pages(reader, first["@odata.nextLink"])
    assert [len(page["value"]) for page in rest] == [4, 2]
    assert all(set(found) == {"id", "displayName"} for page in rest for found in page["value"])


async def test_members_and_assignments_are_paged_too(reader: httpx.AsyncClient) -> None:
    """Every collection pages, not only the large ones."""
    for address in (
        f"/v1.0/groups/{cast.ENGINEERING}/members",
        f"/v1.0/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo",
        "/v1.0/servicePrincipals(appId='7e847b7d-ca48-49bd-ab11-562d60f45aad')/appRoleAssignedTo",
    ):
        whole = await pages(reader, address)
        single = await pages(reader, f"{address}?$top=1")
        assert len(whole) == 1
        assert [page["value"][0] for page in single] == whole[0]["value"]


async def test_count_stands_on_the_first_page_only(reader: httpx.AsyncClient) -> None:
    """`@odata.count` counts the whole collection, and later pages lack it."""
    found = await pages(reader, "/v1.0/groups?$count=true&$top=5", {"ConsistencyLevel": "eventual"})
    assert [page.get("@odata.count") for page in found] == [12, None, None]


async def test_headers_are_not_inherited_by_the_next_link(reader: httpx.AsyncClient) -> None:
    """An advanced query must send ConsistencyLevel again with each page."""
    first = await reader.get(
        "/v1.0/groups?$filter=onPremisesSyncEnabled ne true&$count=true&$top=5",
        headers={"ConsistencyLevel": "eventual"},
    )
    answer = await reader.get(first.json()["@odata.nextLink"])
    assert refusal(answer)[:2] == (400, "Request_UnsupportedQuery")


async def test_page_tokens_expire(graph: httpx.AsyncClient, clock: FakeClock) -> None:
    """A stale page token is refused: the listing has to start again."""
    first = (await graph.get("/v1.0/users?$top=5")).json()
    # Log in after the wait, so that only the page token is old.
    lifetime = timedelta(seconds=Behaviour().page_token_lifetime)
    clock.advance(lifetime - timedelta(minutes=1))
    graph.headers["Authorization"] = await new_token(graph)
    assert (await graph.get(first["@odata.nextLink"])).status_code == 200
    clock.advance(timedelta(minutes=2))
    assert refusal(await graph.get(first["@odata.nextLink"])) == (
        400,
        "Directory_ExpiredPageToken",
        "The specified page token value has expired and can no longer be included in your request.",
    )


async def test_objects_that_come_and_go_between_pages_hide_no_others(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Who was there all the time is listed exactly once."""
    before = set(simulator.tenant.users)
    first = (await graph.get("/v1.0/users?$select=id&$top=10")).json()
    listed = [user["id"] for user in first["value"]]
    simulator.tenant.delete_object(listed[0])
    rest = await pages(graph, first["@odata.nextLink"])
    listed += [user["id"] for page in rest for user in page["value"]]
    assert sorted(listed) == sorted(before)


async def new_token(client: httpx.AsyncClient) -> str:
    answer = await log_in(client, client_secret=cast.CONNECTOR_SECRET)
    return f"Bearer {answer.json()['access_token']}"
