"""Graph's client and its lists, over a transport that answers from a script."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from services.connector.domain.directory import ReadFailed
from services.connector.entra.clouds import GLOBAL, clouds
from services.connector.entra.graph import Answer, Graph
from services.connector.entra.http import HttpClient
from services.connector.entra.lists import Gone, ListPage, Lists
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

    def drop(self, token: Token) -> None:
        self.number += 1


def _graph(handler: Handler, tokens: _Tokens | None = None) -> Graph:
    client = HttpClient(httpx.AsyncClient(transport=httpx.MockTransport(handler)))
    return Graph(_CLOUD, client, cast(TokenSource, tokens or _Tokens()))


def _scripted(replies: list[httpx.Response]) -> Graph:
    waiting = iter(replies)
    return _graph(lambda request: next(waiting))


def _error(status: int, code: str, message: str = "no", **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": message}}
    return httpx.Response(status, json=body, headers=headers)


def _page(items: list[Any], next_link: str | None = None) -> httpx.Response:
    body: dict[str, Any] = {"value": items}
    if next_link is not None:
        body["@odata.nextLink"] = next_link
    return httpx.Response(200, json=body)


async def _all(pages: Any) -> list[ListPage]:
    return [page async for page in pages]


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

    with pytest.raises(ReadFailed, match="a link led to"):
        await _all(Lists(_graph(answer)).pages("/users", {}))
    assert len(requests) == 1


async def test_links_are_followed_whole_and_empty_pages_passed() -> None:
    """A next link is sent as it came; an empty page with one is not the end."""
    second = f"{_BASE}/users?%24top=2&$skiptoken=a%2Fb"
    third = f"{_BASE}/users?$skiptoken=c"
    seen: list[str] = []
    replies = iter([_page([{"id": "1"}], second), _page([], third), _page([{"id": "2"}])])

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return next(replies)

    pages = await _all(Lists(_graph(answer)).pages("/users", {"$top": "2"}))
    assert [item["id"] for page in pages for item in page.items] == ["1", "2"]
    assert seen[1:] == [second, third]


async def test_a_link_that_repeats_ends_the_reading() -> None:
    """Never an endless loop: the same link again, or one of before."""
    for links in (["a", "a"], ["a", "b", "a"]):
        replies = [_page([], f"{_BASE}/users?t={link}") for link in [*links, "z"]]
        graph = _scripted(replies)
        with pytest.raises(ReadFailed, match="same next link"):
            await _all(Lists(graph).pages("/users", {}))


async def test_an_expired_page_token_begins_the_list_anew() -> None:
    """The only cure there is, and not for ever."""
    state = {"calls": 0}

    def answer(request: httpx.Request) -> httpx.Response:
        state["calls"] += 1
        if "t=" in str(request.url):
            return _error(400, "Directory_ExpiredPageToken")
        return _page([{"id": "1"}], f"{_BASE}/users?t=1")

    with pytest.raises(ReadFailed, match="Directory_ExpiredPageToken"):
        await _all(Lists(_graph(answer)).pages("/users", {}))
    assert state["calls"] == 12


async def test_passing_failures_are_tried_again_others_are_not() -> None:
    """A 503 passes; a 403 does not, and its words reach the problem."""
    replies = iter([_error(503, "ServiceUnavailable"), _error(429, "x"), _page([{"id": "1"}])])
    [page] = await _all(Lists(_graph(lambda request: next(replies)), pause=0.001).pages("/u", {}))
    assert page.items == [{"id": "1"}]
    with pytest.raises(ReadFailed, match="403 Authorization_RequestDenied: no"):
        await _all(
            Lists(_graph(lambda request: _error(403, "Authorization_RequestDenied"))).pages(
                "/u", {}
            )
        )


async def test_failures_that_do_not_pass_end_the_reading() -> None:
    """After a few tries it is a failure."""
    state = {"calls": 0}

    def answer(request: httpx.Request) -> httpx.Response:
        state["calls"] += 1
        return _error(500, "InternalServerError")

    with pytest.raises(ReadFailed, match="500"):
        await _all(Lists(_graph(answer), pause=0.001).pages("/u", {}))
    assert state["calls"] == 6


async def test_many_lists_come_in_order_and_what_is_gone_is_passed_over() -> None:
    """A few are read ahead at once; one that vanished is harmless."""
    at_once = {"now": 0, "most": 0}

    async def answer(request: httpx.Request) -> httpx.Response:
        at_once["now"] += 1
        at_once["most"] = max(at_once["most"], at_once["now"])
        await asyncio.sleep(0.001)
        at_once["now"] -= 1
        name = request.url.path.rsplit("/", 1)[-1]
        if name == "3":
            return _error(404, "Request_ResourceNotFound")
        if name == "5" and "t=" not in str(request.url):
            return _page([{"id": "5a"}], f"{_BASE}/l/5?t=1")
        return _page([{"id": name}])

    client = HttpClient(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    lists = Lists(Graph(_CLOUD, client, cast(TokenSource, _Tokens())))
    ids = [str(number) for number in range(30)]
    found = [
        (one, [item["id"] for item in page.items])
        async for one, page in lists.of_each(ids, lambda one: lists.pages(f"/l/{one}", {}))
    ]
    expected = [(one, [one]) for one in ids if one != "3"]
    expected[4:5] = [("5", ["5a"]), ("5", ["5"])]
    assert found == expected
    assert 1 < at_once["most"] <= 8


async def test_a_list_that_does_not_exist_is_gone() -> None:
    """The caller decides whether that matters."""
    with pytest.raises(Gone):
        await _all(Lists(_graph(lambda request: _error(404, "x"))).pages("/l", {}))


async def test_bodies_name_no_token() -> None:
    """The token is in the header only."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert b"token-1" not in request.content
        assert json.loads(request.content) == {"a": 1}
        return httpx.Response(201, json={"id": "x"})

    assert isinstance(await _graph(answer).post("/x", {"a": 1}), Answer)
    assert "token-1" not in repr(Token("token-1", 1.0))
