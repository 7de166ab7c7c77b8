"""Signing in over TLS, with every kind of credential."""

import asyncio
import json
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.connector.domain.connection import ConnectionMode, CredentialKind
from services.connector.entra.clouds import Cloud
from services.connector.entra.credentials.access_token import Token
from services.connector.entra.problems import Problem
from services.connector.entra.token import TokenSource
from tests.integration.connector.credentials import KINDS, CredentialHouse
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually
from tools.entra_simulator.certificates import issue_server_certificate
from tools.entra_simulator.serving import LoopbackServer


@pytest.mark.parametrize("kind", KINDS)
async def test_signs_in_and_is_taken_by_graph(
    credential_house: CredentialHouse, kind: CredentialKind
) -> None:
    """Every kind of credential, at the simulator's own login endpoint or machine."""
    async with credential_house.tenants() as tenants:
        report = await tenants.check(credential_house.connection(kind))
    assert report.ok, report
    [(path, status)] = credential_house.sign_ins()
    assert status == 200
    assert path.startswith("/metadata") == (kind is CredentialKind.MANAGED_IDENTITY)


async def test_signs_in_in_app_service(
    credential_house: CredentialHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what App Service puts into the environment."""
    credential_house.in_app_service(monkeypatch)
    assert isinstance(await credential_house.source(CredentialKind.MANAGED_IDENTITY).token(), Token)
    assert credential_house.sign_ins() == [("/msi/token", 200)]


async def test_a_machines_identity_of_another_tenant_is_refused(
    credential_house: CredentialHouse,
) -> None:
    """A machine has its own idea of the tenant, and nobody asks it for one."""
    identity = credential_house.identity(CredentialKind.MANAGED_IDENTITY)
    other = replace(identity, entra_tenant_id=cast.UNKNOWN)
    found = await TokenSource(other, credential_house.secrets).token()
    assert isinstance(found, Problem)
    assert found.code == "tenant_differs" and cast.TENANT in found.message


async def test_other_machines_are_told_apart(
    credential_house: CredentialHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MSAL would ask them too, and nothing of ours was ever tried there."""
    monkeypatch.setenv("MSI_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("MSI_SECRET", "x")
    found = await credential_house.source(CredentialKind.MANAGED_IDENTITY).token()
    assert isinstance(found, Problem)
    assert (
        found.code == "machine_unknown" and not found.is_passing and not credential_house.sign_ins()
    )


async def test_a_replaced_secret_is_used_without_a_restart(
    credential_house: CredentialHouse,
) -> None:
    """The new one is tried, and only when it works the old one's token goes."""
    kind = CredentialKind.CLIENT_SECRET
    source = credential_house.source(kind)
    before = await source.token()
    credential_house.write(kind, "not whole")

    async def tried(count: int) -> bool:
        assert await source.token() is before
        return len(credential_house.sign_ins()) == count

    await eventually(lambda: tried(2), 10)
    assert credential_house.sign_ins()[-1][1] == 401
    credential_house.write(kind, cast.CONNECTOR_SECRET)

    async def replaced() -> bool:
        return await source.token() is not before

    await eventually(replaced, 10)
    assert len(credential_house.sign_ins()) == 3


async def test_a_changed_connection_is_used_at_once(credential_house: CredentialHouse) -> None:
    """Whoever still has the connection as it was signs in as it is now, and not the other way."""
    old = credential_house.connection(CredentialKind.CLIENT_SECRET)
    new = credential_house.connection(CredentialKind.CERTIFICATE, version=2)
    credential_house.write(CredentialKind.CLIENT_SECRET, "revoked")
    async with credential_house.tenants() as tenants:
        assert not (await tenants.check(old)).ok
        assert (await tenants.check(new)).ok
        assert (await tenants.check(old)).ok
        assert tenants.gate(old) is tenants.gate(new)


async def test_the_login_endpoint_is_left_alone_when_it_has_enough(
    credential_house: CredentialHouse,
) -> None:
    """Its `Retry-After` holds for whoever asks next, and is told."""
    credential_house.simulator.faults.add("throttle", service="login", retryAfter=60)
    source = credential_house.source(CredentialKind.CERTIFICATE)
    first = await source.token()
    credential_house.simulator.faults.clear()
    second = await source.token(anew=True)
    for found in (first, second):
        assert isinstance(found, Problem)
        assert found.status == 429 and found.is_passing and found.retry_after is not None
        assert found.retry_after.total_seconds() > 50
    assert not any(status == 200 for _, status in credential_house.sign_ins())


async def test_one_that_hangs_holds_no_other_connection_up(
    credential_house: CredentialHouse,
) -> None:
    """It is given up in the end; others have their tokens meanwhile."""
    credential_house.simulator.faults.add("hang", service="login", seconds=30, times=8)
    hanging = [
        TokenSource(
            credential_house.identity(CredentialKind.CLIENT_SECRET),
            credential_house.secrets,
            seconds=4,
        )
        for _ in range(8)
    ]
    waiting = [asyncio.create_task(source.token()) for source in hanging]

    async def all_hang() -> bool:
        return sum(rule.struck for rule in credential_house.simulator.faults.rules) == 8

    await eventually(all_hang, 5)
    assert isinstance(await credential_house.source(CredentialKind.CERTIFICATE).token(), Token)
    assert not any(task.done() for task in waiting)
    for found in await asyncio.gather(*waiting):
        assert isinstance(found, Problem) and found.code == "timeout"


async def test_a_discovery_document_leads_nowhere_else(credential_house: CredentialHouse) -> None:
    """A token endpoint on another host gets no secret, whoever names it."""
    endpoint = f"{credential_house.cloud.login_url}/{cast.TENANT}/oauth2/v2.0/token"
    document = json.dumps(
        {"token_endpoint": endpoint, "authorization_endpoint": endpoint, "issuer": endpoint}
    )

    async def answer(request: Request) -> Response:
        return Response(document, media_type="application/json")

    certificate = issue_server_certificate(credential_house.state)
    server = LoopbackServer(
        Starlette(routes=[Route("/{path:path}", answer)]),
        0,
        ssl_certfile=certificate.certificate_path,
        ssl_keyfile=certificate.key_path,
    )
    await server.start()
    try:
        url = f"https://localhost:{server.port}"
        cloud = Cloud("odd", url, url, credential_house.cloud.scope, credential_house.cloud.ca_file)
        identity = replace(credential_house.identity(CredentialKind.CLIENT_SECRET), cloud=cloud)
        found = await TokenSource(identity, credential_house.secrets).token()
    finally:
        await server.stop()
    assert isinstance(found, Problem)
    assert found.code == "foreign_host" and not found.is_passing
    assert not credential_house.sign_ins()


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        (ConnectionMode.FULL, "CAPABILITY_STATE_MISSING"),
        (ConnectionMode.GROUPS_ONLY, "CAPABILITY_STATE_NOT_NEEDED"),
    ],
)
async def test_groups_only_works_without_the_strongest_permission(
    credential_house: CredentialHouse, mode: ConnectionMode, state: str
) -> None:
    """In full mode the way out is told."""
    credential_house.simulator.tenant.app_registrations[0]["permissions"].remove(
        "AppRoleAssignment.ReadWrite.All"
    )
    connection = credential_house.connection(CredentialKind.CLIENT_SECRET, mode=mode)
    async with credential_house.tenants() as tenants:
        report = await tenants.check(connection)
    assert report.ok == (mode is ConnectionMode.GROUPS_ONLY)
    last = report.checks[-1]
    assert f"CAPABILITY_STATE_{last.state.value}" == state
    assert ("CONNECTION_MODE_GROUPS_ONLY" in last.problem) == (mode is ConnectionMode.FULL)
