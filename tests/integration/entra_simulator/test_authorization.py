"""Who may ask Graph at all, and what."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, refusal
from tools.entra_simulator import Simulator, built_in_tenant
from tools.entra_simulator.certificates import token_signing_key

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic abc"])
async def test_no_token(anonymous: httpx.AsyncClient, authorization: str | None) -> None:
    """Without a bearer token Graph answers 401 and says where to get one."""
    headers = {"Authorization": authorization} if authorization else {}
    answer = await anonymous.get("/v1.0/users", headers=headers)
    assert refusal(answer) == (401, "InvalidAuthenticationToken", "Access token is empty.")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="", authorization_uri="')


async def test_not_a_jwt(anonymous: httpx.AsyncClient) -> None:
    """A token without dots is told so, in the words of Microsoft's JWT library."""
    answer = await anonymous.get("/v1.0/users", headers={"Authorization": "Bearer abc"})
    status, code, message = refusal(answer)
    assert (status, code) == (401, "InvalidAuthenticationToken")
    assert message.startswith("IDX14100: JWT is not well formed, there are no dots (.).\n")


async def test_forged_token(reader: httpx.AsyncClient) -> None:
    """A token with another signature is refused."""
    header, claims, signature = reader.headers["Authorization"].split(".")
    forged = f"{header}.{claims}.{signature[::-1]}"
    answer = await reader.get("/v1.0/users", headers={"Authorization": forged})
    assert refusal(answer)[:2] == (401, "InvalidAuthenticationToken")


async def test_expired_token(graph: httpx.AsyncClient, clock: FakeClock) -> None:
    """A token lives 3599 seconds by the tenant's clock and not one more."""
    clock.advance(timedelta(seconds=3598))
    assert (await graph.get("/v1.0/users")).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert refusal(await graph.get("/v1.0/users")) == (
        401,
        "InvalidAuthenticationToken",
        "Lifetime validation failed, the token is expired.",
    )


async def test_token_for_another_audience(
    anonymous: httpx.AsyncClient, keys: Path, clock: FakeClock
) -> None:
    """A token that was issued for another resource does not open Graph."""
    claims = {"aud": "https://vault.example", "exp": int(clock.now().timestamp()) + 60}
    token = jwt.encode(claims, token_signing_key(keys), algorithm="RS256")
    answer = await anonymous.get("/v1.0/users", headers={"Authorization": f"Bearer {token}"})
    assert refusal(answer) == (
        401,
        "InvalidAuthenticationToken",
        "Access token validation failure. Invalid audience.",
    )


async def test_missing_permission(readonly: httpx.AsyncClient) -> None:
    """An application without the permission in its token gets 403, and nothing changes."""
    answer = await readonly.post(
        f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/$ref",
        json={"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}"},
    )
    assert refusal(answer) == (
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    )


async def test_granting_an_app_role_takes_two_permissions(
    state_dir: Path,
) -> None:
    """AppRoleAssignment.ReadWrite.All alone is refused: Application.Read.All must be there too."""
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["permissions"] = ["AppRoleAssignment.ReadWrite.All"]
    async with Simulator(state_dir, tenant) as simulator, connected(simulator) as client:
        answer = await client.post(
            f"/v1.0/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo",
            json={
                "principalId": cast.NORA,
                "resourceId": cast.ATELIER,
                "appRoleId": cast.NO_ROLE,
            },
        )
        assert refusal(answer)[:2] == (403, "Authorization_RequestDenied")
