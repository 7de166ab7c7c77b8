"""The life of a process: start, serve until told to stop, end in order."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog
import uvloop

_log = structlog.get_logger(__name__)


class Life:
    """What a process is made of. Parts end in the reverse of the order they began in."""

    def __init__(self) -> None:
        self.parts = AsyncExitStack()
        self._stop = asyncio.Event()

    def loop(self, name: str, work: Callable[[], Awaitable[None]], *, every: float) -> None:
        """Does `work` every so many seconds until the process stops. Failing once is survived."""

        async def run() -> None:
            while True:
                try:
                    await work()
                except Exception as error:
                    _log.warning("loop_failed", loop=name, problem=str(error), exc_info=error)
                await asyncio.sleep(every)

        task = asyncio.create_task(run(), name=name)
        self.parts.push_async_callback(_cancelled, task)

    def stop(self) -> None:
        """Begins the end."""
        self._stop.set()

    async def serve(self, healthy: Callable[[], BaseException | None]) -> None:
        """Waits until told to stop, or until `healthy` names what makes going on pointless."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # All that was loaded stays for good: looking through it again and again for what is not
        # needed any more would hold up every call of that moment.
        gc.collect()
        gc.freeze()
        while not self._stop.is_set():
            if (failure := healthy()) is not None:
                _log.error("stopping", problem=repr(failure))
                raise failure
            try:
                async with asyncio.timeout(0.5):
                    await self._stop.wait()
            except TimeoutError:
                continue
        _log.info("stopping")


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def run(main: Callable[[Life], Awaitable[None]]) -> None:
    """Runs a process to its end on uvloop."""

    async def live() -> None:
        life = Life()
        async with life.parts:
            await main(life)

    sys.stdout.flush()
    uvloop.run(live())
