"""The keys that a cloud's login endpoint signs tokens with, for each tenant, kept up to date.

They are fetched over https from that one host, before they are needed and again when a token names
an unknown one. A key that is withdrawn stops counting at the next fetch. While the endpoint does
not answer, the last keys go on for a bounded time; after that nobody can be told from anybody.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from libs.domain.errors import Unauthenticated, Unavailable

# How often the background looks whether a fetch is due; a failed one is due again at once.
LOOK_SECONDS = 30.0
REFRESH_SECONDS = 600.0
# How long keys count after they were last seen at the endpoint.
KEEP_SECONDS = 12 * 3600.0
# Tokens with made-up key ids must not make us ask more often than this.
UNKNOWN_KEY_SECONDS = 15.0
_TIMEOUT_SECONDS = 4.0
# The former is for each piece of an answer; a piece now and then is no answer either.
_FETCH_SECONDS = 10.0
_MOST_BYTES = 1024 * 1024
_LEAST_BITS = 2048
_FAILURES = (
    httpx.HTTPError,
    TimeoutError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    PyJWTError,
)
_log = structlog.get_logger(__name__)


@dataclass
class _Tenant:
    """What is known of one tenant's keys. Times are of `now`."""

    keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    seen_at: float = float("-inf")
    tried_at: float = float("-inf")
    failed: bool = True
    fetching: asyncio.Task[None] | None = None


class LoginKeys:
    """The keys of listed tenants at one login endpoint."""

    def __init__(
        self,
        login_host: str,
        tenant_ids: Iterable[str],
        *,
        ca_file: Path | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ca_file`: whom to believe that the endpoint is that host, if not the machine's own.

        Raises:
            OSError: the file can't be read.
            ValueError: it holds no certificates.
        """
        self._host = login_host
        self._tenants = {tenant.lower(): _Tenant() for tenant in tenant_ids}
        self._now = now
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=ca_file), timeout=_TIMEOUT_SECONDS
        )

    async def __aenter__(self) -> "LoginKeys":
        return self

    async def __aexit__(self, *_: object) -> None:
        for tenant in self._tenants.values():
            if tenant.fetching is not None:
                tenant.fetching.cancel()
        await self._client.aclose()

    async def refresh(self) -> None:
        """Fetches what is due, before a call waits for it."""
        for tenant_id, tenant in self._tenants.items():
            if tenant.failed or self._now() - tenant.tried_at >= REFRESH_SECONDS:
                await self._fetch(tenant_id)

    def known(self, tenant_id: str, key_id: str) -> RSAPublicKey | None:
        """A key that counts, without asking anybody."""
        tenant = self._tenants[tenant_id]
        return None if self._is_stale(tenant) else tenant.keys.get(key_id)

    async def find(self, tenant_id: str, key_id: str) -> RSAPublicKey:
        """A key that counts; the login endpoint is asked at most now and then.

        Raises:
            Unauthenticated: the tenant's tokens are not signed with it.
            Unavailable: whether they are can't be told, as the endpoint does not answer.
        """
        tenant = self._tenants[tenant_id]
        if (key := self.known(tenant_id, key_id)) is not None:
            return key
        waited = self._now() - tenant.tried_at
        if tenant.fetching is not None or waited >= UNKNOWN_KEY_SECONDS:
            await self._fetch(tenant_id)
        if (key := self.known(tenant_id, key_id)) is not None:
            return key
        if tenant.failed or self._is_stale(tenant):
            raise Unavailable("the login endpoint", "its keys can't be fetched")
        raise Unauthenticated("the token is signed with an unknown key")

    def _is_stale(self, tenant: _Tenant) -> bool:
        return self._now() - tenant.seen_at > KEEP_SECONDS

    async def _fetch(self, tenant_id: str) -> None:
        """Fetches once for all who wait; who gives up waiting ends it for nobody else."""
        tenant = self._tenants[tenant_id]
        if tenant.fetching is None:
            tenant.tried_at = self._now()
            tenant.fetching = asyncio.create_task(self._fetch_of(tenant_id, tenant))
        await asyncio.shield(tenant.fetching)

    async def _fetch_of(self, tenant_id: str, tenant: _Tenant) -> None:
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                found = await self._keys_of(tenant_id)
        except _FAILURES as error:
            tenant.failed = True
            _log.error("login_keys_unreadable", tenant=tenant_id, problem=repr(error))
        else:
            # The same key stays the same object: tokens checked with it stay checked.
            same = {k: old for k, old in tenant.keys.items() if k in found and old == found[k]}
            tenant.keys = {**found, **same}
            tenant.seen_at, tenant.failed = self._now(), False
        finally:
            tenant.fetching = None

    async def _keys_of(self, tenant_id: str) -> dict[str, RSAPublicKey]:
        issuer = f"https://{self._host}/{tenant_id}/v2.0"
        metadata = await self._get(f"{issuer}/.well-known/openid-configuration")
        if metadata["issuer"] != issuer:
            raise ValueError("the metadata is of another issuer")
        if not metadata["jwks_uri"].startswith(f"https://{self._host}/"):
            raise ValueError("the keys are at another host")
        listed = (await self._get(metadata["jwks_uri"]))["keys"]
        keys: dict[str, RSAPublicKey] = {}
        for each in listed:
            if _signs(each, {issuer, issuer.replace(tenant_id, "{tenantid}"), None}):
                if each["kid"] in keys:
                    raise ValueError("two keys have one id")
                key = PyJWK.from_dict(each, algorithm="RS256").key
                if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_BITS:
                    keys[each["kid"]] = key
        if not keys:
            raise ValueError("there is no key to check RS256 with")
        return keys

    async def _get(self, url: str) -> Any:
        """An answer, read no further than an honest one goes. A redirection is a failure."""
        async with self._client.stream("GET", url) as response:
            if response.status_code != 200:
                raise ValueError(f"{url} answers {response.status_code}")
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise ValueError(f"{url} answers too much")
        return json.loads(content)


def _signs(key: dict[str, Any], issuers: set[str | None]) -> bool:
    """Whether tokens may be signed with a key: Microsoft names the issuer of each, or all tenants'
    by a template."""
    return (
        key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", "RS256") == "RS256"
        and key.get("issuer") in issuers
        and isinstance(key.get("kid"), str)
        and key["kid"] != ""
    )
