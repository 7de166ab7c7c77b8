"""HTTP to one cloud.

A request that nobody waits for any more is let run to its end: cut off while it connects, httpx
would leave its socket open, and cut off later it would cost a connection that others could use.
"""

import asyncio
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import httpx

from services.connector.entra.clouds import Cloud

# httpcore tries to import this at each of its locks, some ten times a request, to ask which library
# runs it. Where it is not installed every try looks through all of the path, which is most of what
# a request costs; a module that is none is not looked for.
# https://docs.python.org/3/reference/import.html#the-module-cache
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_TIMEOUT = httpx.Timeout(20.0, connect=5.0, pool=30.0)
_LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0)
_GRACE_SECONDS = 5.0


class HttpClient:
    """The client that all connections to one cloud share. HTTP/1.1, and no redirects."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._under_way: set[asyncio.Task[httpx.Response]] = set()

    @classmethod
    def of(cls, cloud: Cloud) -> "HttpClient":
        """A client that trusts what the cloud is to be trusted by.

        Raises:
            OSError: that can't be read.
        """
        return cls(
            httpx.AsyncClient(
                verify=cloud.trust(),
                timeout=_TIMEOUT,
                limits=_LIMITS,
                http2=False,
                follow_redirects=False,
                trust_env=cloud.ca_file is None,
            )
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None,
        json: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> httpx.Response:
        """Makes a request.

        Raises:
            httpx.HTTPError: there is no answer.
        """
        task = asyncio.create_task(
            self._client.request(method, url, params=params, json=json, headers=headers)
        )
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Lets what is under way end, for a few seconds, and closes every connection."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE_SECONDS)
        for task in tuple(self._under_way):
            task.cancel()
        await self._client.aclose()

    def _ended(self, task: "asyncio.Task[httpx.Response]") -> None:
        self._under_way.discard(task)
        # A failure that nobody waits for is nobody's to see.
        if not task.cancelled():
            task.exception()
