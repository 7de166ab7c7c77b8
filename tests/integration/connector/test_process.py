"""The connector as a process: its settings, its logs, and what a kill leaves behind."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from latchkey.connector.v1 import connection_pb2
from latchkey.connector.v1 import provisioning_pb2 as pb
from services.connector.settings import Settings
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.connector.processes import ROOT, connector_process, environment
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer
from tools.entra_simulator import Simulator

MARKER = "m4rker-s3cret-value"


async def test_killed_while_it_provisions(
    database_url: str, nats_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """Kill -9 at any moment of a delivery: afterwards each thing is there once, and is ours."""
    async with ConnectorHouse.open(database_url, nats_url, tmp_path, simulator) as house:
        connection_id = await house.connect()
        await house.stop()
        targets = [
            membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
            app_role(connection_id, cast.TENANT, cast.ATELIER),
        ]
        leases = [house.lease(person, targets) for person in (cast.NORA, cast.GRETA, cast.INGRID)]
        async with connector_process(house, tmp_path / "first.log") as process:
            await house.granted(*leases)
            # As soon as the first write is with Entra its answer is on the way, or being kept.
            await eventually(lambda: house.writes(), 20, every=0.001)
            process.kill()
            await process.wait()
        async with connector_process(house, tmp_path / "second.log") as process:
            for lease_id in leases:
                delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED, within=30)
                assert not any(target.preexisting for target in delivery.targets)
            assert len(house.changes()) == len(leases) * len(targets), "each was made once"
            await house.ended(*leases)
            for lease_id in leases:
                await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED, within=30)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
        tenant = house.simulator.tenant
        for person in (cast.NORA, cast.GRETA, cast.INGRID):
            assert not tenant.is_member(cast.ATELIER_EDITORS, person)
            assert not tenant.find_assignment(person, cast.ATELIER, cast.NO_ROLE)


async def test_secrets_are_in_no_log_no_answer_and_no_table(
    sqlite_url: str, nats_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """Neither when a secret works nor when it does not; and no token either."""
    async with ConnectorHouse.open(sqlite_url, nats_url, tmp_path, simulator) as house:
        await house.stop()
        (house.settings.secrets_dir / "marked").write_text(MARKER)
        log = tmp_path / "marked.log"
        answers: list[Any] = []
        async with connector_process(house, log) as process:
            connection_id = await house.connect(client_secret_name="marked")
            for works in (False, True):
                if works:
                    for registration in simulator.tenant.app_registrations:
                        registration["secrets"] = [
                            {"value": MARKER, "endDateTime": "2099-12-31T00:00:00Z"}
                        ]
                report = await house.connections.TestConnection(
                    connection_pb2.TestConnectionRequest(connection_id=connection_id),
                    metadata=house.admin,
                )
                assert report.ok is works
                sync = await house.finished(await house.start_sync(connection_id))
                answers += [report, sync]
            target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
            lease_id = house.lease(cast.NORA, [target])
            await house.granted(lease_id)
            answers.append(await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED))
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)
        told = log.read_text() + "".join(str(answer) for answer in answers)
        assert "AADSTS7000215" in told, "the failure itself is told"
        files = [path for path in tmp_path.glob("latchkey.db*") if path.is_file()]
        assert files
        kept = b"".join(path.read_bytes() for path in files)
        for secret in (MARKER, "Bearer eyJ"):
            assert secret not in told
            assert secret.encode() not in kept


def _run(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "services.connector", *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _settings(tmp_path: Path) -> dict[str, str]:
    settings = Settings(
        identity="dev_house",
        listen="127.0.0.1:0",
        database_url=f"sqlite:///{tmp_path / 'x.db'}",
        nats_url="nats://127.0.0.1:1",
        jwks_file=tmp_path / "jwks.json",
        audit_key_file=TestIssuer(tmp_path / "issuer").audit_key_file("connector"),
        issuer="https://issuer.example",
        token_file=tmp_path / "token",
        catalog_address="127.0.0.1:1",
        requests_address="127.0.0.1:1",
        secrets_dir=tmp_path,
    )
    return environment(settings)


def test_refuses_half_a_simulator(tmp_path: Path) -> None:
    """An address without an authority, or one that is not https, ends it with a sentence."""
    half = _run(_settings(tmp_path) | {"LATCHKEY_SIMULATOR_URL": "https://localhost:1"})
    assert half.returncode == 2 and "given together or not at all" in half.stderr
    plain = _run(
        _settings(tmp_path)
        | {
            "LATCHKEY_SIMULATOR_URL": "http://localhost:1",
            "LATCHKEY_SIMULATOR_CA_FILE": str(tmp_path / "ca"),
        }
    )
    assert plain.returncode == 2 and "LATCHKEY_SIMULATOR_URL" in plain.stderr


def test_refuses_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    """`migrate` makes the tables; without them it does not serve."""
    refused = _run(_settings(tmp_path))
    assert refused.returncode == 2
    assert "run it once with the word migrate" in refused.stderr
    assert _run(_settings(tmp_path), "migrate").returncode == 0
