"""Federated credentials, managed identities and faults of the login endpoint, without a library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import log_in, trust
from tests.integration.entra_simulator.credentials import Issuer
from tools.entra_simulator import Simulator, built_in_tenant
from tools.entra_simulator.credentials import ASSERTION_TYPE

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBJECT = "system:serviceaccount:latchkey:connector"


@pytest.fixture(scope="module")
def cluster() -> Issuer:
    return Issuer("https://cluster.example")


@pytest.fixture(scope="module")
def stranger() -> Issuer:
    return Issuer("https://stranger.example")


@pytest_asyncio.fixture(loop_scope="session")
async def federated(state_dir: Path, clock: FakeClock, cluster: Issuer) -> AsyncIterator[Simulator]:
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["federatedIdentityCredentials"] = [cluster.credential(SUBJECT)]
    async with Simulator(state_dir, tenant, clock=clock.now, managed_identity_port=0) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(federated: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=federated.url, verify=trust(federated)) as client:
        yield client


async def exchange(client: httpx.AsyncClient, assertion: str, **form: str) -> httpx.Response:
    return await log_in(
        client, client_assertion_type=ASSERTION_TYPE, client_assertion=assertion, **form
    )


def code(answer: httpx.Response) -> tuple[int, str, int]:
    error = answer.json()
    return answer.status_code, error["error"], error["error_codes"][0]


async def test_a_trusted_token_is_exchanged(
    client: httpx.AsyncClient, clock: FakeClock, cluster: Issuer
) -> None:
    """Issuer, subject and audience of a registered credential, signed by the issuer's key."""
    answer = await exchange(client, cluster.token(SUBJECT, clock.now()))
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("claims", "number", "words"),
    [
        ({"iss": "https://other.example"}, 700211, "issuer 'https://other.example'"),
        ({"sub": "system:serviceaccount:x:y"}, 700213, "subject 'system:serviceaccount:x:y'"),
        ({"sub": SUBJECT.upper()}, 7002138, "case-insensitive comparison"),
        ({"aud": "https://graph.microsoft.com"}, 700212, "audience"),
        ({"exp": 0}, 700024, "not within its valid time range"),
    ],
)
async def test_what_does_not_match_is_named(
    client: httpx.AsyncClient,
    clock: FakeClock,
    cluster: Issuer,
    claims: dict[str, Any],
    number: int,
    words: str,
) -> None:
    """Each of issuer, subject, audience and time has a number and words of its own."""
    answer = await exchange(client, cluster.token(SUBJECT, clock.now(), **claims))
    assert code(answer) == (401, "invalid_client", number)
    assert words in answer.json()["error_description"]


async def test_a_forged_token_is_refused(
    client: httpx.AsyncClient, clock: FakeClock, cluster: Issuer, stranger: Issuer
) -> None:
    """Claims alone are nothing: the issuer's key must have signed them."""
    forged = stranger.token(SUBJECT, clock.now(), iss=cluster.url)
    assert code(await exchange(client, forged)) == (401, "invalid_client", 700027)


async def test_an_expired_token_is_refused_by_the_tenants_clock(
    client: httpx.AsyncClient, clock: FakeClock, cluster: Issuer
) -> None:
    """A projected token that was read too long ago must be read again."""
    token = cluster.token(SUBJECT, clock.now())
    clock.advance(timedelta(minutes=10))
    assert code(await exchange(client, token)) == (401, "invalid_client", 700024)


async def test_an_application_without_credential_trusts_nobody(
    client: httpx.AsyncClient, clock: FakeClock, cluster: Issuer
) -> None:
    """No federated credential at all is AADSTS70021."""
    token = cluster.token(SUBJECT, clock.now())
    answer = await exchange(client, token, client_id=cast.READONLY)
    assert code(answer) == (401, "invalid_client", 70021)


async def test_a_damaged_assertion_is_refused(client: httpx.AsyncClient) -> None:
    """What is no JWT is told so, and an assertion without its type is not looked at."""
    assert code(await exchange(client, "b'eyJhbGciOi'")) == (401, "invalid_client", 50027)
    answer = await log_in(client, client_assertion="x")
    assert code(answer) == (400, "invalid_request", 900144)


async def test_metadata_service(federated: Simulator) -> None:
    """The metadata header is required; numbers are texts; the identity can be named."""
    identity = federated.managed_identity
    assert identity is not None
    path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
    graph = path + "https://graph.microsoft.com"
    async with httpx.AsyncClient(base_url=identity.url) as machine:
        assert (await machine.get(graph)).status_code == 400
        machine.headers["Metadata"] = "true"
        answer = (await machine.get(graph)).json()
        assert (answer["client_id"], answer["expires_in"]) == (cast.CONNECTOR, "3599")
        named = await machine.get(f"{graph}&client_id={cast.CONNECTOR}")
        assert named.status_code == 200
        unknown = await machine.get(f"{graph}&client_id={cast.READONLY}")
        assert unknown.json() == {
            "error": "invalid_request",
            "error_description": "Identity not found",
        }
        assert (await machine.get(path + "https://vault.example")).status_code == 400
    entries = federated.journal.entries()
    assert [entry["status"] for entry in entries] == [400, 200, 200, 400, 400]
    assert {entry["source"] for entry in entries} == {"login"}


async def test_app_service(federated: Simulator) -> None:
    """The site's own header opens the endpoint, any other does not."""
    identity = federated.managed_identity
    assert identity is not None
    query = {"api-version": "2019-08-01", "resource": "https://graph.microsoft.com"}
    async with httpx.AsyncClient() as machine:
        refused = await machine.get(
            identity.endpoint, params=query, headers={"X-IDENTITY-HEADER": "guessed"}
        )
        assert refused.status_code == 400
        answer = await machine.get(
            identity.endpoint, params=query, headers={"X-IDENTITY-HEADER": identity.header}
        )
    now = int(federated.tenant.clock().timestamp())
    assert answer.json()["expires_on"] == str(now + 3599)


async def test_no_managed_identity_unless_asked_for(shared: Simulator) -> None:
    """The second port is off by default."""
    assert shared.managed_identity is None


async def test_login_can_be_throttled(federated: Simulator, client: httpx.AsyncClient) -> None:
    """429 with Retry-After in OAuth's form, for the token endpoint only; the journal tells."""
    federated.faults.add(
        "throttle", service="login", path="/*/oauth2/v2.0/token", retryAfter=9, times=1
    )
    discovery = f"/{cast.TENANT}/v2.0/.well-known/openid-configuration"
    assert (await client.get(discovery)).status_code == 200
    answer = await log_in(client, client_secret=cast.CONNECTOR_SECRET)
    assert (answer.headers["Retry-After"], code(answer)) == (
        "9",
        (429, "temporarily_unavailable", 90055),
    )
    assert (await log_in(client, client_secret=cast.CONNECTOR_SECRET)).status_code == 200
    assert [entry.get("fault") for entry in federated.journal.entries()] == [None, "throttle", None]


async def test_login_can_be_down(federated: Simulator, client: httpx.AsyncClient) -> None:
    """503 as Microsoft words it, and errors of one's own."""
    federated.faults.add("unavailable", service="login", times=1)
    answer = await log_in(client, client_secret=cast.CONNECTOR_SECRET)
    assert code(answer) == (503, "temporarily_unavailable", 90033)
    federated.faults.add("error", service="login", status=400, code="invalid_grant", message="No.")
    answer = await log_in(client, client_secret=cast.CONNECTOR_SECRET)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_login_can_break_off(federated: Simulator, client: httpx.AsyncClient) -> None:
    """A reset connection and an endpoint that does not answer, as a client meets them."""
    federated.faults.add("reset", service="login", times=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await log_in(client, client_secret=cast.CONNECTOR_SECRET)
    federated.faults.add("hang", service="login", times=1)
    client.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        await log_in(client, client_secret=cast.CONNECTOR_SECRET)
    assert [entry["status"] for entry in federated.journal.entries()] == [None, None]
