"""Bearer tokens: who is let in, and who is not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from libs.domain.callers import ADMIN, Person, Service
from libs.domain.errors import Unauthenticated
from libs.rpc.tokens import TokenFile, TokenVerifier
from tests.support.issuer import TENANT, TestIssuer, object_id


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path / "issuer")


@pytest.fixture
def verifier(issuer: TestIssuer) -> TokenVerifier:
    return TokenVerifier(issuer=issuer.issuer, audience=issuer.audience, jwks_file=issuer.jwks_file)


def _claims(**more: Any) -> dict[str, Any]:
    return {"tid": TENANT, "oid": object_id("Ada"), "name": "Ada", "roles": [ADMIN]} | more


async def _refused(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as raised:
        await verifier.verify(token)
    assert raised.value.reason == "CALLER_UNKNOWN"
    return raised.value.facts["problem"]


def _parts(*parts: dict[str, Any] | bytes) -> str:
    encoded = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in encoded)


async def test_a_person_is_who_tenant_and_object_id_say(
    issuer: TestIssuer, verifier: TokenVerifier
) -> None:
    """A person's token names the person, in small letters, with their roles."""
    token = issuer.person(TENANT.upper(), object_id("Ada").upper(), "Ada", roles=[ADMIN])
    caller = await verifier.verify(token)
    assert caller == Person(TENANT, object_id("Ada"), "Ada", frozenset({ADMIN}))
    assert await verifier.verify(token) is caller


async def test_a_service_is_named(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    """A service's token names the service."""
    assert await verifier.verify(issuer.service("requests")) == Service("requests")


async def test_roles_and_name_may_be_missing(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    """Who has no role is somebody all the same."""
    token = issuer.sign({"tid": TENANT, "oid": object_id("Ada")}, seconds=60)
    assert await verifier.verify(token) == Person(TENANT, object_id("Ada"), "")


async def test_a_name_is_one_that_can_be_written_down(
    issuer: TestIssuer, verifier: TokenVerifier
) -> None:
    """JSON can spell what no database and no message takes; whose name it is comes in all the
    same."""
    caller = await verifier.verify(issuer.sign(_claims(name="Ada\x00 \ud800!"), seconds=60))
    assert isinstance(caller, Person)
    assert caller.display_name == "Ada\ufffd ?!"


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"aud": "graph"}, "the token is for another audience"),
        ({"aud": ["graph"]}, "the token is for another audience"),
        ({"aud": None}, "the token is for another audience"),
        ({"iss": "https://evil"}, "the token is from another issuer"),
        ({"exp": int(time.time()) - 31}, "the token has expired"),
        ({"exp": None}, "the token is not valid"),
        ({"exp": "soon"}, "the token is not valid"),
        ({"exp": float("inf")}, "the token is not valid"),
        ({"nbf": int(time.time()) + 3600}, "the token is not valid yet"),
        ({"tid": ""}, "the token names neither a person nor a service"),
        ({"oid": ""}, "the token names neither a person nor a service"),
        ({"tid": None, "oid": None}, "the token names neither a person nor a service"),
        ({"tid": ["x"]}, "the token names neither a person nor a service"),
        ({"oid": 7}, "the token names neither a person nor a service"),
        ({"oid": "\x00"}, "the token names neither a person nor a service"),
        ({"tid": "\ud800"}, "the token names neither a person nor a service"),
        ({"roles": ADMIN}, "the token's roles are not a list"),
        ({"tid": "", "latchkey_service": ""}, "the token names neither a person nor a service"),
        ({"tid": "", "latchkey_service": True}, "the token names neither a person nor a service"),
    ],
)
async def test_claims_that_are_not_ours_are_refused(
    issuer: TestIssuer, verifier: TokenVerifier, claims: dict[str, Any], problem: str
) -> None:
    """A token for another audience, of another issuer, out of its time, or naming nobody."""
    token = issuer.sign(_claims(**claims), seconds=60)
    assert await _refused(verifier, token) == problem


async def test_missing_claims_are_refused(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    """What must be in a token is asked for, not assumed."""
    whole = {"iss": issuer.issuer, "aud": issuer.audience, "exp": int(time.time()) + 60}
    key = (issuer.folder / "issuer.pem").read_text()

    def signed(claims: dict[str, Any], keep: Iterable[str]) -> str:
        kept = {name: value for name, value in (whole | claims).items() if name in keep}
        return jwt.encode(kept, key, algorithm="RS256", headers={"kid": "dev-1"})

    claims = _claims()
    everything = {*whole, *claims}
    await verifier.verify(signed(claims, everything))
    for name in ("iss", "aud", "exp", "tid", "oid"):
        await _refused(verifier, signed(claims, everything - {name}))


async def test_tokens_signed_otherwise_are_refused(
    issuer: TestIssuer, verifier: TokenVerifier
) -> None:
    """No signature, a shared secret made of the public key, another key, another algorithm."""
    good = issuer.sign(_claims(), seconds=60)
    header, payload, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    body = json.dumps(claims).encode()

    for name in ("none", "None", "NONE", ""):
        unsigned = _parts({"alg": name, "kid": "dev-1"}, body) + "."
        assert await _refused(verifier, unsigned) in (
            "the token is not signed with RS256",
            "the token is not valid",
        )

    private: Any = serialization.load_pem_private_key(
        (issuer.folder / "issuer.pem").read_bytes(), None
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    confused_header = _parts({"alg": "HS256", "typ": "JWT", "kid": "dev-1"}, body)
    mac = hmac.new(public, confused_header.encode(), hashlib.sha256).digest()
    confused = f"{confused_header}.{_parts(mac)}"
    assert await _refused(verifier, confused) == "the token is not signed with RS256"

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for key_id, problem in (
        ("dev-1", "the token is not valid"),
        ("dev-2", "the token is signed with an unknown key"),
    ):
        forged = jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": key_id})
        assert await _refused(verifier, forged) == problem
    other_algorithm = jwt.encode(claims, private, algorithm="RS512", headers={"kid": "dev-1"})
    assert await _refused(verifier, other_algorithm) == "the token is not signed with RS256"
    without_key_id = jwt.encode(claims, private, algorithm="RS256")
    assert await _refused(verifier, without_key_id) == "the token is signed with an unknown key"

    swapped = f"{header}.{_parts(body.replace(b'Ada', b'Eve'))}.{signature}"
    assert await _refused(verifier, swapped) == "the token is not valid"
    embedded = _parts({"alg": "RS256", "kid": "dev-1", "jwk": {"kty": "RSA"}}, body) + ".AA"
    assert await _refused(verifier, embedded) == "the token is not valid"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "nonsense", "a.b.c", "é.é.é", "\0", _parts(b"[]", b"[]", b"x")],
)
async def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    """Anything can stand in the header; it is refused in words."""
    assert await _refused(verifier, token) == "the token is not valid"


async def test_key_ids_of_any_kind_are_refused(verifier: TokenVerifier) -> None:
    """A key id that is no text is a token that is not valid."""
    key_ids: list[object] = [[], {}, 7, None]
    for key_id in key_ids:
        await _refused(verifier, _parts({"alg": "RS256", "kid": key_id}, b"{}", b"x"))


async def test_oversized_token_is_refused(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    """A token longer than any honest one is not even looked at."""
    token = issuer.sign(_claims(padding="x" * 8192), seconds=60)
    assert await _refused(verifier, token) == "the token is too long"


async def test_remembered_token_still_expires(
    issuer: TestIssuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that was accepted once is not accepted for ever."""
    token = issuer.sign(_claims(), seconds=60)
    await verifier.verify(token)
    later = time.time() + 3600
    monkeypatch.setattr("libs.rpc.jwts.time.time", lambda: later)
    assert await _refused(verifier, token) == "the token has expired"


async def test_a_new_key_is_found(
    issuer: TestIssuer, verifier: TokenVerifier, tmp_path: Path
) -> None:
    """A key that the issuer adds is learnt without a restart."""
    other = TestIssuer(tmp_path / "other", stranger=True)
    (key,) = json.loads(other.jwks_file.read_text())["keys"]
    mine = json.loads(issuer.jwks_file.read_text())["keys"]
    issuer.jwks_file.write_text(json.dumps({"keys": [*mine, key | {"kid": "dev-2"}]}))
    verifier._read_at = float("-inf")
    claims = {**_claims(), "iss": issuer.issuer, "aud": issuer.audience, "exp": 2**33}
    token = jwt.encode(
        claims,
        (other.folder / "issuer.pem").read_text(),
        algorithm="RS256",
        headers={"kid": "dev-2"},
    )
    assert isinstance(await verifier.verify(token), Person)


async def test_a_withdrawn_key_lets_nobody_in(
    issuer: TestIssuer, verifier: TokenVerifier, tmp_path: Path
) -> None:
    """Who was let in by a key is not, once the issuer has withdrawn it."""
    token = issuer.sign(_claims(), seconds=60)
    await verifier.verify(token)
    other = TestIssuer(tmp_path / "other", stranger=True)
    (key,) = json.loads(other.jwks_file.read_text())["keys"]
    issuer.jwks_file.write_text(json.dumps({"keys": [key | {"kid": "dev-2"}]}))
    verifier._read_at = float("-inf")
    assert await _refused(verifier, token) == "the token is signed with an unknown key"


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}']
)
async def test_unreadable_keys_leave_the_known_ones(
    issuer: TestIssuer, verifier: TokenVerifier, content: str | None
) -> None:
    """A file of keys that is gone or half written locks out nobody who was let in before, and
    lets in nobody else."""
    good, claims = issuer.sign(_claims(), seconds=60), _claims()
    if content is None:
        issuer.jwks_file.unlink()
    else:
        issuer.jwks_file.write_text(content)
    verifier._read_at = float("-inf")
    unknown = jwt.encode(
        claims,
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        algorithm="RS256",
        headers={"kid": "dev-2"},
    )
    assert await _refused(verifier, unknown) == "the token is signed with an unknown key"
    assert isinstance(await verifier.verify(good), Person)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"keys": 1}',
        '{"keys": []}',
        '{"keys": [{"kty": "EC"}]}',
        '{"keys": [{"kty": "RSA"}]}',
        '{"keys": [{"kid": "1", "kty": "RSA", "n": "!", "e": "!"}]}',
    ],
)
def test_nobody_begins_without_keys(tmp_path: Path, content: str) -> None:
    """A file that holds no key to check a token with is said to be one, whatever it holds."""
    file = tmp_path / "jwks.json"
    file.write_text(content)
    with pytest.raises(ValueError):
        TokenVerifier(issuer="i", audience="a", jwks_file=file)


def test_own_token_is_read_again(tmp_path: Path) -> None:
    """A renewed token is taken up, and while its file is away the last one is used."""
    file = tmp_path / "token"
    file.write_text("first\n")
    own = TokenFile(file)
    assert own.current() == "first"
    file.write_text("second")
    assert own.current() == "first"
    own._read_at = float("-inf")
    assert own.current() == "second"
    file.unlink()
    own._read_at = float("-inf")
    assert own.current() == "second"
