"""Waiting for an outcome with a deadline, instead of sleeping and hoping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    predicate: Callable[[], Awaitable[T]], timeout: float = ..., *, every: float = ...
) -> T: ...
@overload
async def eventually(
    predicate: Callable[[], T], timeout: float = ..., *, every: float = ...
) -> T: ...
async def eventually(
    predicate: Callable[[], Any], timeout: float = 5.0, *, every: float = 0.01
) -> Any:
    """Asks `predicate`, plain or async, until its answer is true, and returns that answer.

    An `AssertionError` of the predicate counts as "not yet", so that it may hold plain asserts.
    Past the deadline the last of these, or the last answer, is in the failure. The deadline also
    ends a predicate that hangs.
    """
    last: object = "no answer yet"
    why: AssertionError | None = None
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    answer = predicate()
                    value = await answer if inspect.isawaitable(answer) else answer
                except AssertionError as error:
                    last, why = error, error
                else:
                    if value:
                        return value
                    last, why = value, None
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"not within {timeout} s; at last: {last!r}") from why
