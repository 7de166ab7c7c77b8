"""Entra's tokens of people: who is let in, and that nobody else is."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.errors import Unauthenticated, Unavailable
from libs.rpc.entra_tokens import EntraVerifier
from libs.rpc.identity import Identities
from tests.support.pem import rsa_key
from tests.support.token_corpus import Good, corpus

_TENANT = "eb13cdbd-e36e-49ae-b981-ad982fc931a1"
_OTHER = "11111111-2222-4333-8444-555555555555"
_OID = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
_API = "7a1c5b0e-3d0f-4a53-9e57-2f0f2ad8b6c1"
_HOST = "login.microsoftonline.com"


class _Keys:
    """The keys of two tenants; each signs for itself."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], RSAPublicKey] = {
            (_TENANT, "key-1"): rsa_key(1).public_key(),
            (_OTHER, "key-2"): rsa_key(2).public_key(),
        }
        self.answers = True
        self.asked = 0

    def known(self, tenant_id: str, key_id: str) -> RSAPublicKey | None:
        return self.keys.get((tenant_id, key_id)) if self.answers else None

    async def find(self, tenant_id: str, key_id: str) -> RSAPublicKey:
        self.asked += 1
        if not self.answers:
            raise Unavailable("the login endpoint", "away")
        if (key := self.known(tenant_id, key_id)) is None:
            raise Unauthenticated("the token is signed with an unknown key")
        return key


def _good(**claims: Any) -> Good:
    now = int(time.time())
    usual = {
        "aud": _API,
        "iss": f"https://{_HOST}/{_TENANT}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "azp": _CLIENT,
        "name": "Ada",
        "oid": _OID,
        "preferred_username": "ada@marlowe.example",
        "roles": [ADMIN],
        "scp": "access_as_user",
        "sub": "pairwise",
        "tid": _TENANT,
        "ver": "2.0",
    }
    return Good(rsa_key(1), "key-1", usual | claims, _OTHER)


@pytest.fixture
def keys() -> _Keys:
    return _Keys()


@pytest.fixture
def verifier(keys: _Keys) -> EntraVerifier:
    return EntraVerifier(
        keys,
        login_host=_HOST,
        tenant_ids=[_TENANT, _OTHER.upper()],
        audiences=[_API, f"api://{_API}"],
        client_ids=[_CLIENT.upper()],
    )


async def test_a_person_is_who_tenant_and_object_id_say(verifier: EntraVerifier) -> None:
    """In small letters; the name is for reading, and neither name, mail nor `sub` are identity."""
    token = _good().token(
        oid=_OID.upper(), roles=[AUDITOR, "Other.Role", 7, ADMIN], name="Ada\x00\ud800"
    )
    person = await verifier.verify(token)
    assert person == Person(_TENANT, _OID, "Ada\ufffd?", frozenset({ADMIN, AUDITOR}))
    renamed = _good().token(name="Eve", preferred_username="eve@x", sub="x", email="eve@x")
    assert (await verifier.verify(renamed)).key == person.key


async def test_what_may_be_missing_or_otherwise(verifier: EntraVerifier) -> None:
    """No role and no name, the audience as a URI, `idtyp` user, and a little skew of clocks."""
    now = int(time.time())
    person = await verifier.verify(_good().token(roles=None, name=None, idtyp="user"))
    assert person == Person(_TENANT, _OID, "")
    for token in (
        _good().token(aud=f"api://{_API}"),
        _good().token(exp=now - 15),
        _good().token(nbf=now + 15, iat=now + 15),
        _good().headed(typ=None),
        _good().headed(jku="https://attacker.example", x5u="x", x5t="x"),
    ):
        assert (await verifier.verify(token)).entra_object_id == _OID


async def test_nobody_of_the_corpus_is_let_in(verifier: EntraVerifier) -> None:
    """Every token of the corpus, and every other way to name oneself, is refused in words."""
    good, identities = _good(), Identities(verifier)
    await identities.of((("authorization", f"Bearer {good.token()}"),), {})
    let_in = []
    for name, metadata in corpus(good).items():
        try:
            await identities.of(metadata, {})
        except Unauthenticated as error:
            assert error.reason == "CALLER_UNKNOWN"
        else:
            let_in.append(name)
    assert let_in == []


async def test_a_tenant_signs_for_its_own_people_only(verifier: EntraVerifier) -> None:
    """The keys of one listed tenant don't count for another, whatever the token says."""
    there: Mapping[str, Any] = {"tid": _OTHER, "iss": f"https://{_HOST}/{_OTHER}/v2.0"}
    with pytest.raises(Unauthenticated, match="unknown key"):
        await verifier.verify(_good().token(**there))
    other = Good(rsa_key(2), "key-2", _good(**there).claims, _TENANT)
    assert (await verifier.verify(other.token())).entra_tenant_id == _OTHER
    with pytest.raises(Unauthenticated, match="unknown key"):
        await verifier.verify(Good(rsa_key(2), "key-2", _good().claims, _OTHER).token())


async def test_a_token_is_remembered_no_longer_than_its_key(
    verifier: EntraVerifier, keys: _Keys
) -> None:
    """A checked token is not checked again, until its key is withdrawn; while keys can't be told,
    nobody is unknown."""
    token = _good().token()
    person = await verifier.verify(token)
    assert await verifier.verify(token) is person
    assert keys.asked == 1
    keys.answers = False
    with pytest.raises(Unavailable):
        await verifier.verify(token)
    keys.answers = True
    keys.keys[_TENANT, "key-1"] = rsa_key(3).public_key()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_a_remembered_token_still_expires(
    verifier: EntraVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was good is not good for ever."""
    token = _good().token()
    await verifier.verify(token)
    later = time.time() + 3600 + 31
    monkeypatch.setattr("libs.rpc.jwts.time.time", lambda: later)
    with pytest.raises(Unauthenticated, match="has expired"):
        await verifier.verify(token)
