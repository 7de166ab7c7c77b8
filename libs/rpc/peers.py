"""Another of our services, called as ourselves and for the person whose call this is, within the
time that is left."""

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import grpc
from google.protobuf.message import Message

from libs.rpc import deadlines, errors, identity
from libs.rpc.certificates import Certificates
from libs.rpc.channels import RenewedChannel
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

    def __init__(self, name: str, address: str, credentials: Certificates | TokenFile) -> None:
        """With certificates the call goes over TLS, and the server must be that service. With a
        token it goes in plaintext, as in the dev house."""
        self._name = f"the {name} service"
        self._token = credentials if isinstance(credentials, TokenFile) else None
        self.channel: grpc.aio.Channel = (
            grpc.aio.insecure_channel(address, options=_OPTIONS)
            if isinstance(credentials, TokenFile)
            # It has what stubs and `Peer` need of a channel.
            else cast(grpc.aio.Channel, RenewedChannel(name, address, credentials, _OPTIONS))
        )

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
        own = () if self._token is None else (("authorization", f"Bearer {self._token.current()}"),)
        return (*own, *identity.passed_on())
