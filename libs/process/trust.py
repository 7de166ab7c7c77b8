"""The settings of who is believed to be whom, and what they are turned into.

There are two kinds. `entra`: people have tokens of Entra, services have certificates, and all is
TLS. `dev_house`: a local issuer signs for everybody, in plaintext, and nothing leaves the loopback.
What belongs to one kind is refused in the other, so that nobody believes to have what does nothing.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from libs.process.run import Life
from libs.process.values import Unfit, any_text, listed, text
from libs.rpc.certificates import Certificates
from libs.rpc.tokens import TokenFile, TokenVerifier, Verifier

PREFIX = "LATCHKEY_"
_HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class SettingsError(Exception):
    """The settings can't be meant as they are."""


DEV_HOUSE = ("issuer", "jwks_file")
ENTRA = ("entra_tenant_ids", "entra_audiences", "entra_client_ids")
CERTIFICATES = ("tls_certificate_file", "tls_key_file", "tls_ca_file", "trust_domain")


def _address(value: object) -> str:
    found: str = any_text(value)
    host, _, port = found.rpartition(":")
    # gRPC takes 70000 for 4464, and a name without a port for one with 443.
    if not host or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise Unfit("must be host:port, the port at most 65535")
    return found


Address = Annotated[str, _address]
Guids = Annotated[tuple[str, ...], listed(text(_GUID, must="must be ids like those of Entra"))]
Names = Annotated[tuple[str, ...], listed(any_text)]
_LOGIN = text(_HOST + r"(:[0-9]{1,5})?", must="must be a host, or host:port")
Named = Annotated[str, text(least=1, must="must be text that is not empty")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who is believed to be whom."""

    identity: Literal["entra", "dev_house"] = "entra"
    """Which kind of identity is trusted: `entra`, or `dev_house` on a machine for development."""
    listen: Address
    """host:port of the gRPC server for people and their tokens; in the dev house for everybody."""
    service_listen: Address | None = None
    """host:port of the gRPC server for clients with a certificate."""

    jwks_file: Path | None = None
    """The local issuer's public keys."""
    issuer: Named | None = None
    """The local issuer's name."""
    audience: Named = "latchkey"
    """Whom a token of the local issuer must be for."""
    token_file: Path | None = None
    """This service's own token of the local issuer, for its calls to the others."""

    login_host: Annotated[str, _LOGIN] = "login.microsoftonline.com"
    """The host of the cloud's login endpoint: where keys come from, and what issuers begin with."""
    login_ca_file: Path | None = None
    """Whom to believe that it is that host, instead of the machine's own authorities."""
    entra_tenant_ids: Guids = ()
    """The tenants whose people may call."""
    entra_audiences: Names = ()
    """The ids of our API as an application, of which a token must be for one."""
    entra_client_ids: Guids = ()
    """The applications through which people may call."""

    tls_certificate_file: Path | None = None
    """This service's certificate, and those between it and the authority, as PEM."""
    tls_key_file: Path | None = None
    """Its key, as PEM."""
    tls_ca_file: Path | None = None
    """The authorities whose certificates of services are believed, as PEM."""
    trust_domain: Annotated[str, text(_HOST, must="must be the name of a domain")] | None = None
    """What the names of services in certificates belong to."""

    def problems(self, given: Collection[str]) -> list[str]:
        """What is wrong with the settings together, where these were `given` and the rest are as
        they are by default."""
        return self._in_the_dev_house(given) if self.is_dev_house else self._in_earnest(given)

    @property
    def is_dev_house(self) -> bool:
        """Whether this is the dev house."""
        return self.identity == "dev_house"

    def _in_the_dev_house(self, given: Collection[str]) -> list[str]:
        problems = [
            f"{PREFIX}{name.upper()}: Field required where {PREFIX}IDENTITY is dev_house"
            for name in DEV_HOUSE
            if getattr(self, name) is None
        ]
        problems += self._superfluous(
            (*ENTRA, *CERTIFICATES, "service_listen", "login_ca_file"), given
        )
        addresses = self._addresses()
        for name, address in {"listen": self.listen, **addresses}.items():
            if not _is_loopback(address):
                problems.append(
                    f"{PREFIX}{name.upper()}: {address} is not on the loopback; "
                    f"{PREFIX}IDENTITY=dev_house is plaintext and believes whoever has the "
                    "issuer's folder, so it never leaves this machine"
                )
        if (self.token_file is None) == bool(addresses):
            problems += [
                f"{PREFIX}{name.upper()}: is given together with {PREFIX}TOKEN_FILE, or neither is"
                for name in _names(self)
                if name.endswith("_address")
            ]
        return problems

    def _in_earnest(self, given: Collection[str]) -> list[str]:
        needed = (*ENTRA, *CERTIFICATES, "service_listen")
        problems = [
            f"{PREFIX}{name.upper()}: Field required where {PREFIX}IDENTITY is entra"
            for name in needed
            if not getattr(self, name)
        ]
        return problems + self._superfluous((*DEV_HOUSE, "audience", "token_file"), given)

    def _addresses(self) -> dict[str, str]:
        """Where other services are, by the name of the setting."""
        return {
            name: value
            for name in _names(self)
            if name.endswith("_address") and (value := getattr(self, name)) is not None
        }

    def _superfluous(self, names: tuple[str, ...], given: Collection[str]) -> list[str]:
        return [
            f"{PREFIX}{name.upper()}: means nothing where {PREFIX}IDENTITY is {self.identity}"
            for name in names
            if name in given and getattr(self, name)
        ]


def _names(settings: Trust) -> list[str]:
    return [each.name for each in fields(settings)]


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def credentials(settings: Trust, service: str) -> Certificates | TokenFile | None:
    """What a service shows the others: certificates in earnest, a token in the dev house. None in
    a dev house where it calls nobody.

    Raises:
        SettingsError: its files hold no certificate of this service.
    """
    if settings.is_dev_house:
        return None if settings.token_file is None else TokenFile(settings.token_file)
    assert settings.trust_domain is not None
    assert settings.tls_certificate_file is not None
    assert settings.tls_key_file is not None
    assert settings.tls_ca_file is not None
    try:
        return Certificates(
            service,
            trust_domain=settings.trust_domain,
            certificate_file=settings.tls_certificate_file,
            key_file=settings.tls_key_file,
            ca_file=settings.tls_ca_file,
        )
    except (OSError, ValueError) as error:
        raise SettingsError(
            ", ".join(PREFIX + name.upper() for name in CERTIFICATES) + f": {error}"
        ) from error


async def verifier(settings: Trust, life: Life) -> Verifier:
    """What checks the tokens of those who call.

    Raises:
        SettingsError: there are no keys where the settings say.
    """
    if settings.is_dev_house:
        assert settings.jwks_file is not None
        assert settings.issuer is not None
        try:
            return TokenVerifier(
                issuer=settings.issuer, audience=settings.audience, jwks_file=settings.jwks_file
            )
        except (OSError, ValueError) as error:
            raise SettingsError(f"{PREFIX}JWKS_FILE: it holds no keys: {error}") from error
    # Its HTTP client is loaded only where tokens are Entra's.
    from libs.rpc.entra_tokens import EntraVerifier
    from libs.rpc.login_keys import LOOK_SECONDS, LoginKeys

    try:
        keys = LoginKeys(
            settings.login_host, settings.entra_tenant_ids, ca_file=settings.login_ca_file
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"{PREFIX}LOGIN_CA_FILE: it holds no certificates: {error}") from error
    await life.parts.enter_async_context(keys)
    life.loop("login_keys", keys.refresh, every=LOOK_SECONDS)
    return EntraVerifier(
        keys,
        login_host=settings.login_host,
        tenant_ids=settings.entra_tenant_ids,
        audiences=settings.entra_audiences,
        client_ids=settings.entra_client_ids,
    )
