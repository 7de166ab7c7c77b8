"""Graph's batches, over a transport that answers from a script."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from services.connector.entra.batch import MOST_CALLS
from services.connector.entra.clouds import GLOBAL, clouds
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Answer, Call, Graph
from services.connector.entra.http import HttpClient
from services.connector.entra.problems import Problem
from services.connector.entra.token import Token, TokenSource

_CLOUD = clouds(simulator_url=None, simulator_ca_file=None)[GLOBAL]
_BASE = "https://graph.microsoft.com/v1.0"
Handler = Callable[[list[dict[str, Any]], httpx.Request], httpx.Response]


class _Tokens:
    def __init__(self) -> None:
        self.number = 1

    async def token(self) -> Token | Problem:
        return Token(f"token-{self.number}", float("inf"))

    async def replaced(self, token: Token, *, refused: bool) -> bool:
        self.number += 1
        return True


def _graph(handler: Handler, gate: Gate | None = None) -> Graph:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "POST" and str(request.url) == f"{_BASE}/$batch"
        return handler(json.loads(request.content)["requests"], request)

    client = HttpClient(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    gate = gate or Gate(writes_per_second=1000, units_per_second=1000)
    return Graph(_CLOUD, client, cast(TokenSource, _Tokens()), gate)


def _responses(*items: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"responses": list(items)}, headers={"request-id": "outer"})


async def test_answers_come_in_the_order_of_the_calls() -> None:
    """Graph answers in any order; each call gets its own status, body and request id."""

    def answer(items: list[dict[str, Any]], _: httpx.Request) -> httpx.Response:
        assert [item["url"] for item in items] == ["/a", "/b?$top=1", "/c"]
        assert "body" not in items[0] and items[1]["body"] == {"x": 1}
        assert items[1]["headers"]["Content-Type"] == "application/json"
        assert items[1]["headers"]["client-request-id"] == "mine"
        return _responses(
            {"id": "2", "status": 204},
            {"id": "0", "status": 200, "body": {"value": [{"id": "1"}]},
             "headers": {"request-id": "r0"}},
            {"id": "1", "status": 404, "body": {"error": {"code": "gone", "message": "m"}}},
        )  # fmt: skip

    calls = [
        Call("GET", "/a"),
        Call("POST", f"{_BASE}/b?$top=1", {"x": 1}, client_request_id="mine"),
        Call("DELETE", "/c"),
    ]
    first, second, third = await _graph(answer).batch(calls)
    assert isinstance(first, Answer) and first.items == [{"id": "1"}]
    assert first.request_id == "r0" and first.client_request_id == calls[0].client_request_id
    assert isinstance(second, Problem) and (second.status, second.code) == (404, "gone")
    assert (second.request_id, second.client_request_id) == ("outer", "mine")
    assert isinstance(third, Answer) and third.text == "204 No Content"


async def test_what_the_answer_lacks_is_of_unknown_outcome() -> None:
    """A call without an answer may well have been carried out."""
    graph = _graph(lambda items, _: _responses({"id": "1", "status": 204}, {"id": "0"}))
    lost, kept = await graph.batch([Call("POST", "/a", {}), Call("POST", "/b", {})])
    assert isinstance(lost, Problem) and lost.status == 502 and lost.sent
    assert isinstance(kept, Answer)


async def test_a_batch_that_fails_fails_each_call() -> None:
    """The same problem for all, and with it whether anything may have been sent."""

    def refuse(_: list[dict[str, Any]], request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("x", request=request)

    found = await _graph(refuse).batch([Call("GET", "/a"), Call("GET", "/b")])
    assert all(isinstance(each, Problem) and each.status == 0 and each.sent for each in found)


async def test_a_throttled_item_closes_the_gate() -> None:
    """Its own Retry-After counts, though the batch was answered with 200."""
    gate = Gate(writes_per_second=1000, units_per_second=1000)
    error = {"error": {"code": "TooManyRequests", "message": "wait"}}
    throttled = {"id": "0", "status": 429, "headers": {"Retry-After": "7"}, "body": error}
    found, other = await _graph(
        lambda *_: _responses(throttled, {"id": "1", "status": 200, "body": {}}), gate
    ).batch([Call("GET", "/a"), Call("GET", "/b")])
    assert isinstance(found, Problem) and found.retry_after == timedelta(seconds=7)
    assert isinstance(other, Answer)
    assert 6 < gate.closed_for <= 7


async def test_items_with_a_stale_token_are_made_again_with_a_new_one() -> None:
    """Only those that were refused for the token, and once."""
    seen: list[tuple[str, list[str]]] = []

    def answer(items: list[dict[str, Any]], request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["Authorization"], [item["url"] for item in items]))
        return _responses(
            *({"id": item["id"], "status": 403 if item["url"] == "/b" else 204} for item in items)
        )

    first, second = await _graph(answer).batch([Call("DELETE", "/a"), Call("DELETE", "/b")])
    assert isinstance(first, Answer)
    assert isinstance(second, Problem) and second.status == 403
    assert seen == [("Bearer token-1", ["/a", "/b"]), ("Bearer token-2", ["/b"])]


async def test_a_link_elsewhere_is_not_put_into_a_batch() -> None:
    """It would be asked with the token of this cloud."""

    def answer(items: list[dict[str, Any]], _: httpx.Request) -> httpx.Response:
        assert [item["url"] for item in items] == ["/b"]
        return _responses({"id": "0", "status": 200, "body": {}})

    found, other = await _graph(answer).batch(
        [Call("GET", "https://evil.example/v1.0/a"), Call("GET", "/b")]
    )
    assert isinstance(found, Problem) and found.code == "foreign_link" and not found.sent
    assert isinstance(other, Answer)


async def test_more_than_twenty_are_our_mistake() -> None:
    """Graph would refuse all of them."""
    graph = _graph(lambda *_: _responses())
    with pytest.raises(ValueError, match="20"):
        await graph.batch([Call("GET", "/a")] * (MOST_CALLS + 1))
