"""Lists of Graph, read to their end whatever happens on the way.

A next link is followed whole and never parsed. A page may be empty and still have one. Page tokens
expire, and the only cure is to begin the list anew. Source: Microsoft Learn, "Paging Microsoft
Graph data in your app".
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.connector.domain.directory import ReadFailed
from services.connector.entra.graph import Answer, Graph
from services.connector.entra.problems import Problem

_TRIES = 6
_LONGEST_PAUSE_SECONDS = 30.0
_MOST_RESTARTS = 5
_AT_ONCE = 8
_EXPIRED = "Directory_ExpiredPageToken"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: its objects, and where the list goes on."""

    items: list[dict[str, Any]]
    next_link: str | None


class Gone(Exception):
    """What the list belongs to is no longer there."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of one tenant. `pause` is the first pause after a failure, in seconds."""

    graph: Graph
    pause: float = 0.5

    async def pages(
        self, path: str, params: Mapping[str, str], *, link: str | None = None
    ) -> AsyncIterator[ListPage]:
        """The pages of a list, from `link` on if there is one.

        Raises:
            ReadFailed: it can't be read; says what Graph said.
            Gone: there is nothing at this path.
        """
        seen: set[str] = set()
        restarts = 0
        while True:
            answer = await self._get(link or path, None if link else params)
            if isinstance(answer, Problem):
                if answer.code == _EXPIRED and link and restarts < _MOST_RESTARTS:
                    restarts, link = restarts + 1, None
                    seen.clear()
                    continue
                if answer.status == 404:
                    raise Gone
                raise ReadFailed(f"reading {path}: {answer}")
            link = answer.next_link
            if link is not None and (link in seen or link == answer.url):
                raise ReadFailed(f"reading {path}: Graph gives the same next link again")
            yield ListPage(answer.items, link)
            if link is None:
                return
            seen.add(link)

    async def of_each(
        self,
        ids: Iterable[str],
        open_list: Callable[[str], AsyncIterator[ListPage]],
    ) -> AsyncIterator[tuple[str, ListPage]]:
        """The pages of one list for each id, in the order of the ids.

        First pages are read ahead, a few at once. What is gone by now is passed over.

        Raises:
            ReadFailed: one of them can't be read.
        """
        ahead: deque[tuple[str, AsyncIterator[ListPage], asyncio.Task[ListPage | None]]] = deque()
        waiting = iter(ids)
        try:
            while True:
                while len(ahead) < _AT_ONCE and (found := next(waiting, None)) is not None:
                    pages = open_list(found)
                    ahead.append((found, pages, asyncio.create_task(_first(pages))))
                if not ahead:
                    return
                current, pages, first = ahead[0]
                page = await first
                ahead.popleft()
                if page is None:
                    continue
                yield current, page
                with suppress(Gone):
                    async for page in pages:
                        yield current, page
        finally:
            for _, _, task in ahead:
                task.cancel()
            await asyncio.gather(*(task for _, _, task in ahead), return_exceptions=True)

    async def _get(self, path: str, params: Mapping[str, str] | None) -> Answer | Problem:
        """Reads one page, again after a pause while it may well succeed."""
        pause = self.pause
        for _ in range(_TRIES - 1):
            answer = await self.graph.get(path, params)
            if isinstance(answer, Answer) or not answer.is_passing:
                return answer
            asked = answer.retry_after.total_seconds() if answer.retry_after else 0.0
            await asyncio.sleep(max(pause, asked))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return await self.graph.get(path, params)


async def _first(pages: AsyncIterator[ListPage]) -> ListPage | None:
    """The first page; none if what it belongs to is gone."""
    try:
        return await anext(pages)
    except Gone:
        return None
