"""Follows the events of the requests service from its database, as long as there are new ones.

NATS has no part in it: who asks for what is committed, in the order of commits, is told of neither
a forged event nor one event too few.
"""

import asyncio

import structlog

from libs.db.writes import Writes
from libs.domain.errors import Unavailable
from services.catalog.handlers.follow_requests import FollowRequests

EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class FollowLoop:
    """One call and one commit for each batch of events."""

    def __init__(self, writes: Writes, follow: FollowRequests) -> None:
        self._writes = writes
        self._follow = follow
        self._waiting = False
        # Two at once would only have to begin again behind each other: rounds are numbered, and
        # whoever waits takes the outcome of one that began after they came.
        self._one = asyncio.Lock()
        self._begun = self._done = 0
        self._problem: Unavailable | None = None
        # Whether the round before read everything that there was.
        self.knows_all = False

    async def __call__(self) -> None:
        """One round: until there are no more events. While requests is away it waits, said once."""
        try:
            await self.catch_up()
        except Unavailable as error:
            if not self._waiting:
                _log.warning("feed_waits", service="requests", problem=error.message)
            self._waiting = True
        else:
            if self._waiting:
                _log.info("feed_goes_on", service="requests")
            self._waiting = False

    async def catch_up(self) -> None:
        """Follows until there are no more events: all that was committed before is then known.

        Raises:
            Unavailable: the requests service does not answer.
        """
        wanted = self._begun + 1
        async with self._one:
            if self._done < wanted:
                self._begun = number = self._begun + 1
                self._problem = await self._round()
                self._done = number
            if self._problem is not None:
                raise self._problem

    async def _round(self) -> Unavailable | None:
        try:
            while await self._writes.run(self._follow):
                self.knows_all = False
        except Unavailable as error:
            self.knows_all = False
            return error
        self.knows_all = True
        return None
