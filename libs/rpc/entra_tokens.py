"""Entra's version 2 access tokens of people.

Source: Microsoft Learn, "Access token claims reference" and "Access tokens", section "Validate
tokens". `scp` is in tokens of people only; `idtyp` says "app" in those of applications that act for
themselves, where the API asks for that claim. Such an application has an `oid` and `roles` too, and
is no person.
"""

import re
from collections.abc import Iterable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from libs.domain.callers import Person
from libs.domain.errors import Unauthenticated
from libs.rpc.jwts import Checked, Jwt, Remembered

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Keys(Protocol):
    """The keys that a cloud's login endpoint signs with."""

    def known(self, tenant_id: str, key_id: str) -> RSAPublicKey | None:
        """A key that counts, without asking anybody."""
        ...

    async def find(self, tenant_id: str, key_id: str) -> RSAPublicKey:
        """A key that counts; the login endpoint may be asked for it.

        Raises:
            Unauthenticated: the tenant's tokens are not signed with it.
            Unavailable: whether they are can't be told at the moment.
        """
        ...


class EntraVerifier:
    """Checks tokens that people of listed tenants got for our API, through listed clients."""

    def __init__(
        self,
        keys: Keys,
        *,
        login_host: str,
        tenant_ids: Iterable[str],
        audiences: Iterable[str],
        client_ids: Iterable[str],
    ) -> None:
        """`login_host` is the host of the cloud's login endpoint, which issuers begin with."""
        self._keys = keys
        self._issuers = {
            tenant.lower(): f"https://{login_host}/{tenant.lower()}/v2.0" for tenant in tenant_ids
        }
        self._audiences = frozenset(audiences)
        self._client_ids = frozenset(client.lower() for client in client_ids)
        self._remembered = Remembered()

    async def verify(self, token: str) -> Person:
        """The person whom the token names.

        Raises:
            Unauthenticated: the token is not one that this service accepts.
            Unavailable: the keys of its tenant can't be had at the moment.
        """
        checked = self._remembered.get(token)
        if checked is not None and isinstance(checked.caller, Person):
            # Not once its key has been withdrawn, or is too old to be believed.
            tenant = checked.caller.entra_tenant_id
            if self._keys.known(tenant, checked.key_id) is checked.key:
                return checked.caller
        jwt = Jwt.read(token)
        key_id, tenant = jwt.key_id, _guid(jwt, "tid")
        if tenant not in self._issuers:
            raise Unauthenticated("the token is of a tenant that has no access")
        if jwt.claims.get("iss") != self._issuers[tenant]:
            raise Unauthenticated("the token is from another issuer")
        key = await self._keys.find(tenant, key_id)
        jwt.check_signature(key)
        until = jwt.check_times()
        self._check_use(jwt)
        person = Person(tenant, _guid(jwt, "oid"), jwt.name, jwt.roles)
        self._remembered.put(token, Checked(until, key_id, key, person))
        return person

    def ends(self, token: str) -> float:
        """When a token that was just verified ends, in seconds since 1970."""
        return self._remembered.ends(token)

    def _check_use(self, jwt: Jwt) -> None:
        """Refuses what was issued for something else than a person's calls of our API."""
        claims = jwt.claims
        audience, client = claims.get("aud"), claims.get("azp")
        if claims.get("ver") != "2.0":
            raise Unauthenticated("the token is not of version 2.0")
        if not isinstance(audience, str) or audience not in self._audiences:
            raise Unauthenticated("the token is for another audience")
        if not isinstance(client, str) or client.lower() not in self._client_ids:
            raise Unauthenticated("the token was issued to a client that may not call")
        scopes = claims.get("scp")
        if claims.get("idtyp", "user") != "user" or not isinstance(scopes, str) or not scopes:
            raise Unauthenticated("the token is an application's and not a person's")
        if jwt.seconds("iat") is None or jwt.seconds("nbf") is None:
            raise Unauthenticated("the token is not valid")


def _guid(jwt: Jwt, claim: str) -> str:
    found = jwt.claims.get(claim)
    if not isinstance(found, str) or not _GUID.fullmatch(found.lower()):
        raise Unauthenticated(f"the token's {claim} is not a GUID")
    return found.lower()
