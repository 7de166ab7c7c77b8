"""When a service is killed: in the middle of what it does."""

import asyncio
from collections.abc import Awaitable, Callable


class Killed(Exception):
    """The service is no more."""


class Fuse:
    """Burns a little at each moment at which a kill would hurt: before and after a commit, before
    and after a call of Entra. When it has burnt down the work that it was lit for is cut off."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._task: asyncio.Task[None] | None = None

    def light(self, moments: int) -> None:
        """The service is killed after so many moments."""
        self._left = moments

    async def moment(self) -> None:
        """Such a moment. It is never over for who is killed in it."""
        if self._left is None or self._task is None:
            return
        self._left -= 1
        if self._left < 0:
            self._task.cancel()
            await asyncio.Event().wait()

    async def guard(self, work: Callable[[], Awaitable[None]]) -> None:
        """
        Raises:
            Killed: the fuse burnt down.
        """

        async def run() -> None:
            await work()

        self._task = asyncio.create_task(run())
        try:
            await self._task
        except asyncio.CancelledError:
            self._left = None
            raise Killed from None
        finally:
            self._task = None
