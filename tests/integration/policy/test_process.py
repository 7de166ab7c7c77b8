"""The policy service as a process."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer

ROOT = Path(__file__).resolve().parents[3]


def _environment(url: str, nats_url: str, folder: Path, **more: str) -> dict[str, str]:
    issuer = TestIssuer(folder / "issuer")
    return {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs' / 'contracts'}",
        "LATCHKEY_IDENTITY": "dev_house",
        "LATCHKEY_LISTEN": "127.0.0.1:0",
        "LATCHKEY_DATABASE_URL": url,
        "LATCHKEY_NATS_URL": nats_url,
        "LATCHKEY_JWKS_FILE": str(issuer.jwks_file),
        "LATCHKEY_AUDIT_KEY_FILE": str(issuer.audit_key_file("policy")),
        "LATCHKEY_ISSUER": issuer.issuer,
        **more,
    }


def _run(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "services.policy", *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_serves_until_told_to_stop(sqlite_url: str, nats_url: str, tmp_path: Path) -> None:
    """The process migrates, serves, says it is healthy, and ends in order with status 0."""
    log = tmp_path / "log"
    environment = _environment(sqlite_url, nats_url, tmp_path, LATCHKEY_MIGRATE="true")
    with log.open("w") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.policy"), env=environment, cwd=ROOT, stderr=stream
        )
    try:
        await eventually(lambda: '"serving"' in log.read_text(), 20)
        port = log.read_text().partition("127.0.0.1:")[2].partition('"')[0]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service="latchkey.policy.v1.EvaluationService")
            )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_refuses_a_database_that_is_not_migrated(sqlite_url: str, tmp_path: Path) -> None:
    """Without leave to migrate it does not serve from tables it does not know; `migrate` makes
    them."""
    environment = _environment(sqlite_url, "nats://127.0.0.1:1", tmp_path)
    refused = _run(environment)
    assert refused.returncode == 2
    assert "run it once with the word migrate" in refused.stderr
    assert _run(environment, "migrate").returncode == 0


def test_refuses_settings_that_it_does_not_know(sqlite_url: str, tmp_path: Path) -> None:
    """A misspelt setting ends the process with status 2, and is named."""
    environment = _environment(sqlite_url, "nats://127.0.0.1:1", tmp_path, LATCHKEY_DEFAULT="x")
    refused = _run(environment)
    assert refused.returncode == 2
    assert "LATCHKEY_DEFAULT (from the environment): is not a setting" in refused.stderr
    assert "LATCHKEY_DEFAULT_POLICY_ID" in refused.stderr
    assert _run(environment, "serve").returncode != 0
