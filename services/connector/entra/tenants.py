"""All connected tenants: the port that the handlers and loops have to Entra."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType

import structlog

from services.connector.domain.connection import Check, CheckReport, Connection
from services.connector.domain.directory import DirectoryPage, ReadFailed
from services.connector.domain.verdict import Retriable, Verdict
from services.connector.entra.check import check
from services.connector.entra.clouds import Cloud
from services.connector.entra.graph import Graph
from services.connector.entra.http import HttpClient
from services.connector.entra.lists import Lists
from services.connector.entra.provisioner import provision
from services.connector.entra.secrets import SecretsFolder
from services.connector.entra.sync import TenantReader
from services.connector.entra.token import TokenSource
from services.connector.ports import Attempt

_ATTEMPT_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class _Unusable(Exception):
    """A connection can't be used as this process is set up. The text is fit for people."""


class Tenants:
    """The tenants. One HTTP client a cloud, one source of tokens an application and tenant."""

    def __init__(self, clouds: Mapping[str, Cloud], secrets: SecretsFolder) -> None:
        self._clouds = clouds
        self._secrets = secrets
        self._clients: dict[str, HttpClient] = {}
        self._tokens: dict[tuple[str, str, str, str], TokenSource] = {}

    async def __aenter__(self) -> "Tenants":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            await client.close()

    def clouds(self) -> Sequence[str]:
        """The names of the clouds that are known."""
        return list(self._clouds)

    async def check(self, connection: Connection) -> CheckReport:
        """Signs in and tries each thing that must be read; writes nothing, raises nothing."""
        try:
            graph, tokens = self._graph(connection)
        except _Unusable as problem:
            return CheckReport("", (Check("sign in", "", str(problem)),))
        return await check(graph, tokens)

    async def read(
        self, connection: Connection, checkpoint: str, count_request: Callable[[], None]
    ) -> AsyncIterator[DirectoryPage]:
        """Reads everything behind a checkpoint; all of it when that is empty."""
        try:
            graph, _ = self._graph(connection, count_request, urgent=False)
        except _Unusable as problem:
            raise ReadFailed(str(problem)) from problem
        async for page in TenantReader(Lists(graph)).read(checkpoint):
            yield page

    async def provision(self, connection: Connection, attempt: Attempt) -> Verdict:
        """Makes one attempt; whatever goes wrong is in the verdict."""
        try:
            graph, _ = self._graph(connection)
        except _Unusable as problem:
            return Retriable("", str(problem), certain=True)
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                return await provision(graph, attempt)
        except TimeoutError:
            return Retriable("", "no answer in time", certain=False)
        except Exception as error:
            # A fault of ours: what Entra did is unknown, and the operation must not be lost.
            _log.error("attempt_fault", operation_id=attempt.operation_id, exc_info=error)
            return Retriable("", f"a fault of ours: {type(error).__name__}", certain=False)

    def _graph(
        self,
        connection: Connection,
        count_request: Callable[[], None] = lambda: None,
        *,
        urgent: bool = True,
    ) -> tuple[Graph, TokenSource]:
        cloud = self._clouds.get(connection.cloud)
        if cloud is None:
            raise _Unusable(f"the cloud {connection.cloud} is not among the settings any more")
        client = self._clients.get(cloud.name)
        if client is None:
            try:
                client = HttpClient.of(cloud)
            except OSError as error:
                raise _Unusable(
                    f"the certificate authority of the cloud {cloud.name} can't be read: "
                    f"{type(error).__name__}"
                ) from error
            self._clients[cloud.name] = client
        secret_name = connection.client_secret_name
        key = (cloud.name, connection.entra_tenant_id, connection.entra_client_id, secret_name)
        tokens = self._tokens.get(key)
        if tokens is None:
            tokens = TokenSource(
                cloud,
                connection.entra_tenant_id,
                connection.entra_client_id,
                lambda: self._secrets.read(secret_name),
            )
            self._tokens[key] = tokens
        return Graph(cloud, client, tokens, count_request, urgent=urgent), tokens
