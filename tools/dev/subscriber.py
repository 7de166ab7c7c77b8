"""An outside subscriber: follows every event of the house over NATS, as anybody may.

It knows nothing but the contracts: the subject is the full name of the message in the payload.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nats
from google.protobuf import symbol_database
from google.protobuf.json_format import MessageToDict
from nats.aio.msg import Msg

from latchkey.catalog.v1 import events_pb2 as _catalog
from latchkey.connector.v1 import events_pb2 as _connector
from latchkey.policy.v1 import events_pb2 as _policy
from latchkey.requests.v1 import events_pb2 as _requests

_KNOWN = (_catalog, _connector, _policy, _requests)  # importing them makes their messages known


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as the subscriber saw it."""

    type: str
    subject_id: str
    event_id: str
    content: dict[str, Any]

    @property
    def short_type(self) -> str:
        """The service and the fact: "requests LeaseGranted"."""
        _, service, _, name = self.type.split(".")
        return f"{service} {name}"


class Subscriber:
    """Follows `latchkey.>` from now on."""

    def __init__(self, nats_url: str, on_event: Callable[[Seen], None]) -> None:
        self._url = nats_url
        self._on_event = on_event
        self.seen: list[Seen] = []

    async def __aenter__(self) -> "Subscriber":
        self._client = await nats.connect(
            self._url, max_reconnect_attempts=-1, inbox_prefix=b"_INBOX_subscriber"
        )
        await self._client.subscribe("latchkey.>", cb=self._take)
        await self._client.flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def until(self, type_ends_with: str, *, seconds: float = 10) -> None:
        """Returns when an event of a type was seen.

        Raises:
            TimeoutError: none was, in that time.
        """
        async with asyncio.timeout(seconds):
            while not any(seen.type.endswith(type_ends_with) for seen in self.seen):
                await asyncio.sleep(0.01)

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        kind = symbol_database.Default().GetSymbol(message.subject)
        seen = Seen(
            type=message.subject,
            subject_id=headers.get("ce-subject", ""),
            event_id=headers.get("ce-id", ""),
            content=MessageToDict(kind.FromString(message.data)),
        )
        self.seen.append(seen)
        self._on_event(seen)
