"""The simulator as one HTTPS server on loopback.

It runs inside the caller's event loop, on real sockets with real TLS:

    async with Simulator(state_dir=path) as simulator:
        ...  # simulator.url, simulator.ca_path, simulator.tenant, simulator.journal
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.applications import Starlette

from tools.entra_simulator.certificates import issue_server_certificate, token_signing_key
from tools.entra_simulator.control import Control
from tools.entra_simulator.directory import utc_now
from tools.entra_simulator.graph.endpoint import GraphEndpoint
from tools.entra_simulator.journal import Journal
from tools.entra_simulator.login import Login
from tools.entra_simulator.state_directory import StateDirectory
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tenant_file import TenantDocument, built_in_tenant
from tools.entra_simulator.tokens import Tokens

# Calls are answered within milliseconds; what holds a server longer is an idle client that
# does not say goodbye.
_SHUTDOWN_SECONDS = 1


class Simulator:
    """One simulated tenant, served while the context is open.

    `tenant` seeds an empty state directory; one that holds a tenant goes on with that one.
    Port 0 takes a free port. `clock` tells the tenant's time: expiry of secrets, access
    tokens and page tokens follow it, the server certificate does not.
    """

    tenant: Tenant
    journal: Journal
    url: str
    ca_path: Path

    def __init__(
        self,
        state_dir: Path,
        tenant: TenantDocument | None = None,
        port: int = 0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._path = state_dir
        self._seed = tenant or built_in_tenant()
        self._port = port
        self._clock = clock

    async def __aenter__(self) -> Simulator:
        self._state = StateDirectory(self._path, self._seed, self._clock)
        self.tenant = self._state.tenant
        self.journal = self._state.journal
        certificate = issue_server_certificate(self._path)
        self.ca_path = certificate.ca_path
        listener = _listen(self._port)
        self.url = f"https://localhost:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._application(),
            ssl_certfile=certificate.certificate_path,
            ssl_keyfile=certificate.key_path,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the simulator's server ended before it had started")
            await asyncio.sleep(0.005)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        await self._serving
        self._state.close()

    def _application(self) -> Starlette:
        tokens = Tokens(token_signing_key(self._path), self.tenant.id, self._clock)
        return Starlette(
            routes=[
                Control(self.tenant, self.journal).mount(),
                *GraphEndpoint(self.tenant, tokens, self.journal).mounts(),
                *Login(self.tenant, tokens, self.journal).routes(),
            ]
        )


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs the simulator."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's algorithm off only for sockets that
    # say they are TCP. Left on, it holds every answer with a body back for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A restart takes its port back at once.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
