"""What a login endpoint may answer when it is asked for its keys."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from libs.domain.errors import Unauthenticated, Unavailable
from libs.rpc import login_keys
from libs.rpc.login_keys import REFRESH_SECONDS, LoginKeys
from tests.integration.libs.trust import Time
from tests.support.pem import rsa_key
from tools.entra_simulator.certificates import issue_server_certificate
from tools.entra_simulator.serving import LoopbackServer

_TENANT = "eb13cdbd-e36e-49ae-b981-ad982fc931a1"


def _jwk(
    kid: str | None = "good", number: int = 1, bits: int = 2048, **more: Any
) -> dict[str, Any]:
    public = rsa_key(number, bits).public_key()
    found = {**json.loads(RSAAlgorithm.to_jwk(public)), "kid": kid, "use": "sig", **more}
    found.pop("key_ops", None)
    return {name: value for name, value in found.items() if value is not None}


class _Endpoint:
    """Answers whatever it is told to."""

    def __init__(self) -> None:
        self.host = ""
        self.time = Time()
        self.metadata: dict[str, Any] = {}
        self.keys: Any = {"keys": [_jwk()]}
        self.answer: Callable[[], Response] | None = None

    @property
    def issuer(self) -> str:
        return f"https://{self.host}/{_TENANT}/v2.0"

    async def respond(self, request: Request) -> Response:
        if self.answer is not None:
            return self.answer()
        usual = {"issuer": self.issuer, "jwks_uri": f"https://{self.host}/keys"}
        body = self.keys if request.url.path == "/keys" else usual | self.metadata
        return Response(json.dumps(body), media_type="application/json")


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[tuple[_Endpoint, LoginKeys]]:
    found, files = _Endpoint(), issue_server_certificate(tmp_path)
    application = Starlette(routes=[Route("/{path:path}", found.respond)])
    server = LoopbackServer(
        application,
        0,
        ssl_certfile=files.certificate_path,
        ssl_keyfile=files.key_path,
    )
    found.host = f"localhost:{server.port}"
    await server.start()
    async with LoginKeys(found.host, [_TENANT], ca_file=files.ca_path, now=found.time) as keys:
        yield found, keys
    await server.stop()


async def test_only_keys_that_sign_for_the_tenant_count(
    endpoint: tuple[_Endpoint, LoginKeys],
) -> None:
    """Not those of other kinds, for other uses, too short, without an id, or of another issuer."""
    found, keys = endpoint
    every_tenant = found.issuer.replace(_TENANT, "{tenantid}")
    found.keys = {
        "keys": [
            _jwk("good"),
            _jwk("the issuer's", issuer=found.issuer),
            _jwk("every tenant's", issuer=every_tenant, alg="RS256", x5c=["MIIB"]),
            _jwk("another issuer's", issuer=found.issuer.replace(_TENANT, "9188040d")),
            _jwk("for encryption", use="enc"),
            _jwk("of another algorithm", alg="PS256"),
            _jwk("short", bits=1024),
            _jwk(None),
            {"kty": "EC", "kid": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "oct", "kid": "oct", "k": "AAAA"},
        ]
    }
    for name in ("good", "the issuer's", "every tenant's"):
        await keys.find(_TENANT, name)
    for name in (
        "another issuer's",
        "for encryption",
        "of another algorithm",
        "short",
        "EC",
        "oct",
    ):
        with pytest.raises(Unauthenticated):
            await keys.find(_TENANT, name)


async def test_an_answer_that_never_ends_is_not_waited_for(
    endpoint: tuple[_Endpoint, LoginKeys], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login endpoint that sends a byte now and then keeps nobody waiting, who would wait with
    all others that bring a new key, and the next fetch is not held up by it."""
    found, keys = endpoint
    monkeypatch.setattr(login_keys, "_FETCH_SECONDS", 1.0)

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    found.answer = lambda: StreamingResponse(drip())
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await keys.find(_TENANT, "good")
    found.answer = None
    await keys.refresh()
    assert keys.known(_TENANT, "good") is not None


async def test_answers_that_are_not_believed(endpoint: tuple[_Endpoint, LoginKeys]) -> None:
    """Metadata of another issuer, keys at another host or without TLS, two keys of one id, none at
    all, a redirection, too much, and no JSON: the keys of before go on, others can't be told."""
    found, keys = endpoint
    await keys.refresh()
    metadata: list[dict[str, Any]] = [
        {"issuer": f"https://{found.host}/common/v2.0"},
        {"issuer": None},
        {"jwks_uri": "https://attacker.example/keys"},
        {"jwks_uri": f"http://{found.host}/keys"},
        {"jwks_uri": f"https://{found.host}.attacker.example/keys"},
        {"jwks_uri": 7},
    ]
    bodies: list[Any] = [
        {"keys": []},
        {"keys": [_jwk("new"), _jwk("new", 2)]},
        {"keys": "x"},
        {"keys": [7]},
        {"keys": [{"kty": "RSA", "kid": "new", "n": "!", "e": "!"}]},
        [],
        {},
    ]
    answers: list[Callable[[], Response]] = [
        lambda: RedirectResponse("https://attacker.example/"),
        lambda: Response(b"x" * 1_100_000),
        lambda: Response(b"{"),
        lambda: Response(b"\xff"),
        lambda: Response(status_code=500),
    ]
    for wrong in (*metadata, *bodies, *answers):
        found.metadata, found.keys, found.answer = {}, {"keys": [_jwk("new")]}, None
        if callable(wrong):
            found.answer = wrong
        elif wrong in metadata:
            found.metadata = wrong
        else:
            found.keys = wrong
        found.time.seconds += REFRESH_SECONDS
        await keys.refresh()
        assert keys.known(_TENANT, "good") is not None, wrong
        with pytest.raises(Unavailable):
            await keys.find(_TENANT, "new")
