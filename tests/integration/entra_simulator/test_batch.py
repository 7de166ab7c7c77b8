"""`POST /$batch`: many calls in one, each answered on its own."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = {"Content-Type": "application/json"}


def get(id: str, url: str, **rest: Any) -> dict[str, Any]:
    return {"id": id, "method": "GET", "url": url, **rest}


def add(id: str, group_id: str, member_id: str, **rest: Any) -> dict[str, Any]:
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member_id}"}
    url = f"/groups/{group_id}/members/$ref"
    return {"id": id, "method": "POST", "url": url, "headers": JSON, "body": reference, **rest}


async def send(client: httpx.AsyncClient, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The responses by id."""
    answer = await client.post("/v1.0/$batch", json={"requests": list(requests)})
    assert answer.status_code == 200, answer.text
    responses = answer.json()["responses"]
    assert sorted(response["id"] for response in responses) == sorted(r["id"] for r in requests)
    return {response["id"]: response for response in responses}


async def test_each_item_has_its_own_answer(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Status, headers and body, as the call alone would have had; 204 comes without a body."""
    found = await send(
        graph,
        get("user", f"/users/{cast.JONAS}?$select=id", headers={"client-request-id": "mine"}),
        get("no-slash", "groups?$select=id&$top=2"),
        get("absent", f"/users/{cast.UNKNOWN}"),
        get(
            "by-app", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id"
        ),
        add("write", cast.ATELIER_EDITORS, cast.NORA),
        add("refused", cast.ENGINEERING, cast.NORA),
    )
    assert found["user"]["status"] == 200
    assert found["user"]["body"]["id"] == cast.JONAS
    assert found["user"]["headers"]["client-request-id"] == "mine"
    assert found["user"]["headers"]["request-id"] != found["absent"]["headers"]["request-id"]
    assert found["absent"]["status"] == 404
    assert found["absent"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert found["by-app"]["body"]["id"] == cast.MICROSOFT_GRAPH
    assert found["write"]["status"] == 204
    assert "body" not in found["write"]
    assert found["refused"]["status"] == 403
    assert simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    next_link = found["no-slash"]["body"]["@odata.nextLink"]
    assert len((await graph.get(next_link)).json()["value"]) == 2


async def test_answers_come_in_no_order(reader: httpx.AsyncClient) -> None:
    """A client must look at the ids."""
    requests = [get(str(number), "/organization?$select=id") for number in range(20)]
    answer = await reader.post("/v1.0/$batch", json={"requests": requests})
    ids = [response["id"] for response in answer.json()["responses"]]
    assert sorted(ids, key=int) == [request["id"] for request in requests] != ids


async def test_dependents_of_a_failure_are_not_carried_out(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """424 for what depends on a failed item, and for what depends on that; others go on."""
    found = await send(
        graph,
        add("1", cast.ATELIER_EDITORS, cast.JONAS),
        add("2", cast.ATELIER_EDITORS, cast.NORA, dependsOn=["1"]),
        get("3", f"/users/{cast.NORA}", dependsOn=["2"]),
        add("4", cast.ATELIER_EDITORS, cast.GRETA),
        get("5", f"/groups/{cast.ATELIER_EDITORS}/members/{cast.GRETA}/$ref", dependsOn=["4"]),
    )
    assert {id: response["status"] for id, response in found.items()} == {
        "1": 400,
        "2": 424,
        "3": 424,
        "4": 204,
        "5": 200,
    }
    assert not simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        '{"requests": []}',
        '{"requests": [{"id": "1", "method": "GET"}]}',
        '{"requests": [{"method": "GET", "url": "/users"}]}',
        '{"requests": [{"id": "1", "method": "FETCH", "url": "/users"}]}',
        '{"requests": [{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}]}',
        '{"requests": [{"id": "1", "method": "GET", "url": "/users", "headers": {"a": 1}}]}',
    ],
)
async def test_unreadable_batches(reader: httpx.AsyncClient, body: str) -> None:
    """What is no batch is refused as a whole."""
    answer = await reader.post("/v1.0/$batch", content=body, headers=JSON)
    assert refusal(answer)[0] == 400


async def test_refused_batches(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """More than twenty items, an id that comes twice, a body without a type: nothing is done."""
    since = shared.journal.last_number
    many = [get(str(number), "/users") for number in range(21)]
    twice = [get("1", "/users"), get("1", "/groups")]
    untyped = [{**add("1", cast.ATELIER_EDITORS, cast.NORA), "headers": {}}]
    for requests in (many, twice, untyped):
        answer = await reader.post("/v1.0/$batch", json={"requests": requests})
        assert refusal(answer)[0] == 400
    assert [entry["path"] for entry in shared.journal.entries(since)] == ["/v1.0/$batch"] * 3


async def test_a_batch_in_a_batch(reader: httpx.AsyncClient) -> None:
    """Is no batch, and no way around the limit either."""
    inner = {"requests": [get("1", "/users")]}
    item = {"id": "1", "method": "POST", "url": "/$batch", "headers": JSON, "body": inner}
    assert (await send(reader, item))["1"]["status"] == 400


async def test_every_item_stands_in_the_journal(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """With the number of its batch, its own path, and what it changed."""
    since = simulator.journal.last_number
    await send(graph, get("1", "users?$top=1"), add("2", cast.ATELIER_EDITORS, cast.NORA))
    batch, read, write = simulator.journal.entries(since)
    assert (batch["path"], batch["status"], batch["body"]) == ("/v1.0/$batch", 200, None)
    assert read["path"] == "/v1.0/users?$top=1"
    assert read["batch"] == write["batch"] == batch["number"]
    assert (write["method"], write["status"], write["source"]) == ("POST", 204, "graph")
    assert [change["action"] for change in write["changes"]] == ["added"]


async def test_items_are_charged_and_throttled_one_by_one(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A 429 with its own Retry-After inside a 200; the others are carried out."""
    simulator.faults.add(
        "throttle", method="POST", path=f"/groups/{cast.ATELIER_EDITORS}/**", retryAfter=7
    )
    before = simulator.quota.usage(cast.CONNECTOR).units
    found = await send(
        graph,
        add("1", cast.ATELIER_EDITORS, cast.NORA),
        add("2", cast.ATELIER_VIEWERS, cast.NORA),
        get("3", "/users"),
    )
    assert found["1"]["status"] == 429
    assert found["1"]["headers"]["Retry-After"] == "7"
    assert found["1"]["body"]["error"]["code"] == "TooManyRequests"
    assert [found[id]["status"] for id in ("2", "3")] == [204, 200]
    assert simulator.quota.usage(cast.CONNECTOR).units == before + 3
    assert simulator.quota.usage(cast.CONNECTOR).writes == 1


async def test_a_late_item_makes_its_batch_late(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """The batch is answered when its last item is."""
    simulator.faults.add("unavailable", path="/users", seconds=0.2)
    began = asyncio.get_running_loop().time()
    assert (await send(graph, get("1", "/users"), get("2", "/groups")))["1"]["status"] == 503
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_a_batch_that_is_struck_itself(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A fault of the whole batch comes before its items, or after they are carried out."""
    requests = [add("1", cast.ATELIER_EDITORS, cast.NORA)]
    simulator.faults.add("unavailable", path="/$batch", times=1)
    answer = await graph.post("/v1.0/$batch", json={"requests": requests})
    assert answer.status_code == 503
    assert not simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    simulator.faults.add("gateway-timeout-done", path="/$batch", times=1)
    answer = await graph.post("/v1.0/$batch", json={"requests": requests})
    assert answer.status_code == 504
    assert simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


async def test_items_are_authorised_one_by_one(readonly: httpx.AsyncClient) -> None:
    """A batch needs a token and no permission; each item needs its own."""
    found = await send(
        readonly, get("1", "/users?$select=id"), add("2", cast.ATELIER_EDITORS, cast.NORA)
    )
    assert (found["1"]["status"], found["2"]["status"]) == (200, 403)
    answer = await readonly.post(
        "/v1.0/$batch", json={"requests": []}, headers={"Authorization": ""}
    )
    assert answer.status_code == 401
