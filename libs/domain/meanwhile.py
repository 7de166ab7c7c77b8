"""Work that goes on while something else is waited for."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def unheeded(future: "asyncio.Future[Any]") -> None:
    """Nobody may ever ask what became of it: what it fails with is nobody's to see then."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


@contextmanager
def meanwhile(work: Coroutine[Any, Any, T]) -> Iterator["asyncio.Task[T]"]:
    """Begins work whose result may turn out not to be needed: what is left of it then is broken
    off, and what it raised is nobody's to see."""
    task = asyncio.create_task(work)
    unheeded(task)
    try:
        yield task
    finally:
        task.cancel()
