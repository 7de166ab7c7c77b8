"""All connected tenants: the port that the handlers and loops have to Entra."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from services.connector.domain.connection import CheckReport, Connection
from services.connector.domain.directory import (
    AppsInScope,
    DirectoryEnd,
    DirectoryPage,
    Phase,
    ReadFailed,
    ReadingStart,
)
from services.connector.domain.verdict import Retriable, Verdict
from services.connector.entra.check import check, not_signed_in
from services.connector.entra.clouds import Cloud
from services.connector.entra.credentials.sign_in import Identity
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Graph
from services.connector.entra.http import HttpClient
from services.connector.entra.lists import Lists
from services.connector.entra.provisioner import provision
from services.connector.entra.secrets import SecretsFolder
from services.connector.entra.sync import TenantReader
from services.connector.entra.token import TokenSource
from services.connector.ports import Attempt


class _Unusable(Exception):
    """A connection can't be used as this process is set up. The text is fit for people."""


@dataclass(slots=True)
class _Tokens:
    """A connection's tokens, and the newest version of it that anybody came with."""

    source: TokenSource
    version: int


class Tenants:
    """The tenants. One HTTP client a cloud, one gate and one source of tokens a connection."""

    def __init__(
        self,
        clouds: Mapping[str, Cloud],
        secrets: SecretsFolder,
        *,
        writes_per_second: float,
        units_per_second: float,
    ) -> None:
        """What one tenant is asked for at most, as Microsoft counts it."""
        self._clouds = clouds
        self._secrets = secrets
        self._writes_per_second = writes_per_second
        self._units_per_second = units_per_second
        self._clients: dict[str, HttpClient] = {}
        self._tokens: dict[str, _Tokens] = {}
        self._gates: dict[str, Gate] = {}

    async def __aenter__(self) -> "Tenants":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for tokens in self._tokens.values():
            await tokens.source.close()
        for client in self._clients.values():
            await client.close()

    def clouds(self) -> Sequence[str]:
        """The names of the clouds that are known."""
        return list(self._clouds)

    async def check(self, connection: Connection) -> CheckReport:
        """Signs in and tries each thing that must be read; writes nothing, raises nothing."""
        try:
            graph = self._graph(connection)
        except _Unusable as problem:
            return not_signed_in(str(problem), connection.mode)
        return await check(graph, self._tokens[connection.connection_id].source, connection.mode)

    def gate(self, connection: Connection) -> Gate:
        """The gate of a tenant: the same one each time."""
        gate = self._gates.get(connection.connection_id)
        if gate is None:
            gate = Gate(
                writes_per_second=self._writes_per_second,
                units_per_second=self._units_per_second,
            )
            self._gates[connection.connection_id] = gate
        return gate

    async def read(
        self,
        connection: Connection,
        start: ReadingStart,
        apps: AppsInScope,
        count_request: Callable[[], None],
    ) -> AsyncIterator[Phase | DirectoryPage | DirectoryEnd]:
        """Reads everything behind where it starts; each phase is named before its pages."""
        try:
            graph = self._graph(connection, count_request, urgent=False)
        except _Unusable as problem:
            raise ReadFailed(str(problem)) from problem
        reader = TenantReader(Lists(graph), connection.entra_tenant_id, connection.entra_client_id)
        async for page in reader.read(start, apps):
            yield page

    async def provision(
        self, connection: Connection, attempts: Sequence[Attempt]
    ) -> Sequence[Verdict]:
        """Makes attempts together; whatever goes wrong is in the verdicts."""
        try:
            graph = self._graph(connection)
        except _Unusable as problem:
            return [Retriable("", str(problem), certain=True) for _ in attempts]
        return await provision(graph, self.gate(connection), attempts)

    def _graph(
        self,
        connection: Connection,
        count_request: Callable[[], None] = lambda: None,
        *,
        urgent: bool = True,
    ) -> Graph:
        """Graph, as a connection sees it.

        Raises:
            _Unusable: the settings do not let it.
        """
        cloud = self._clouds.get(connection.cloud)
        if cloud is None:
            raise _Unusable(f"the cloud {connection.cloud} is not among the settings any more")
        return Graph(
            cloud,
            self._client(cloud),
            self._source(connection, cloud),
            self.gate(connection),
            count_request,
            urgent=urgent,
        )

    def _client(self, cloud: Cloud) -> HttpClient:
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
        return client

    def _source(self, connection: Connection, cloud: Cloud) -> TokenSource:
        """The tokens of a connection, of the newest version of it that was seen.

        A sync that began before a change gets those of the changed one, and does not put what was
        replaced in use again.
        """
        identity = Identity(
            cloud, connection.entra_tenant_id, connection.entra_client_id, connection.credential
        )
        known = self._tokens.get(connection.connection_id)
        if known is None:
            known = _Tokens(TokenSource(identity, self._secrets), connection.version)
            self._tokens[connection.connection_id] = known
        elif connection.version > known.version:
            known.source.use(identity)
            known.version = connection.version
        return known.source
