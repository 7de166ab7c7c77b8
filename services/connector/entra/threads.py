"""Work that blocks, each in a thread of its own.

A sign-in that hangs would hold one of the few threads that everybody shares, and a process that
ends would wait for it.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(work: Callable[[], T], name: str) -> T:
    """What `work` returns or raises. Who gives up waiting leaves it to its end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        result: T | None = None
        failure: Exception | None = None
        try:
            result = work()
        except Exception as error:
            failure = error

        def settle() -> None:
            if ended.done():
                return
            if failure is not None:
                ended.set_exception(failure)
            else:
                ended.set_result(result)  # type: ignore[arg-type]  # there was no failure

        # The loop may be gone by then, and with it everybody who waited.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await ended
