"""Another of our services, called with our own token, within the time that is left."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from libs.rpc import deadlines, errors
from libs.rpc.tokens import TokenFile

_OPTIONS = [
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # After a restart of the peer the next try must not wait for long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
]


class Peer:
    """A channel to one service."""

    def __init__(self, name: str, address: str, token: TokenFile) -> None:
        self._name = f"the {name} service"
        self._token = token
        self.channel = grpc.aio.insecure_channel(address, options=_OPTIONS)

    async def __aenter__(self) -> "Peer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()

    async def call(
        self, method: Callable[..., Any], request: Message, *, seconds: float = 5
    ) -> Any:
        """Calls a method of a stub on this channel.

        Raises:
            LatchkeyError: what the service answered, or Unavailable when it did not.
        """
        try:
            return await method(
                request, timeout=deadlines.remaining(seconds), metadata=self._metadata()
            )
        except grpc.aio.AioRpcError as error:
            raise errors.from_call(error, self._name) from error

    async def send(
        self, method: Callable[..., Any], requests: AsyncIterator[Message], *, seconds: float
    ) -> Any:
        """Calls a client-streaming method.

        Raises:
            LatchkeyError: what the service answered, or Unavailable when it did not.
        """
        try:
            return await method(requests, timeout=seconds, metadata=self._metadata())
        except grpc.aio.AioRpcError as error:
            raise errors.from_call(error, self._name) from error

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token.current()}"),)
