"""The whole house: nats-server, the Entra simulator and the four services, on loopback.

Everything it keeps lies in one folder: databases, streams, the simulated tenant, the issuer's
keys, the ports. Started again on the same folder it goes on where it was.
"""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tools.dev import cast
from tools.dev.child import Child, Lines
from tools.dev.claim import Claim, Claimed
from tools.dev.databases import database_urls
from tools.dev.issuer import AUDIENCE, ISSUER, SERVICES, Issuer
from tools.dev.nats import NatsServer

HOST = "127.0.0.1"
NATS = "nats-server"
SIMULATOR = "entra-simulator"
MIGRATIONS = "migrations"
_HEALTHY_SECONDS = 30.0
# What is just starting is asked again soon.
PROBING = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
]


class HouseError(Exception):
    """The house could not be started; says which part and why."""


class House:
    """One house in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        lines: Lines,
        database_url: str | None = None,
        tenant: Path | None = None,
        settings: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """`database_url` names a PostgreSQL; without it each service has a SQLite file.

        `tenant` is the file that a new folder's simulated tenant begins with. `settings` are more
        of them, by service and then by key without its prefix: {"connector": {"X": "1"}}.
        """
        self.folder = folder.resolve()
        self._lines = lines
        self._database_url = database_url
        self._tenant = tenant
        self._settings = settings or {}
        self._claim: Claim | None = None
        self._ports: dict[str, int] = {}
        self._nats = NatsServer(self.folder / "nats", with_users=True)
        self._children: dict[str, Child] = {}
        self._watching: asyncio.Task[None] | None = None
        self.issuer = Issuer(self.folder / "issuer")

    async def __aenter__(self) -> "House":
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def nats_url(self) -> str:
        """Where a subscriber finds NATS, with its password."""
        return self.nats_url_of("subscriber")

    def nats_url_of(self, user: str) -> str:
        """Where a user of NATS finds it, with the password."""
        return self._nats.url_of(user)

    @property
    def simulator_url(self) -> str:
        """Where the simulated Entra answers, over TLS."""
        return f"https://localhost:{self._ports[SIMULATOR]}"

    @property
    def simulator_ca(self) -> Path:
        """The certificate authority of the simulated Entra."""
        return self.folder / "simulator" / "ca.pem"

    def address(self, service: str) -> str:
        """host:port of a service."""
        return f"{HOST}:{self._ports[service]}"

    def pids(self) -> dict[str, int | None]:
        """The processes, by name."""
        return {
            NATS: self._nats.pid,
            **{name: child.pid for name, child in self._children.items()},
        }

    async def kill(self, name: str) -> None:
        """Ends a part of the house with SIGKILL. Nothing starts it again but `begin`."""
        if name == NATS:
            await asyncio.to_thread(self._nats.kill)
        else:
            await self._children[name].kill()

    async def begin(self, name: str) -> None:
        """Starts a part that was killed, and returns when it is healthy."""
        if name == NATS:
            await asyncio.to_thread(self._nats.start)
        else:
            await self._children[name].start()
            self._note()
            await self._healthy(name)
        self._note()

    def keep_alive(self) -> None:
        """From now on starts again whatever ends by itself."""
        self._watching = asyncio.create_task(self._watch())

    def _note(self) -> None:
        if self._claim is not None:
            self._claim.note(self.pids())

    async def _start(self) -> None:
        try:
            self._claim = await asyncio.to_thread(Claim, self.folder)
        except Claimed as error:
            raise HouseError(str(error)) from error
        with contextlib.ExitStack() as held:
            self._ports = self._choose_ports(held)
            await self._begin_all()

    async def _begin_all(self) -> None:
        self._nats = NatsServer(self.folder / "nats", port=self._ports[NATS], with_users=True)
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / cast.SECRET_NAME).write_text(cast.CLIENT_SECRET)
        port, state = self._ports[SIMULATOR], self.folder / "simulator"
        simulator = ["tools.entra_simulator", "--port", str(port), "--state", str(state)]
        if self._tenant is not None:
            simulator += ["--tenant", str(self._tenant)]
        self._add(SIMULATOR, simulator, {})
        # It loads while databases are made, which is waiting for a disk.
        simulated = asyncio.ensure_future(self.begin(SIMULATOR))
        beginnings: list[asyncio.Future[None]] = [simulated]
        try:
            urls = await self._database_urls()
            # The services wait for their databases, and have much to load until then.
            beginnings.append(asyncio.ensure_future(self._migrate(urls)))
            await self.begin(NATS)
            for service in SERVICES:
                self._add(service, [f"services.{service}"], self.environment(service, urls))
                # The connector trusts the simulator by the certificate that this makes.
                after = simulated if service == "connector" else None
                beginnings.append(asyncio.ensure_future(self._begin_after(after, service)))
            await asyncio.gather(*beginnings)
        finally:
            # When one fails, none may start another part once all are being stopped.
            for beginning in beginnings:
                beginning.cancel()
            await asyncio.gather(*beginnings, return_exceptions=True)

    async def _database_urls(self) -> dict[str, str]:
        try:
            return await database_urls(SERVICES, self.folder, self._database_url)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise HouseError(f"LATCHKEY_DATABASE_URL: {error}") from error

    async def _migrate(self, urls: Mapping[str, str]) -> None:
        environment = {
            f"LATCHKEY_{service.upper()}_DATABASE_URL": url for service, url in urls.items()
        }
        child = Child(MIGRATIONS, ["-m", "libs.db", "migrate"], environment, self._lines)
        await child.start()
        try:
            status = await child.finish()
        finally:
            await child.stop()
        if status != 0:
            raise HouseError("the databases can't be migrated; the lines above say why")

    async def _begin_after(self, other: asyncio.Future[None] | None, name: str) -> None:
        if other is not None:
            await other
        await self.begin(name)

    async def _stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await asyncio.gather(*(c.stop() for c in self._children.values() if c.name != SIMULATOR))
        await asyncio.gather(*(c.stop() for c in self._children.values()))
        await asyncio.to_thread(self._nats.stop)
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def _add(self, name: str, arguments: list[str], environment: dict[str, str]) -> Child:
        self._children[name] = Child(name, ["-m", *arguments], environment, self._lines)
        return self._children[name]

    def environment(self, service: str, urls: dict[str, str]) -> dict[str, str]:
        """What a service is told."""
        common = {
            "IDENTITY": "dev_house",
            "LISTEN": self.address(service),
            "DATABASE_URL": urls[service],
            "NATS_URL": self._nats.url,
            "NATS_PASSWORD_FILE": str(self._nats.password_file(service)),
            "JWKS_FILE": str(self.issuer.jwks_file),
            "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE,
            "SCHEMA_SECONDS": str(_HEALTHY_SECONDS),
            "AUDIT_KEY_FILE": str(self.issuer.audit_key_file(service)),
            "LOG_FORMAT": "json",
            # Here a person is a program, as in a demo or a test.
            "CALLS_PER_SECOND": "100000",
        }
        own: dict[str, str] = {"TOKEN_FILE": str(self.issuer.service_token_file(service))}
        if service in ("catalog", "connector"):
            own["REQUESTS_ADDRESS"] = self.address("requests")
        if service in ("policy", "requests", "connector"):
            own["CATALOG_ADDRESS"] = self.address("catalog")
        if service == "requests":
            own["POLICY_ADDRESS"] = self.address("policy")
            own["CONNECTOR_ADDRESS"] = self.address("connector")
        if service == "connector":
            own["SECRETS_DIR"] = str(self.folder / "secrets")
            own["SIMULATOR_URL"] = self.simulator_url
            own["SIMULATOR_CA_FILE"] = str(self.simulator_ca)
        own |= self._settings.get(service, {})
        return {f"LATCHKEY_{key}": value for key, value in {**common, **own}.items()}

    def probing(self, service: str) -> grpc.aio.Channel:
        """A channel over which a service is asked whether it is healthy."""
        return grpc.aio.insecure_channel(self.address(service), options=PROBING)

    def _choose_ports(self, held: contextlib.ExitStack) -> dict[str, int]:
        """The ports of the last time, as far as they are free; those of services stay `held`."""
        file = self.folder / "ports.json"
        remembered = json.loads(file.read_text()) if file.exists() else {}
        with contextlib.ExitStack() as taken:
            ports = {
                name: (held if name in SERVICES else taken).enter_context(
                    free_port(remembered.get(name, 0))
                )
                for name in (NATS, SIMULATOR, *SERVICES)
            }
        file.write_text(json.dumps(ports))
        return ports

    async def _says_something(self, child: Child) -> None:
        try:
            async with asyncio.timeout(_HEALTHY_SECONDS):
                await child.first_line
        except (TimeoutError, RuntimeError) as error:
            raise HouseError(f"{child.name} did not start; its lines above say why") from error

    async def _healthy(self, name: str) -> None:
        if name == SIMULATOR:
            await self._says_something(self._children[name])
            return
        child = self._children[name]
        deadline = time.monotonic() + _HEALTHY_SECONDS
        async with self.probing(name) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while time.monotonic() < deadline and child.running:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    answer = await stub.Check(
                        health_pb2.HealthCheckRequest(), timeout=1, wait_for_ready=True
                    )
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                await asyncio.sleep(0.02)
        raise HouseError(f"{name} is not healthy; its lines above say why")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            ended = [name for name, child in self._children.items() if not child.running]
            for name in [*ended, *([NATS] if self._nats.ended else [])]:
                self._lines(name, "ended by itself; starting it again")
                try:
                    if name == NATS:
                        await asyncio.to_thread(self._nats.restart)
                        self._note()
                    else:
                        await self.begin(name)
                except Exception as error:
                    self._lines(name, f"does not start: {error}")
                    await asyncio.sleep(2)


@contextlib.contextmanager
def free_port(wanted: int) -> Iterator[int]:
    """Holds a port until the block ends, so that no two parts are given the same."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        yield probe.getsockname()[1]
