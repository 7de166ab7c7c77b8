"""Going through many things, some at a time, though some of them may fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError

T = TypeVar("T")
_AT_ONCE = 16
_MOST = 1000
_MOST_DUE = 500
_log = structlog.get_logger(__name__)


async def everything(page: Callable[[str, int], Awaitable[list[str]]]) -> list[str]:
    """All ids that `page` gives in order, asked for those behind an id."""
    found: list[str] = []
    while True:
        more = await page(found[-1] if found else "", _MOST)
        found.extend(more)
        if len(more) < _MOST:
            return found


async def all_due(
    page: Callable[[datetime, int], Awaitable[list[str]]],
    work: Callable[[str], Awaitable[object]],
    clock: Clock,
    *,
    despite_failures: bool = False,
) -> None:
    """Does `work` for all whose time has come, page after page of those that `page` gives.

    What fails is given again with the next page: it ends the round, and with `despite_failures`
    only when all of a page fails, so that nothing waits for it.
    """
    while True:
        ids, failed = await page(clock.now(), _MOST_DUE), 0
        async for turn in in_turns(ids, work):
            failed += sum(isinstance(answer, Exception) for _, answer in turn)
        if len(ids) < _MOST_DUE or failed == len(ids) or (failed and not despite_failures):
            return


async def in_turns(
    ids: Sequence[str], work: Callable[[str], Awaitable[T]]
) -> AsyncIterator[list[tuple[str, T | Exception]]]:
    """Does `work` for all, some at once, and gives what came of each turn."""
    for start in range(0, len(ids), _AT_ONCE):
        turn = ids[start : start + _AT_ONCE]
        answers = await asyncio.gather(*(work(found) for found in turn), return_exceptions=True)
        results: list[tuple[str, T | Exception]] = []
        for found, answer in zip(turn, answers, strict=True):
            if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                raise answer
            if isinstance(answer, Exception) and not isinstance(answer, LatchkeyError):
                _log.error("turn_failed", resource_id=found, exc_info=answer)
            results.append((found, answer))
        yield results
