"""Work that goes on while something else is waited for."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def meanwhile(work: Coroutine[Any, Any, T]) -> Iterator["asyncio.Task[T]"]:
    """Begins work whose result may turn out not to be needed: what is left of it then is broken
    off, and what it raised is nobody's to see."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        yield task
    finally:
        task.cancel()
