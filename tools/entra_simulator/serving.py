"""A server on loopback inside the caller's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

from tools.entra_simulator.connections import BreakableProtocol

# Calls are answered within milliseconds; what holds a server longer is an idle client that
# does not say goodbye.
_SHUTDOWN_SECONDS = 1


class LoopbackServer:
    """Serves one application between `start` and `stop`. Port 0 takes a free port.

    `options` are uvicorn's: the files for TLS.
    """

    def __init__(self, application: Starlette, port: int, **options: Any) -> None:
        self._listener = _Listener(port)
        self.port: int = self._listener.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                application,
                http=BreakableProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
                **options,
            )
        )

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the simulator's server ended before it had started")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._serving
        await self._listener.left()


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs the simulator."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Listener(socket.socket):
    """A listening socket that knows whom it let in.

    Nobody else does: uvicorn hears of a connection after its TLS handshake, and asyncio tells of
    none. One that is left behind when its event loop ends is never closed.
    """

    def __init__(self, port: int) -> None:
        # The protocol is named because asyncio switches Nagle's algorithm off only for sockets that
        # say they are TCP. Left on, it holds every answer with a body back for 40 ms.
        super().__init__(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._accepted: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        # A restart takes its port back at once.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.bind(("127.0.0.1", port))

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self._accepted.add(connection)
        return connection, address

    async def left(self) -> None:
        """Hangs up, and waits until the event loop has let go of every connection."""
        until = asyncio.get_running_loop().time() + _SHUTDOWN_SECONDS
        while left := [each for each in self._accepted if each.fileno() != -1]:
            for each in left:
                # Its transport closes when it reads the end.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            if asyncio.get_running_loop().time() > until:
                return
            await asyncio.sleep(0.005)
