"""A caller of the house: one person's token, all four services."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from tools.dev.issuer import SERVICES

_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
]


class Client:
    """Calls on behalf of one person. A service that is away is tried again, for a while.

    Trying a write again is safe as long as it carries an idempotency key.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        token: str,
        *,
        patience: float = 30,
        ca_file: Path | None = None,
    ) -> None:
        """With the authority of the services' certificates it calls them over TLS."""
        self._channels = {
            service: grpc.aio.insecure_channel(addresses[service], options=_OPTIONS)
            if ca_file is None
            else grpc.aio.secure_channel(
                addresses[service],
                grpc.ssl_channel_credentials(ca_file.read_bytes()),
                options=_OPTIONS,
            )
            for service in SERVICES
        }
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._patience = patience

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to a service, for its stubs."""
        return self._channels[service]

    async def call(self, method: Callable[..., Any], request: Message, seconds: float = 10) -> Any:
        """Calls a method of a stub.

        Raises:
            grpc.aio.AioRpcError: what the service answered, or its absence past all patience.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return await method(request, metadata=self._metadata, timeout=seconds)
            except grpc.aio.AioRpcError as error:
                if _final(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def watch(
        self, method: Callable[..., Any], request: Message, seconds: float = 60
    ) -> AsyncIterator[Any]:
        """Follows a stream to its end, begun anew when the service went away meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                left = max(0.1, deadline - time.monotonic())
                async for answer in method(request, metadata=self._metadata, timeout=left):
                    yield answer
                return
            except grpc.aio.AioRpcError as error:
                if _final(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)


def _final(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is not grpc.StatusCode.UNAVAILABLE
