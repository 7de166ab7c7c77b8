"""The service as a process that may be killed at any moment."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from tests.fakes.requests_connector import FakeConnector
from tests.fakes.requests_peers import FakeCatalog
from tests.fakes.requests_policy import FakePolicy
from tests.integration.requests_service.deciders import approve, asks, kinds, named, seconds
from tests.integration.requests_service.house import Person
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer

ROOT = Path(__file__).resolve().parents[3]


class Process:
    """The service in a process of its own, always on the same port."""

    def __init__(self, environment: dict[str, str], port: int, log: Path) -> None:
        self._environment = environment
        self._log = log
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it, and returns when it answers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.requests"),
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

        async def listens() -> bool:
            assert self._process is not None
            assert self._process.returncode is None, self._log.read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(listens, timeout=20)

    async def end(self, how: signal.Signals) -> int:
        """Ends it; returns its status."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(how)
        return await process.wait()


@asynccontextmanager
async def _running(
    folder: Path, issuer: TestIssuer, database_url: str, nats_url: str
) -> AsyncIterator[tuple[Process, FakePolicy, FakeConnector]]:
    catalog, policy, connector = FakeCatalog(), FakePolicy(), FakeConnector(nats_url)
    for fake in (catalog, policy, connector):
        await fake.start()
    port = _free_port()
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs' / 'contracts'}",
        "PATH": os.environ["PATH"],
        "LATCHKEY_IDENTITY": "dev_house",
        "LATCHKEY_LISTEN": f"127.0.0.1:{port}",
        "LATCHKEY_DATABASE_URL": database_url,
        "LATCHKEY_NATS_URL": nats_url,
        "LATCHKEY_JWKS_FILE": str(issuer.jwks_file),
        "LATCHKEY_AUDIT_KEY_FILE": str(issuer.audit_key_file("requests")),
        "LATCHKEY_ISSUER": issuer.issuer,
        "LATCHKEY_MIGRATE": "true",
        "LATCHKEY_TOKEN_FILE": str(issuer.service_token_file("requests")),
        "LATCHKEY_CATALOG_ADDRESS": catalog.address,
        "LATCHKEY_POLICY_ADDRESS": policy.address,
        "LATCHKEY_CONNECTOR_ADDRESS": connector.address,
        "LATCHKEY_REPEAT_SECONDS": "0.3",
    }
    process = Process(environment, port, folder / "log")
    try:
        await process.start()
        yield process, policy, connector
    finally:
        await process.end(signal.SIGKILL)
        for fake in (catalog, policy, connector):
            await fake.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def test_a_killed_service_fulfils_what_it_had_accepted(
    tmp_path: Path, issuer: TestIssuer, database_url: str, nats_url: str
) -> None:
    """SIGKILL after the create, and again amid the delivery: the end is FULFILLED, done once."""
    async with (
        _running(tmp_path, issuer, database_url, nats_url) as (process, policy, connector),
        grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel,
    ):
        ada = Person(channel, issuer.named("Ada"))
        made = await ada.create(idempotency_key="once")
        await process.end(signal.SIGKILL)
        connector.delivered(made.lease_id)
        await connector.say_provisioned(made.lease_id)
        await process.start()
        await process.end(signal.SIGKILL)
        await process.start()

        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as fresh:
            ada = Person(fresh, issuer.named("Ada"))
            assert await ada.create(idempotency_key="once") == made
            done = await ada.reaches(made.access_request_id, "FULFILLED")
        kinds = [entry.WhichOneof("fact") for entry in done.timeline]
        assert kinds.count("fulfilled") == 1
        assert policy.calls == 1
        assert await process.end(signal.SIGTERM) == 0


async def test_a_kill_between_approval_and_delivery_loses_nothing(
    tmp_path: Path, issuer: TestIssuer, database_url: str, nats_url: str
) -> None:
    """SIGKILL right after the answer to each approval of two: what was approved is so, once, a
    decision repeated with its key is answered as before, and it ends FULFILLED; what became overdue
    while nothing ran is seen to afterwards."""
    async with (
        _running(tmp_path, issuer, database_url, nats_url) as (process, policy, connector),
        AsyncExitStack() as stack,
    ):

        async def somebody(*names: str) -> list[Person]:
            address = f"127.0.0.1:{process.port}"
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
            return [Person(channel, issuer.named(name)) for name in names]

        async def killed() -> None:
            await process.end(signal.SIGKILL)
            await process.start()

        give_up = policy_pb2.TimeLimit(after=seconds(1), deny=policy_pb2.TimeLimit.Deny())
        ada, late, ben = await somebody("Ada", "Late", "Ben")
        policy.steps = [asks(named("Ben", "Cleo"), needed=2)]
        made = await ada.create()
        policy.steps = [asks(named("Ben"), time_limit=give_up)]
        given_up = await late.create()
        first = await approve(ben, made, idempotency_key="k")
        await killed()
        ben, cleo = await somebody("Ben", "Cleo")
        assert await approve(ben, made, idempotency_key="k") == first
        done = await approve(cleo, first, idempotency_key="k")
        await process.end(signal.SIGKILL)
        connector.delivered(done.lease_id)
        await process.start()
        cleo, late = await somebody("Cleo", "Late")
        assert await approve(cleo, first, idempotency_key="k") == done
        found = await cleo.reaches(made.access_request_id, "FULFILLED")
        ends = [kind for kind in kinds(found) if kind in ("approved", "fulfilled")]
        assert ends == ["approved", "fulfilled"]
        assert found.lease_id == done.lease_id
        denied = await late.reaches(given_up.access_request_id, "DENIED")
        assert kinds(denied).count("denied") == 1


async def test_a_create_that_a_kill_cut_off_is_repeated_with_its_key(
    tmp_path: Path, issuer: TestIssuer, database_url: str, nats_url: str
) -> None:
    """Killed while creates come in: each, repeated with its key, is there once."""
    async with _running(tmp_path, issuer, database_url, nats_url) as (process, _, connector):
        names = [f"Person {number}" for number in range(12)]

        async def ask(channel: grpc.aio.Channel, name: str) -> pb.AccessRequest | None:
            try:
                return await Person(channel, issuer.named(name)).create(idempotency_key="k")
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE
                return None

        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            asked = [asyncio.create_task(ask(channel, name)) for name in names]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            await process.end(signal.SIGKILL)
            first = await asyncio.gather(*asked)
        await process.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            second = await asyncio.gather(*(ask(channel, name) for name in names))
            for before, after in zip(first, second, strict=True):
                assert after is not None
                assert before is None or before == after
                connector.delivered(after.lease_id)
            for name, made in zip(names, second, strict=True):
                assert made is not None
                ada = Person(channel, issuer.named(name))
                answer = await ada.call(
                    ada.access_requests.ListAccessRequests, pb.ListAccessRequestsRequest()
                )
                assert len(answer.access_requests) == 1
                await ada.reaches(made.access_request_id, "FULFILLED")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"LATCHKEY_REPEAT_SECONDS": "0"}, "LATCHKEY_REPEAT_SECONDS"),
        ({"LATCHKEY_REPEAT_SECOND": "1"}, "LATCHKEY_REPEAT_SECOND "),
        ({}, "LATCHKEY_CATALOG_ADDRESS"),
    ],
)
def test_wrong_settings_end_it_at_once(change: dict[str, str], problem: str) -> None:
    """Status 2, and the setting's name on standard error."""
    found = subprocess.run(
        [sys.executable, "-m", "services.requests"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'libs' / 'contracts'}", **change},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 2
    assert problem in found.stderr
