"""Which kind of identity is trusted, and what goes with it."""

from dataclasses import dataclass

import pytest

from libs.process.settings import Settings, SettingsError, load


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings(Settings):
    catalog_address: str | None = None


_COMMON = {
    "AUDIT_KEY_FILE": "/audit.pem",
    "DATABASE_URL": "sqlite:///x",
    "NATS_URL": "nats://127.0.0.1:4222",
}
DEV_HOUSE = {
    **_COMMON,
    "IDENTITY": "dev_house",
    "LISTEN": "127.0.0.1:0",
    "JWKS_FILE": "/jwks.json",
    "ISSUER": "https://issuer",
}
EARNEST = {
    **_COMMON,
    "LISTEN": "0.0.0.0:7401",
    "SERVICE_LISTEN": "0.0.0.0:7411",
    "ENTRA_TENANT_IDS": "eb13cdbd-e36e-49ae-b981-ad982fc931a1",
    "ENTRA_AUDIENCES": "7a1c5b0e-3d0f-4a53-9e57-2f0f2ad8b6c1",
    "ENTRA_CLIENT_IDS": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "TLS_CERTIFICATE_FILE": "/certificate.pem",
    "TLS_KEY_FILE": "/key.pem",
    "TLS_CA_FILE": "/ca.pem",
    "TRUST_DOMAIN": "latchkey.example",
}


def _load(settings: dict[str, str]) -> _Settings:
    return load(_Settings, {f"LATCHKEY_{key}": value for key, value in settings.items()})


def _problems(settings: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        _load(settings)
    return str(raised.value).splitlines()


def test_the_local_issuer_is_refused_unless_one_is_told_of_a_dev_house() -> None:
    """Without that one setting, what is the local issuer's means nothing and what is needed is
    named: nobody trusts it by forgetting something."""
    told = {**DEV_HOUSE, "TOKEN_FILE": "/token", "AUDIENCE": "latchkey"}
    del told["IDENTITY"]
    problems = _problems(told)
    for key in ("ISSUER", "JWKS_FILE", "TOKEN_FILE", "AUDIENCE"):
        assert f"LATCHKEY_{key}: means nothing where LATCHKEY_IDENTITY is entra" in problems
    assert "LATCHKEY_ENTRA_TENANT_IDS: Field required where LATCHKEY_IDENTITY is entra" in problems


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "latchkey.example", "[fe80::1]"])
def test_the_dev_house_never_leaves_the_machine(host: str) -> None:
    """It listens on the loopback only, calls nobody elsewhere, and names the setting."""
    problem = _problems({**DEV_HOUSE, "LISTEN": f"{host}:7401"})[0]
    assert problem.startswith(f"LATCHKEY_LISTEN: {host}:7401 is not on the loopback; ")
    assert "LATCHKEY_IDENTITY=dev_house" in problem
    calling = {"TOKEN_FILE": "/token", "CATALOG_ADDRESS": f"{host}:1"}
    assert _problems({**DEV_HOUSE, **calling})[0].startswith(f"LATCHKEY_CATALOG_ADDRESS: {host}:1 ")
    for local in ("127.0.0.1", "127.8.9.1", "[::1]", "localhost"):
        assert _load({**DEV_HOUSE, "LISTEN": f"{local}:7401"}).is_dev_house


@pytest.mark.parametrize("kind", [DEV_HOUSE, EARNEST])
def test_what_is_needed_is_named(kind: dict[str, str]) -> None:
    """Each setting that its kind of identity can't do without is named when it is missing."""
    assert _load(kind)
    optional = {"IDENTITY", "LISTEN", *_COMMON}
    for key in kind.keys() - optional:
        missing = {name: value for name, value in kind.items() if name != key}
        identity = kind.get("IDENTITY", "entra")
        expected = f"LATCHKEY_{key}: Field required where LATCHKEY_IDENTITY is {identity}"
        assert _problems(missing) == [expected]


def test_what_belongs_to_the_other_kind_is_refused() -> None:
    """A certificate in the dev house would be believed to do something."""
    more = {key: EARNEST[key] for key in EARNEST.keys() - DEV_HOUSE.keys()}
    for key, value in more.items():
        expected = f"LATCHKEY_{key}: means nothing where LATCHKEY_IDENTITY is dev_house"
        assert _problems({**DEV_HOUSE, key: value}) == [expected]


def test_lists_are_written_with_commas() -> None:
    """Several tenants, audiences and clients; what is no id is refused by the setting's name."""
    other = "11111111-2222-4333-8444-555555555555"
    tenants = f"{EARNEST['ENTRA_TENANT_IDS']}, {other},"
    audiences = "7a1c5b0e-3d0f-4a53-9e57-2f0f2ad8b6c1,api://latchkey"
    settings = _load({**EARNEST, "ENTRA_TENANT_IDS": tenants, "ENTRA_AUDIENCES": audiences})
    assert settings.entra_tenant_ids[1:] == (other,)
    assert settings.entra_audiences[1:] == ("api://latchkey",)
    wrong = {
        "ENTRA_TENANT_IDS": "contoso.example",
        "ENTRA_CLIENT_IDS": f"{other};{other}",
        "LOGIN_HOST": "https://login.microsoftonline.com",
        "TRUST_DOMAIN": "spiffe://latchkey.example",
        "IDENTITY": "development",
    }
    for key, value in wrong.items():
        assert _problems({**EARNEST, key: value})[0].startswith(f"LATCHKEY_{key}")
