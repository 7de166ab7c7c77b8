"""A channel that takes up renewed certificates without dropping a call."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from libs.rpc.certificates import Certificates, Material, host_name


class _Connected:
    """A channel of gRPC, made with one content of the files, and how many calls run on it."""

    def __init__(self, material: Material, channel: grpc.aio.Channel) -> None:
        self.material = material
        self.channel = channel
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def watch(self, call: Any) -> Any:
        """Counts a call until it ends."""
        self._running += 1
        self._idle.clear()
        call.add_done_callback(self._ended)
        return call

    def _ended(self, _: object) -> None:
        self._running -= 1
        if self._running == 0:
            self._idle.set()

    async def leave(self) -> None:
        """Closes once no call runs on it. gRPC's own grace overlooks calls that are being read."""
        try:
            await self._idle.wait()
        finally:
            await self.channel.close()


class RenewedChannel:
    """Makes stubs like a channel of gRPC; each call goes out with the files' present content."""

    def __init__(
        self,
        service: str,
        address: str,
        certificates: Certificates,
        options: Sequence[tuple[str, Any]],
    ) -> None:
        """The server at `address` must show the certificate of that service."""
        self._address = address
        self._certificates = certificates
        name = host_name(certificates.trust_domain, service)
        self._options = [*options, ("grpc.ssl_target_name_override", name)]
        self._connected: _Connected | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    def unary_unary(self, *arguments: Any, **more: Any) -> Callable[..., Any]:
        return self._method("unary_unary", arguments, more)

    def unary_stream(self, *arguments: Any, **more: Any) -> Callable[..., Any]:
        return self._method("unary_stream", arguments, more)

    def stream_unary(self, *arguments: Any, **more: Any) -> Callable[..., Any]:
        return self._method("stream_unary", arguments, more)

    def stream_stream(self, *arguments: Any, **more: Any) -> Callable[..., Any]:
        return self._method("stream_stream", arguments, more)

    async def close(self) -> None:
        """Ends every call."""
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        if self._connected is not None:
            await self._connected.channel.close()

    def _method(self, kind: str, arguments: Any, more: Any) -> Callable[..., Any]:
        made: tuple[_Connected, Callable[..., Any]] | None = None

        def call(*given: Any, **named: Any) -> Any:
            nonlocal made
            connected = self._current()
            if made is None or made[0] is not connected:
                made = connected, getattr(connected.channel, kind)(*arguments, **more)
            return connected.watch(made[1](*given, **named))

        return call

    def _current(self) -> _Connected:
        material, old = self._certificates.current(), self._connected
        if old is not None and old.material is material:
            return old
        credentials = grpc.ssl_channel_credentials(
            material.authorities, material.key, material.certificate
        )
        channel = grpc.aio.secure_channel(self._address, credentials, options=self._options)
        self._connected = _Connected(material, channel)
        if old is not None:
            task = asyncio.create_task(old.leave())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        return self._connected
