"""Keeps a durable pull consumer of JetStream asked for messages.

nats-py's `fetch` asks, waits, and asks again when everything that came is dealt with: what is
published meanwhile waits for the slowest of a batch and for another round trip. Here the server has
been asked before a message is there, so each comes when it is stored, and as many are in hand at
once as are wanted.
https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import Header

# In hand and asked for, together; asked for again when so few are left.
_MOST, _FEW = 64, 32
# What comes while others are in hand waits for them, to be taken together with what else came,
# which costs less; and no longer than this, so that a slow one holds up nobody.
_TOGETHER_SECONDS = 0.05
# Whatever the server forgets, it is asked anew then.
_EXPIRES_SECONDS = 5.0
_GRACE_SECONDS = 1.0
_PENDING = "Nats-Pending-Messages"
# An ask that has ended as it should: its time is over.
_ENDED = "408"
_log = structlog.get_logger(__name__)


class PullRefused(nats.errors.Error):
    """The server does not give what it is asked for: the consumer may be gone."""


class Pull:
    """Messages of one consumer, over one connection. Each is taken in a task of its own, those that
    came at about the same time together."""

    def __init__(
        self,
        client: Client,
        stream: str,
        consumer: str,
        take: Callable[[Msg], Coroutine[Any, Any, None]],
    ) -> None:
        """`take` raises nothing."""
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._take = take
        self._subscription: Subscription | None = None
        # How many messages the server may still send, and until when at the latest.
        self._asked = 0
        self._asked_until = 0.0
        self._waiting: list[Msg] = []
        self._timer: asyncio.TimerHandle | None = None
        self._in_hand: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._refusal: PullRefused | None = None

    async def __aenter__(self) -> "Pull":
        self._subscription = await self._client.subscribe(self._inbox, cb=self._came)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Has the server send nothing more. What it has sent is taken still, or would come again
        only when its time for an acknowledgement is over; what is in hand goes on."""
        try:
            if self._subscription is not None and self._client.is_connected:
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._subscription.drain()  # type: ignore[no-untyped-call]
        except (nats.errors.Error, TimeoutError, OSError) as problem:
            _log.warning("pull_left", problem=type(problem).__name__)
        finally:
            self._take_all()

    @property
    def in_hand(self) -> set["asyncio.Task[None]"]:
        """What is being taken at this moment."""
        return {*self._in_hand}

    async def ask(self, seconds: float) -> None:
        """Asks for as many as may come, and waits until it is time to ask again, or so long.

        Raises:
            PullRefused: nothing comes any more.
            nats.errors.Error: the connection is gone.
        """
        loop = asyncio.get_running_loop()
        self._changed.clear()
        if self._refusal is not None:
            raise self._refusal
        if self._asked and loop.time() > self._asked_until:
            self._asked = 0
        if more := self._wanted():
            self._asked += more
            self._asked_until = loop.time() + _EXPIRES_SECONDS + _GRACE_SECONDS
            wish = {"batch": more, "expires": int(_EXPIRES_SECONDS * 1e9)}
            await self._client.publish(self._subject, json.dumps(wish).encode(), self._inbox)
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _came(self, message: Msg) -> None:
        headers = message.headers or {}
        if (status := headers.get(Header.STATUS)) is not None:
            self._asked = max(self._asked - int(headers.get(_PENDING) or 0), 0)
            if status != _ENDED:
                words = headers.get(Header.DESCRIPTION) or status
                self._refusal = PullRefused(words)
            self._changed.set()
            return
        self._asked = max(self._asked - 1, 0)
        self._waiting.append(message)
        if not self._in_hand:
            self._take_all()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_TOGETHER_SECONDS, self._take_all)

    def _take_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            task = asyncio.create_task(self._take(message))
            self._in_hand.add(task)
            task.add_done_callback(self._taken)
        self._wake()

    def _taken(self, task: "asyncio.Task[None]") -> None:
        self._in_hand.discard(task)
        if not self._in_hand:
            self._take_all()
        self._wake()

    def _wake(self) -> None:
        if self._wanted():
            self._changed.set()

    def _wanted(self) -> int:
        """How many more to ask for; none while enough are to come, or in hand."""
        more = _MOST - self._asked - len(self._waiting) - len(self._in_hand)
        return more if self._asked < _FEW and more >= _FEW // 2 else 0
