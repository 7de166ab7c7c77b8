"""Pages of Graph's lists, read until they come.

What passes is tried again after growing pauses, for about a minute; a throttled page for longer,
since Graph says itself when it may be asked again. A page that is no page (no list in it, an object
that is none) is never taken for an empty one: the sync would remove what it lacks.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from services.connector.domain.directory import ReadFailed
from services.connector.entra.answer import Answer, Call
from services.connector.entra.graph import Graph
from services.connector.entra.problems import Problem

T = TypeVar("T")

_TRIES = 9
_THROTTLED_TRIES = 40
_LONGEST_PAUSE_SECONDS = 30.0
# What is refused to the caller, and says nothing of the link.
_PERMISSION = (401, 403)
_BROKEN = Problem(502, "unreadable", "the answer is not a page of a list")


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: its objects, and where the list goes on or its changes are to be had."""

    items: Sequence[Mapping[str, Any]]
    next_link: str | None
    delta_link: str | None = None


def is_useless(problem: Problem) -> bool:
    """Whether it says of the link that was followed that it is of no use any more.

    Expired, forgotten, reset by the service: Graph has many words for it (`syncStateNotFound`,
    `resyncRequired`, `Directory_ExpiredPageToken`, …) and one cure, to begin anew.
    """
    return 400 <= problem.status < 500 and not (
        problem.is_passing
        or problem.signing_in
        or problem.status in _PERMISSION
        or problem.code == "foreign_link"
    )


def failed(what: str, problem: Problem, permission: str = "") -> ReadFailed:
    """What to say of a list that can't be read. Graph does not name the permission that lacks."""
    missing = (
        f" It takes the permission {permission}." if permission and problem.status == 403 else ""
    )
    return ReadFailed(f"reading {what}: {problem}{missing}")


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of one tenant. `pause` is the first pause after a failure, in seconds."""

    graph: Graph
    pause: float = 0.5

    async def page(self, path: str, params: Mapping[str, str] | None = None) -> ListPage | Problem:
        """A page, or what it came to when it does not come."""
        tries = _Tries(self.pause)
        while True:
            found = _page(await self.graph.get(path, params))
            if isinstance(found, ListPage) or not await tries.again([found]):
                return found

    async def batch(self, paths: Sequence[str]) -> list[ListPage | Problem]:
        """A page of each of up to 20 lists. Those that do not come are asked for again, alone."""
        return await self._each(paths, _page)

    async def at_once(self, paths: Sequence[str]) -> list[ListPage | Problem]:
        """A page of each of up to 20 lists, asked for once."""
        answers = await self.graph.batch([Call("GET", path) for path in paths])
        return [_page(answer) for answer in answers]

    async def entities(self, paths: Sequence[str]) -> list[Answer | Problem]:
        """What is at each of up to 20 paths, in the same way."""
        return await self._each(paths, lambda answer: answer)

    async def _each(
        self, paths: Sequence[str], read: Callable[[Answer | Problem], T | Problem]
    ) -> list[T | Problem]:
        found: dict[str, T | Problem] = {}
        left = list(paths)
        tries = _Tries(self.pause)
        while left:
            answers = await self.graph.batch([Call("GET", path) for path in left])
            passing: dict[str, Problem] = {}
            for path, answer in zip(left, answers, strict=True):
                found[path] = each = read(answer)
                if isinstance(each, Problem) and each.is_passing:
                    passing[path] = each
            if not passing or not await tries.again(list(passing.values())):
                break
            left = list(passing)
        return [found[path] for path in paths]

    async def rest(self) -> None:
        """The pause before something is asked again that came and can't be right."""
        await asyncio.sleep(self.pause)


class _Tries:
    """How often, and after which pauses, something is asked for again."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._failed = 0
        self._throttled = 0

    async def again(self, problems: Sequence[Problem]) -> bool:
        """Whether to try again, once the pause is over."""
        if not all(problem.is_passing for problem in problems):
            return False
        if all(problem.status == 429 for problem in problems):
            self._throttled += 1
        else:
            self._failed += 1
        if self._failed >= _TRIES or self._throttled >= _THROTTLED_TRIES:
            return False
        asked = max((p.retry_after.total_seconds() if p.retry_after else 0.0) for p in problems)
        await asyncio.sleep(max(self._pause * random.uniform(0.8, 1.0), asked))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        return True


def _page(answer: Answer | Problem) -> ListPage | Problem:
    if isinstance(answer, Problem):
        return answer
    value = answer.body.get("value")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return _BROKEN
    return ListPage(value, answer.next_link, answer.delta_link)
