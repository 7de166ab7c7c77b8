"""Tokens of people, as the simulated login endpoint would issue them."""

import json
import ssl
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
_API = "7a1c5b0e-3d0f-4a53-9e57-2f0f2ad8b6c1"


class _Login:
    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._trust = ssl.create_default_context(cafile=simulator.ca_path)

    async def call(self, path: str, body: Any = None) -> tuple[int, Any]:
        async with httpx.AsyncClient(verify=self._trust, trust_env=False) as client:
            method = "GET" if body is None else "POST"
            answer = await client.request(method, self.simulator.url + path, json=body)
            return answer.status_code, answer.json()

    async def issue(self, **more: Any) -> str:
        user = next(iter(self.simulator.tenant.users))
        body = {"userId": user, "clientId": _CLIENT, "audience": _API, **more}
        body = {name: value for name, value in body.items() if value is not None}
        status, answer = await self.call("/_simulator/tokens/issue", body)
        assert status == 200, answer
        return str(answer["accessToken"])

    async def read(self, token: str) -> Any:
        """The claims, by the published keys alone."""
        tenant = self.simulator.tenant.id
        _, metadata = await self.call(f"/{tenant}/v2.0/.well-known/openid-configuration")
        _, keys = await self.call(metadata["jwks_uri"].removeprefix(self.simulator.url))
        key_id = jwt.get_unverified_header(token)["kid"]
        key = jwt.PyJWKSet.from_dict(keys)[key_id]
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=_API,
            issuer=metadata["issuer"],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )


async def test_a_person_gets_a_token_by_the_published_keys(shared: Simulator) -> None:
    """Its claims are those of version 2.0, for the user, the client and the roles asked for."""
    claims = await _Login(shared).read(await _Login(shared).issue(roles=["Latchkey.Admin"]))
    user = next(iter(shared.tenant.users.values()))
    expected = {
        "tid": shared.tenant.id,
        "oid": user["id"],
        "azp": _CLIENT,
        "ver": "2.0",
        "scp": "access_as_user",
        "roles": ["Latchkey.Admin"],
        "name": user["displayName"],
    }
    assert expected.items() <= claims.items()
    by_name = {"userId": None, "userPrincipalName": user["userPrincipalName"].upper()}
    again = await _Login(shared).read(await _Login(shared).issue(**by_name))
    assert (again["oid"], "roles" in again) == (user["id"], False)


async def test_keys_are_rotated(state_dir: Path) -> None:
    """A new key signs; the old one is published until it is withdrawn, also over a restart."""
    async with Simulator(state_dir) as simulator:
        old = await _Login(simulator).issue()
        _, rotated = await _Login(simulator).call("/_simulator/keys/rotate", {})
        new = await _Login(simulator).issue()
        assert jwt.get_unverified_header(new)["kid"] == rotated["kid"]
    async with Simulator(state_dir, port=int(simulator.url.rpartition(":")[2])) as simulator:
        login = _Login(simulator)
        await login.read(old)
        await login.read(new)
        await login.call("/_simulator/keys/rotate", {"keep": False})
        for token in (old, new, await login.issue(key="withdrawn")):
            with pytest.raises(KeyError):
                await login.read(token)
        await login.read(await login.issue())


async def test_wrong_tokens_are_issued_when_asked_for(shared: Simulator) -> None:
    """Claims and header can be anything, and somebody else can have signed."""
    login = _Login(shared)
    token = await login.issue(claims={"ver": "1.0", "scp": None}, header={"typ": "at+jwt"})
    claims = await login.read(token)
    assert (claims["ver"], "scp" in claims) == ("1.0", False)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    with pytest.raises(jwt.InvalidSignatureError):
        await login.read(await login.issue(key="foreign"))


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"userId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46"}, 404, "id"),
        ({"clientId": "x"}, 400, "clientId"),
        ({"audience": None}, 400, "audience"),
        ({"roles": "Latchkey.Admin"}, 400, "roles"),
        ({"key": "withdrawn"}, 400, "key"),
        ({"claims": []}, 400, "claims"),
        ({"rolls": []}, 400, "rolls"),
    ],
)
async def test_what_is_asked_wrongly_is_named(
    shared: Simulator, change: dict[str, Any], status: int, field: str
) -> None:
    """A field that is wrong is named, and an unknown user is not there."""
    user = next(iter(shared.tenant.users))
    body = {"userId": user, "clientId": _CLIENT, "audience": _API, **change}
    found, answer = await _Login(shared).call("/_simulator/tokens/issue", body)
    assert (found, answer["error"]["field"]) == (status, field), json.dumps(answer)
