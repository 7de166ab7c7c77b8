"""Pages of lists, from a Graph that fails now and then."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.connector.entra.answer import Answer, Call
from services.connector.entra.graph import Graph
from services.connector.entra.lists import ListPage, Lists, failed, is_useless
from services.connector.entra.problems import Problem

_AWAY = Problem(503, "ServiceUnavailable", "later")
_FULL = Problem(429, "TooManyRequests", "later")


class ScriptedGraph(Graph):
    """Answers what it was told to, one after the other."""

    def __init__(self, *answers: Answer | Problem) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.batches: list[list[str]] = []

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | Problem:
        self.asked.append(path)
        return self.answers.pop(0)

    async def batch(self, calls: Sequence[Call]) -> list[Answer | Problem]:
        self.batches.append([call.path for call in calls])
        return [self.answers.pop(0) for _ in calls]


def _page(*ids: str, **links: str) -> Answer:
    body: dict[str, Any] = {"value": [{"id": found} for found in ids]}
    return Answer(200, body | {f"@odata.{name}": link for name, link in links.items()}, "")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; none of them takes time."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("services.connector.entra.lists.asyncio.sleep", sleep)
    return made


async def test_a_page_has_its_links() -> None:
    """Where the list goes on, or where its changes are to be had."""
    graph = ScriptedGraph(_page("a", nextLink="n"), _page(deltaLink="d"))
    assert await Lists(graph).page("/x") == ListPage([{"id": "a"}], "n", None)
    assert await Lists(graph).page("n") == ListPage([], None, "d")


async def test_what_passes_is_tried_again_for_a_minute(pauses: list[float]) -> None:
    """After growing pauses; then it is what Graph said last."""
    found = await Lists(ScriptedGraph(*[_AWAY] * 20)).page("/x")
    assert found is _AWAY
    assert pauses[:6] == sorted(pauses[:6]) and 60 < sum(pauses) < 150
    found = await Lists(ScriptedGraph(*[_AWAY] * 5, _page("a"))).page("/x")
    assert isinstance(found, ListPage)


async def test_a_throttled_page_is_waited_for_longer(pauses: list[float]) -> None:
    """As long as Graph asks for each time."""
    wait = Problem(429, "TooManyRequests", "later", timedelta(seconds=17))
    found = await Lists(ScriptedGraph(*[wait] * 30, _page("a"))).page("/x")
    assert isinstance(found, ListPage)
    assert len(pauses) == 30 and min(pauses) >= 17


async def test_what_does_not_pass_is_not_tried_again(pauses: list[float]) -> None:
    """A refusal stays one."""
    denied = Problem(403, "Authorization_RequestDenied", "no")
    graph = ScriptedGraph(denied, denied)
    assert await Lists(graph).page("/x") is denied
    assert len(graph.asked) == 1 and not pauses


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": ["a"]}])
async def test_what_is_no_page_is_no_empty_page(body: dict[str, Any], pauses: list[float]) -> None:
    """It would have everything removed that it lacks; so it is asked for again."""
    bad = Answer(200, body, "")
    found = await Lists(ScriptedGraph(*[bad] * 20)).page("/x")
    assert isinstance(found, Problem) and found.code == "unreadable" and pauses
    [page] = await Lists(ScriptedGraph(bad, _page("a"))).batch(["/x"])
    assert isinstance(page, ListPage)


async def test_items_of_a_batch_are_tried_again_alone(pauses: list[float]) -> None:
    """Each as often as it must be, with the longest pause that one of them asks for."""
    soon = Problem(429, "TooManyRequests", "later", timedelta(seconds=3))
    gone = Problem(404, "Request_ResourceNotFound", "gone")
    graph = ScriptedGraph(_page("a"), soon, gone, _AWAY, _page("b"), _AWAY, _page("d"))
    found = await Lists(graph).batch(["/a", "/b", "/c", "/d"])
    assert graph.batches == [["/a", "/b", "/c", "/d"], ["/b", "/d"], ["/d"]]
    assert [each if isinstance(each, Problem) else each.items[0]["id"] for each in found] == [
        "a", "b", gone, "d"
    ]  # fmt: skip
    assert pauses[0] == 3


async def test_a_batch_that_does_not_pass_is_what_each_item_came_to(pauses: list[float]) -> None:
    """The whole of it failed."""
    found = await Lists(ScriptedGraph(*[_AWAY] * 100)).batch(["/a", "/b"])
    assert found == [_AWAY, _AWAY] and pauses


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem(410, "resyncRequired", ""), True),
        (Problem(400, "syncStateNotFound", ""), True),
        (Problem(404, "whatever", ""), True),
        (Problem(400, "Directory_ExpiredPageToken", ""), True),
        (Problem(403, "Authorization_RequestDenied", ""), False),
        (Problem(401, "InvalidAuthenticationToken", ""), False),
        (Problem(400, "invalid_client", "", signing_in=True), False),
        (Problem(400, "foreign_link", ""), False),
        (_FULL, False),
        (_AWAY, False),
        (Problem(408, "RequestTimeout", ""), False),
        (Problem(0, "ConnectError", ""), False),
    ],
)
def test_which_problems_are_the_links_own(problem: Problem, expected: bool) -> None:
    """Whatever the code: a link that is refused is of no use, unless the caller is what is."""
    assert is_useless(problem) is expected


def test_a_missing_permission_is_named() -> None:
    """Graph says only that there is one."""
    denied = Problem(403, "Authorization_RequestDenied", "Insufficient privileges.")
    assert "the permission User.Read.All" in str(failed("/users", denied, "User.Read.All"))
    assert "permission" not in str(failed("/users", _AWAY, "User.Read.All"))
