"""Connections that can be broken: what a client meets when a network or a gateway fails."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

# Linger no second: the kernel sends RST in place of what is still unsent.
_NO_LINGER = struct.pack("ii", 1, 0)


class BreakableProtocol(H11Protocol):
    """Uvicorn's protocol, which lets a request find the connection it came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Reset(Response):
    """Resets the TCP connection in place of an answer, after so many seconds without any."""

    def __init__(self, request: Request, seconds: float = 0.0) -> None:
        super().__init__()
        self._transport: asyncio.Transport = request.state.transport
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            # A client that gives up earlier need not be waited for.
            await asyncio.wait({gone}, timeout=self._seconds)
            _reset(self._transport)
            # Without this uvicorn would answer 500 for a request left without an answer.
            await gone
        finally:
            gone.cancel()


def _reset(transport: asyncio.Transport) -> None:
    if transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
