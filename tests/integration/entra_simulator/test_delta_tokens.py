"""The links of delta queries: what they keep, and when they end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, log_in, refusal
from tests.integration.entra_simulator.delta_client import GROUPS, USERS, read
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_latest_starts_from_now(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """`$deltatoken=latest` gives nothing but a link, which tells later changes."""
    latest = await read(graph, f"{USERS}&$deltatoken=latest")
    assert latest.items == [] and len(latest.pages) == 1
    simulator.tenant.update_object(cast.JONAS, {"displayName": "J."})
    assert (await read(graph, latest.link)).items == [
        {
            "id": cast.JONAS,
            "displayName": "J.",
            "accountEnabled": True,
        }
    ]


async def test_options_are_frozen_in_the_link(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """The link carries one opaque token; options put beside it change nothing."""
    first = await read(graph, "/v1.0/users/delta?$select=id,displayName")
    assert set(parse_qs(urlsplit(first.link).query)) == {"$deltatoken"}
    simulator.tenant.update_object(cast.JONAS, {"displayName": "J.", "department": "Art"})
    for link in (first.link, f"{first.link}&$select=department"):
        [item] = (await read(graph, link)).items
        assert item == {"id": cast.JONAS, "displayName": "J."}


@pytest.mark.parametrize("option", ["$expand=members", "$top=5", "$orderby=displayName"])
async def test_options_that_delta_does_not_take(reader: httpx.AsyncClient, option: str) -> None:
    """Refused, and not ignored."""
    answer = await reader.get(f"/v1.0/groups/delta?{option}")
    assert refusal(answer)[:2] == (400, "Request_UnsupportedQuery")


async def test_filter_by_ids(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """A query can follow up to fifty named groups; more are refused."""
    expression = f"id eq '{cast.ATELIER_EDITORS}' or id eq '{cast.ATELIER_VIEWERS}'"
    first = await read(graph, f"{GROUPS}&$filter={expression}")
    assert {item["id"] for item in first.items} == {cast.ATELIER_EDITORS, cast.ATELIER_VIEWERS}
    simulator.tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    simulator.tenant.add_member(cast.PRODUCT_DESIGN, cast.NORA)
    assert [item["id"] for item in (await read(graph, first.link)).items] == [cast.ATELIER_EDITORS]
    for count, status in ((50, 200), (51, 400)):
        many = " or ".join(f"id eq '00000000-0000-4000-8000-{n:012}'" for n in range(count))
        assert (await graph.get(f"{GROUPS}&$filter={many}")).status_code == status


@pytest.mark.parametrize("filter", ["displayName eq 'x'", "id ne '1'", "", "isof('microsoft.x')"])
async def test_other_filters_are_refused(reader: httpx.AsyncClient, filter: str) -> None:
    """A delta query follows objects by id and by nothing else."""
    answer = await reader.get("/v1.0/groups/delta", params={"$filter": filter})
    assert refusal(answer)[0] == 400


@pytest.mark.parametrize("token", ["nonsense", "eJxLy88HAAKCAUU", "%C3%A9"])
async def test_what_is_no_token(reader: httpx.AsyncClient, token: str) -> None:
    """A made-up token is a 400 and not a first round."""
    answer = await reader.get(f"/v1.0/users/delta?$deltatoken={token}")
    assert refusal(answer)[:2] == (400, "BadRequest")


async def test_a_link_belongs_to_its_stream(reader: httpx.AsyncClient) -> None:
    """The token of a query of users does not open groups."""
    token = (await read(reader, USERS)).link.partition("?")[2]
    assert refusal(await reader.get(f"/v1.0/groups/delta?{token}"))[0] == 400


async def test_links_outlive_the_simulator(state_dir: Path, clock: FakeClock) -> None:
    """After a restart, and after a crash, a link goes on where it was; so does a page."""
    async with Simulator(state_dir, clock=clock.now) as simulator, connected(simulator) as client:
        port = int(simulator.url.rpartition(":")[2])
        snapshot = (state_dir / "tenant.json").read_bytes()
        simulator.tenant.update_object(cast.NORA, {"displayName": "N."})
        link = (await read(client, USERS)).link
        simulator.behaviour.user_delta_page = 10
        page = (await client.get(USERS)).json()
        simulator.tenant.update_object(cast.JONAS, {"displayName": "J."})
    for before in (None, snapshot):
        if before is not None:
            # As if the simulator had been killed before it could write its last snapshot.
            (state_dir / "tenant.json").write_bytes(before)
        async with (
            Simulator(state_dir, port=port, clock=clock.now) as simulator,
            connected(simulator) as client,
        ):
            assert [item["id"] for item in (await read(client, link)).items] == [cast.JONAS]
            rest = await read(client, page["@odata.nextLink"])
            given = [item["id"] for item in (*page["value"], *rest.items)]
            assert sorted(given) == sorted(simulator.tenant.users)


async def test_links_expire_after_seven_days(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock
) -> None:
    """By the tenant's clock, with `syncStateNotFound`."""
    link = (await read(graph, USERS)).link
    clock.advance(timedelta(days=7))
    token = (await log_in(graph, client_secret=cast.CONNECTOR_SECRET)).json()["access_token"]
    graph.headers["Authorization"] = f"Bearer {token}"
    assert (await graph.get(link)).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert refusal(await graph.get(link))[:2] == (400, "syncStateNotFound")
    assert (await graph.get(USERS)).status_code == 200


@pytest.mark.parametrize("stream", ["users", "all"])
async def test_reset(simulator: Simulator, graph: httpx.AsyncClient, stream: str) -> None:
    """410 with the address of a new first round, for every link given out before; not for later."""
    users, groups = await read(graph, USERS), await read(graph, GROUPS)
    simulator.behaviour.user_delta_page = 10
    page = (await graph.get(USERS)).json()
    simulator.reset_delta(stream)
    for link in (users.link, page["@odata.nextLink"]):
        answer = await graph.get(link)
        assert refusal(answer)[:2] == (410, "resyncRequired")
        location = answer.headers["Location"]
        assert location.endswith("&$deltatoken=")
        again = await read(graph, location)
        assert {item["id"] for item in again.items} == set(simulator.tenant.users)
        assert set(again.item(cast.JONAS)) == set(users.item(cast.JONAS))
        assert (await graph.get(again.link)).status_code == 200
    assert (await graph.get(groups.link)).status_code == (410 if stream == "all" else 200)


async def test_early_expiry(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Links given out so far can be ended as if their time were over."""
    users, groups = await read(graph, USERS), await read(graph, GROUPS)
    simulator.expire_delta("groups")
    assert refusal(await graph.get(groups.link))[:2] == (400, "syncStateNotFound")
    assert (await graph.get(users.link)).status_code == 200
    assert (await graph.get((await read(graph, GROUPS)).link)).status_code == 200


async def test_a_reset_outlives_a_crash(state_dir: Path, clock: FakeClock) -> None:
    """A link that was ended stays ended."""
    async with Simulator(state_dir, clock=clock.now) as simulator, connected(simulator) as client:
        port = int(simulator.url.rpartition(":")[2])
        snapshot = (state_dir / "tenant.json").read_bytes()
        link = (await read(client, USERS)).link
        simulator.reset_delta()
    (state_dir / "tenant.json").write_bytes(snapshot)
    async with (
        Simulator(state_dir, port=port, clock=clock.now) as simulator,
        connected(simulator) as client,
    ):
        assert (await client.get(link)).status_code == 410
