"""A service of ours as it runs outside the dev house: Entra's tokens, certificates, TLS."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from tests.integration.libs.trust import API, CLIENT, Login, login
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer, bearer
from tools.dev import certificates
from tools.dev.child import ROOT


def _environment(folder: Path, found: Login, **more: str | None) -> dict[str, str]:
    own = folder / "certs" / "policy"
    settings: dict[str, str | None] = {
        "LISTEN": "127.0.0.1:0",
        "SERVICE_LISTEN": "127.0.0.1:0",
        "DATABASE_URL": f"sqlite:///{folder / 'a.db'}",
        "NATS_URL": "nats://127.0.0.1:1",
        "MIGRATE": "true",
        "LOGIN_HOST": found.host,
        "LOGIN_CA_FILE": str(found.simulator.ca_path),
        "ENTRA_TENANT_IDS": found.simulator.tenant.id,
        "ENTRA_AUDIENCES": API,
        "ENTRA_CLIENT_IDS": CLIENT,
        "TLS_CERTIFICATE_FILE": str(own / "certificate.pem"),
        "TLS_KEY_FILE": str(own / "key.pem"),
        "TLS_CA_FILE": str(own / "ca.pem"),
        "TRUST_DOMAIN": certificates.TRUST_DOMAIN,
        "AUDIT_KEY_FILE": str(own / "audit.pem"),
        **more,
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LATCHKEY_")}
    return inherited | {f"LATCHKEY_{k}": v for k, v in settings.items() if v is not None}


@asynccontextmanager
async def _started(environment: dict[str, str], log: Path) -> AsyncIterator[Any]:
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.policy", cwd=ROOT, env=environment, stderr=stream
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _buf_curl(address: str, *flags: str) -> str:
    """As docs/operating.md has it; what it says, or what it complains of."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("buf")), "curl", "--protocol", "grpc", *flags),
        *("-d", "{}", f"https://{address}/latchkey.policy.v1.PolicyService/ListPolicies"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode()


def _listens(log: Path, to: str) -> str | None:
    for line in log.read_text().splitlines():
        if line.startswith("{") and (found := json.loads(line)).get("to") == to:
            return str(found["listen"])
    return None


async def test_a_service_trusts_entra_and_certificates(tmp_path: Path) -> None:
    """Started with its settings, it lets in a person of the tenant by TLS, refuses whom the local
    issuer names, and another service by certificate on the port for services only."""
    certificates.make(tmp_path / "certs")
    log = tmp_path / "log"
    async with login(tmp_path) as found, _started(_environment(tmp_path, found), log):
        await eventually(lambda: _listens(log, "services") is not None, 30)
        authority = (tmp_path / "certs" / "ca.pem").read_bytes()
        credentials = grpc.ssl_channel_credentials(authority)
        async with grpc.aio.secure_channel(_listens(log, "people") or "", credentials) as channel:
            stub: Any = policy_pb2_grpc.PolicyServiceStub(channel)
            request = policy_pb2.ListPoliciesRequest()
            assert await stub.ListPolicies(request, metadata=bearer(found.token()), timeout=20)
            local = TestIssuer(tmp_path / "issuer")
            for token in (local.named("Ada", ["Latchkey.Admin"]), local.service("requests")):
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await stub.ListPolicies(request, metadata=bearer(token), timeout=20)
                assert raised.value.code() is StatusCode.UNAUTHENTICATED
        own = tmp_path / "certs" / "catalog"
        credentials = grpc.ssl_channel_credentials(
            authority, (own / "key.pem").read_bytes(), (own / "certificate.pem").read_bytes()
        )
        async with grpc.aio.secure_channel(_listens(log, "services") or "", credentials) as channel:
            stub = policy_pb2_grpc.PolicyServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.DeletePolicy(policy_pb2.DeletePolicyRequest(), timeout=20)
            assert raised.value.code() is StatusCode.PERMISSION_DENIED
        assert "plaintext" not in log.read_text()
        at = [_listens(log, to) or "" for to in ("people", "services")]
        authority_file = str(tmp_path / "certs" / "ca.pem")
        flags = ("-H", f"authorization: Bearer {found.token()}", "--cacert", authority_file)
        assert "pol_" in await _buf_curl(at[0], *flags, "--reflect-header", "*")
        operator = tmp_path / "certs" / "operator"
        with_certificate = (
            *("--cert", str(operator / "certificate.pem"), "--key", str(operator / "key.pem")),
            *("--servername", f"policy.{certificates.TRUST_DOMAIN}"),
        )
        assert "pol_" in await _buf_curl(at[1], *flags, *with_certificate)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"TLS_KEY_FILE": None}, "LATCHKEY_TLS_KEY_FILE: Field required"),
        ({"TLS_KEY_FILE": "/nowhere"}, "LATCHKEY_TLS_CERTIFICATE_FILE, LATCHKEY_TLS_KEY_FILE, "),
        ({"TRUST_DOMAIN": "elsewhere"}, "LATCHKEY_TLS_CERTIFICATE_FILE, LATCHKEY_TLS_KEY_FILE, "),
        ({"LOGIN_CA_FILE": "/nowhere"}, "LATCHKEY_LOGIN_CA_FILE: "),
        ({"SERVICE_LISTEN": "nowhere.invalid:1"}, "LATCHKEY_SERVICE_LISTEN: nowhere.invalid:1: "),
    ],
)
async def test_a_service_without_what_it_needs_does_not_start(
    tmp_path: Path, more: dict[str, str | None], says: str
) -> None:
    """It ends with status 2 and a sentence that names the settings, and never serves."""
    certificates.make(tmp_path / "certs", names=["policy"])
    log = tmp_path / "log"
    async with (
        login(tmp_path) as found,
        _started(_environment(tmp_path, found, **more), log) as process,
    ):
        assert await asyncio.wait_for(process.wait(), 30) == 2
    assert log.read_text().splitlines()[-1].startswith(says)
    assert '"serving"' not in log.read_text()
