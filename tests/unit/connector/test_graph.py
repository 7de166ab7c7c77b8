"""Graph's client, over a transport that answers from a script."""

import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from services.connector.entra.clouds import GLOBAL, clouds
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Answer, Call, Graph
from services.connector.entra.http import HttpClient
from services.connector.entra.problems import Problem
from services.connector.entra.token import Token, TokenSource

_CLOUD = clouds(simulator_url=None, simulator_ca_file=None)[GLOBAL]
_BASE = "https://graph.microsoft.com/v1.0"
Handler = Callable[[httpx.Request], httpx.Response]


class _Tokens:
    """Tokens with a number that grows with each new one."""

    def __init__(self) -> None:
        self.number = 1
        self.problem: Problem | None = None

    async def token(self) -> Token | Problem:
        return self.problem or Token(f"token-{self.number}", float("inf"))

    async def replaced(self, token: Token, *, refused: bool) -> bool:
        self.number += 1
        return True


def _graph(handler: Handler, tokens: _Tokens | None = None) -> Graph:
    client = HttpClient(httpx.AsyncClient(transport=httpx.MockTransport(handler)))
    gate = Gate(writes_per_second=1000, units_per_second=1000)
    return Graph(_CLOUD, client, cast(TokenSource, tokens or _Tokens()), gate)


def _error(status: int, code: str, message: str = "no", **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": message}}
    return httpx.Response(status, json=body, headers=headers)


def _page(items: list[Any], next_link: str | None = None) -> httpx.Response:
    body: dict[str, Any] = {"value": items}
    if next_link is not None:
        body["@odata.nextLink"] = next_link
    return httpx.Response(200, json=body)


async def test_answers_and_refusals_are_values() -> None:
    """Status, code, message and Retry-After, whatever the body looks like."""
    replies = iter(
        [
            httpx.Response(204),
            _error(429, "TooManyRequests", "wait", **{"Retry-After": "3"}),
            httpx.Response(502, text="<html>"),
            httpx.Response(200, text="not json"),
            httpx.Response(400, json={"error": "text"}),
        ]
    )
    graph = _graph(lambda request: next(replies))
    answer = await graph.post("/x", {})
    assert isinstance(answer, Answer) and answer.text == "204 No Content"
    found = [await graph.get("/x") for _ in range(4)]
    assert all(isinstance(problem, Problem) for problem in found)
    first = found[0]
    assert isinstance(first, Problem)
    assert (first.status, first.code, first.message) == (429, "TooManyRequests", "wait")
    assert first.retry_after is not None and first.retry_after.total_seconds() == 3
    assert [p.status for p in found if isinstance(p, Problem)] == [429, 502, 502, 400]


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.ReadTimeout("x"), True),
        (httpx.RemoteProtocolError("x"), True),
    ],
)
async def test_it_is_known_whether_a_call_may_have_arrived(
    error: httpx.HTTPError, sent: bool
) -> None:
    """A connection that was not made changed nothing; anything later may have."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    problem = await _graph(fail).post("/x", {})
    assert isinstance(problem, Problem)
    assert problem.status == 0 and problem.sent is sent


async def test_a_refused_token_is_replaced_once() -> None:
    """A second 401 is an answer."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return _error(401, "InvalidAuthenticationToken")

    problem = await _graph(answer).get("/x")
    assert isinstance(problem, Problem) and problem.status == 401
    assert seen == ["Bearer token-1", "Bearer token-2"]


async def test_without_a_token_nothing_is_sent() -> None:
    """What signing in failed with is the answer."""
    tokens = _Tokens()
    tokens.problem = Problem(401, "invalid_client", "no", sent=False, signing_in=True)

    def fail(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing must be sent")

    assert await _graph(fail, tokens).get("/x") is tokens.problem


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/v1.0/users?$skiptoken=1", "http://graph.microsoft.com/v1.0/users",
     "https://graph.microsoft.com:8443/v1.0/users"],
)  # fmt: skip
async def test_a_link_elsewhere_is_not_followed(link: str) -> None:
    """A token goes to the Graph of its own cloud and to no other host."""
    requests: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request.url)
        return _page([{"id": "1"}], link)

    graph = _graph(answer)
    assert isinstance(await graph.get("/users"), Answer)
    found = await graph.get(link)
    assert isinstance(found, Problem) and found.code == "foreign_link"
    assert len(requests) == 1


async def test_bodies_name_no_token() -> None:
    """The token is in the header only."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert b"token-1" not in request.content
        assert json.loads(request.content) == {"a": 1}
        return httpx.Response(201, json={"id": "x"})

    assert isinstance(await _graph(answer).post("/x", {"a": 1}), Answer)
    assert "token-1" not in repr(Token("token-1", 1.0))


async def test_pauses_grow_while_items_of_batches_are_throttled() -> None:
    """The answer of a batch is a success whatever became of its items: it ends no row of pauses."""
    throttled = {"status": 429, "headers": {}, "body": {"error": {"code": "TooManyRequests"}}}
    done = {"status": 204, "headers": {}}
    replies = iter([throttled, throttled, throttled, done, throttled])
    now, pauses = [0.0], []
    gate = Gate(writes_per_second=1000, units_per_second=1000, now=lambda: now[0])

    def answer(request: httpx.Request) -> httpx.Response:
        first = {"id": "0", **next(replies)}
        return httpx.Response(200, json={"responses": [first, {"id": "1", **done}]})

    client = HttpClient(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    graph = Graph(_CLOUD, client, cast(TokenSource, _Tokens()), gate)
    for _ in range(5):
        await graph.batch([Call("POST", "/x", {}), Call("POST", "/y", {})])
        pauses.append(gate.closed_for)
        now[0] += 100
    first, second, third, none, again = pauses
    assert 0.5 <= first <= 1 <= second <= 2 <= third <= 4
    assert none == 0 and 0.5 <= again <= 1


async def test_a_refusal_that_no_database_keeps_is_made_keepable() -> None:
    """JSON can spell halves of characters, and zero bytes."""
    text = '{"error": {"code": "Bad\\u0000Request", "message": "name \\ud800 is not"}}'
    graph = _graph(lambda request: httpx.Response(400, content=text))
    found = await graph.post("/x", {})
    assert isinstance(found, Problem)
    assert (found.code, found.message) == ("Bad\ufffdRequest", "name \ufffd is not")
