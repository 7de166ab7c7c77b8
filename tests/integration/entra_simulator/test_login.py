"""The login endpoint."""

from __future__ import annotations

from datetime import timedelta

import httpx
import jwt
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import log_in
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_discovery_names_endpoints_of_the_host_it_was_asked_by(
    shared: Simulator, anonymous: httpx.AsyncClient
) -> None:
    """Clients use the token endpoint verbatim, so it carries the host they came by."""
    by_port = shared.url.rpartition(":")[2]
    for host in (f"localhost:{by_port}", "login.microsoftonline.com"):
        answer = await anonymous.get(
            f"/{cast.TENANT}/v2.0/.well-known/openid-configuration", headers={"Host": host}
        )
        configuration = answer.json()
        assert configuration["token_endpoint"] == (
            f"https://{host}/{cast.TENANT}/oauth2/v2.0/token"
        )
        assert configuration["issuer"] == f"https://{host}/{cast.TENANT}/v2.0"


async def test_instance_discovery_points_to_the_tenant(anonymous: httpx.AsyncClient) -> None:
    """Clients that validate their authority ask /common/discovery/instance first."""
    answer = await anonymous.get("/common/discovery/instance")
    assert answer.json()["tenant_discovery_endpoint"].endswith(
        f"/{cast.TENANT}/v2.0/.well-known/openid-configuration"
    )


async def test_token_is_signed_by_a_published_key_and_names_app_and_permissions(
    anonymous: httpx.AsyncClient, clock: FakeClock
) -> None:
    """The access token is an RS256 JWT for Graph with the application's permissions as roles."""
    answer = (await log_in(anonymous, client_secret=cast.CONNECTOR_SECRET)).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    keys = jwt.PyJWKSet.from_dict(
        (await anonymous.get(f"/{cast.TENANT}/discovery/v2.0/keys")).json()
    )
    header = jwt.get_unverified_header(answer["access_token"])
    claims = jwt.decode(
        answer["access_token"],
        keys[header["kid"]].key,
        algorithms=["RS256"],
        audience="https://graph.microsoft.com",
        # The test's clock stands still, somewhere else than today.
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["appid"] == cast.CONNECTOR
    assert claims["tid"] == cast.TENANT
    assert claims["idtyp"] == "app"
    assert claims["exp"] == int((clock.now() + timedelta(seconds=3599)).timestamp())
    assert set(claims["roles"]) == {
        "User.Read.All",
        "GroupMember.Read.All",
        "GroupMember.ReadWrite.All",
        "Application.Read.All",
        "AppRoleAssignment.ReadWrite.All",
    }


async def test_tenant_may_be_named_by_a_verified_domain(anonymous: httpx.AsyncClient) -> None:
    """Administrators configure the domain name as often as the tenant id."""
    answer = await log_in(
        anonymous, "marlowe-instruments.example", client_secret=cast.CONNECTOR_SECRET
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("tenant", "form", "status", "error", "number", "words"),
    [
        (
            cast.TENANT,
            {"client_secret": "wrong"},
            401,
            "invalid_client",
            7000215,
            f"Invalid client secret provided. Ensure the secret being sent in the request is the "
            f"client secret value, not the client secret ID, for a secret added to app "
            f"'{cast.CONNECTOR}'.",
        ),
        (
            cast.TENANT,
            {"client_secret": cast.EXPIRED_SECRET},
            401,
            "invalid_client",
            7000222,
            f"The provided client secret keys for app '{cast.CONNECTOR}' are expired.",
        ),
        (
            cast.TENANT,
            {"client_id": cast.UNKNOWN, "client_secret": "any"},
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{cast.UNKNOWN}' was not found in the directory",
        ),
        (
            cast.UNKNOWN,
            {"client_secret": cast.CONNECTOR_SECRET},
            400,
            "invalid_request",
            90002,
            f"Tenant '{cast.UNKNOWN}' not found.",
        ),
        (
            cast.TENANT,
            {"client_secret": cast.CONNECTOR_SECRET, "scope": "User.Read.All"},
            400,
            "invalid_scope",
            1002012,
            "The provided value for scope User.Read.All is not valid.",
        ),
        (
            cast.TENANT,
            {"client_secret": cast.CONNECTOR_SECRET, "scope": "https://vault.example/.default"},
            400,
            "invalid_resource",
            500011,
            "The resource principal named https://vault.example was not found",
        ),
        (
            cast.TENANT,
            {},
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or",
        ),
        (
            cast.TENANT,
            {"grant_type": "password"},
            400,
            "unsupported_grant_type",
            70003,
            "The app requested an unsupported grant type 'password'.",
        ),
    ],
)
async def test_login_refusals_have_microsofts_shape(
    anonymous: httpx.AsyncClient,
    tenant: str,
    form: dict[str, str],
    status: int,
    error: str,
    number: int,
    words: str,
) -> None:
    """Each refusal carries its OAuth error, its AADSTS number, and ids to trace it by."""
    answer = await log_in(anonymous, tenant, **form)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: {words}")
    assert body["error_description"].endswith(
        f"Trace ID: {body['trace_id']} Correlation ID: {body['correlation_id']} "
        f"Timestamp: {body['timestamp']}"
    )
    assert body["timestamp"] == "2026-03-02 09:30:00Z"
    assert body["error_uri"].endswith(f"/error?code={number}")
