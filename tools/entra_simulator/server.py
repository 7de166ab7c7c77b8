"""The simulator as one HTTPS server on loopback.

It runs inside the caller's event loop, on real sockets with real TLS:

    async with Simulator(state_dir=path) as simulator:
        ...  # simulator.url, simulator.ca_path, simulator.tenant, simulator.journal
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType

from starlette.applications import Starlette

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.certificates import issue_server_certificate
from tools.entra_simulator.control import Control
from tools.entra_simulator.faults import Faults
from tools.entra_simulator.graph.endpoint import GraphEndpoint
from tools.entra_simulator.graph.service import GraphService, OnExchange
from tools.entra_simulator.identifiers import utc_now
from tools.entra_simulator.journal import Journal
from tools.entra_simulator.login import Login
from tools.entra_simulator.managed_identity import ManagedIdentity
from tools.entra_simulator.quota import Quota
from tools.entra_simulator.replicas import Replicas
from tools.entra_simulator.serving import LoopbackServer
from tools.entra_simulator.signing_keys import SigningKeys
from tools.entra_simulator.state_directory import StateDirectory
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tenant_file import TenantDocument, built_in_tenant
from tools.entra_simulator.tokens import Tokens
from tools.entra_simulator.user_tokens import UserTokens

# How often memberships are looked at whose time may be over.
_SCHEDULES_SECONDS = 0.2


class Simulator:
    """One simulated tenant, served while the context is open.

    `tenant` seeds an empty state directory; one that holds a tenant goes on with that one.
    Port 0 takes a free port. `clock` tells the tenant's time: expiry of secrets, access
    tokens and page tokens follow it, the server certificate does not. With a
    `managed_identity_port` the endpoints of a machine's own identity are served too, over plain
    http; see `managed_identity`. `on_exchange` hears of every answered call of Graph.
    """

    tenant: Tenant
    journal: Journal
    behaviour: Behaviour
    faults: Faults
    quota: Quota
    keys: SigningKeys
    tokens: Tokens
    user_tokens: UserTokens
    url: str
    ca_path: Path
    # None unless a port was given for it.
    managed_identity: ManagedIdentity | None

    def __init__(
        self,
        state_dir: Path,
        tenant: TenantDocument | None = None,
        port: int = 0,
        clock: Callable[[], datetime] = utc_now,
        managed_identity_port: int | None = None,
        journal_kept: int | None = None,
        on_exchange: OnExchange | None = None,
    ) -> None:
        self._path = state_dir
        self._seed = tenant or built_in_tenant()
        self._port = port
        self._clock = clock
        self._journal_kept = journal_kept
        self._managed_identity_port = managed_identity_port
        self._on_exchange = on_exchange
        self._running = AsyncExitStack()
        self.behaviour = Behaviour()
        self.faults = Faults()

    async def __aenter__(self) -> Simulator:
        self._state = StateDirectory(self._path, self._seed, self._clock, self._journal_kept)
        self.tenant = self._state.tenant
        self.journal = self._state.journal
        self.quota = Quota(self.tenant.id, lambda: len(self.tenant.users))
        self.keys = SigningKeys(self._path)
        self.tokens = Tokens(self.keys, self.tenant.id, self._clock, self.behaviour)
        self.user_tokens = UserTokens(self.tenant, self.keys)
        self._running.callback(self._state.close)
        clockwork = asyncio.create_task(self._enforce_schedules())
        self._running.callback(clockwork.cancel)
        certificate = issue_server_certificate(self._path)
        self.ca_path = certificate.ca_path
        port = await self._serve(
            self._application(),
            self._port,
            ssl_certfile=certificate.certificate_path,
            ssl_keyfile=certificate.key_path,
        )
        self.url = f"https://localhost:{port}"
        self.managed_identity = None
        if self._managed_identity_port is not None:
            identity = ManagedIdentity(self.tenant, self.tokens, self.journal)
            port = await self._serve(identity.application(), self._managed_identity_port)
            identity.url = f"http://localhost:{port}"
            self.managed_identity = identity
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    async def _serve(self, application: Starlette, port: int, **options: object) -> int:
        server = LoopbackServer(application, port, **options)
        await server.start()
        self._running.push_async_callback(server.stop)
        return server.port

    async def _enforce_schedules(self) -> None:
        """Ends memberships at their time, also while nobody asks for them."""
        while True:
            self.tenant.enforce_schedules()
            await asyncio.sleep(_SCHEDULES_SECONDS)

    def reset_delta(self, stream: str = "all") -> None:
        """Every delta link and delta page given out so far is answered 410 from now on.

        `stream`: `users`, `groups`, `servicePrincipals`, `directoryObjects` or `all`.
        """
        self.tenant.end_delta_tokens(stream, expired=False)

    def expire_delta(self, stream: str = "all") -> None:
        """As `reset_delta`, but answered as a link whose seven days are over."""
        self.tenant.end_delta_tokens(stream, expired=True)

    def _application(self) -> Starlette:
        control = Control(
            self.tenant,
            self.journal,
            self.behaviour,
            self.faults,
            self.quota,
            self.tokens,
            self.keys,
            self.user_tokens,
        )
        graph = GraphService(
            self.tenant,
            self.tokens,
            self.journal,
            self.behaviour,
            self.faults,
            self.quota,
            Replicas(self.tenant, self.behaviour),
            self._on_exchange,
        )
        return Starlette(
            routes=[
                control.mount(),
                *GraphEndpoint(graph).mounts(),
                *Login(self.tenant, self.tokens, self.keys, self.journal, self.faults).routes(),
            ]
        )
