"""Microsoft Graph, as one connection sees it: calls in, answers or problems out.

It raises nothing for what Graph or the network does: both are values.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from services.connector.entra.clouds import Cloud
from services.connector.entra.http import HttpClient
from services.connector.entra.problems import Problem, retry_after, tidy
from services.connector.entra.token import Token, TokenSource

# What httpx raises before anything of the request is on its way.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph answered: the status, and the body, empty where there is none."""

    status: int
    body: Mapping[str, Any]
    url: str

    @property
    def text(self) -> str:
        """The status with its words: "204 No Content"."""
        return f"{self.status} {httpx.codes.get_reason_phrase(self.status)}".strip()

    @property
    def items(self) -> list[dict[str, Any]]:
        """The objects of a list's page."""
        value = self.body.get("value")
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    @property
    def next_link(self) -> str | None:
        """Where the list goes on."""
        link = self.body.get("@odata.nextLink")
        return link if isinstance(link, str) and link else None


class Graph:
    """Graph's version 1.0 for one connection."""

    def __init__(
        self,
        cloud: Cloud,
        client: HttpClient,
        tokens: TokenSource,
        on_request: Callable[[], None] = lambda: None,
        *,
        urgent: bool = True,
    ) -> None:
        """`on_request` hears of each request. What is not `urgent` is throttled first."""
        self._base = f"{cloud.graph_url}/v1.0"
        self._origin = _origin(cloud.graph_url)
        self._client = client
        self._tokens = tokens
        self._on_request = on_request
        self._priority = "high" if urgent else "low"

    @property
    def base_url(self) -> str:
        """What paths are below, for references within bodies."""
        return self._base

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | Problem:
        """Reads. `path` begins with a slash, or is a whole next link."""
        return await self._call("GET", path, params, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer | Problem:
        """Adds."""
        return await self._call("POST", path, None, body)

    async def delete(self, path: str) -> Answer | Problem:
        """Removes."""
        return await self._call("DELETE", path, None, None)

    async def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> Answer | Problem:
        url = f"{self._base}{path}" if path.startswith("/") else path
        if _origin(url) != self._origin:
            # The token of one cloud goes to no other host, whatever a next link says.
            return Problem(400, "foreign_link", f"a link led to {httpx.URL(url).host}", sent=False)
        found: Answer | Problem = Problem(0, "", "")
        for _ in range(2):
            token = await self._tokens.token()
            if isinstance(token, Problem):
                return token
            found = await self._send(method, url, params, body, token)
            if not isinstance(found, Problem):
                return found
            if found.status not in (401, 403):
                return found
            # The token may have been issued before somebody changed what it permits.
            self._tokens.drop(token)
        return found

    async def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        token: Token,
    ) -> Answer | Problem:
        self._on_request()
        try:
            response = await self._client.request(
                method,
                url,
                params=params,
                json=body,
                headers={
                    "Authorization": token.header,
                    "Accept": "application/json",
                    "client-request-id": str(uuid.uuid4()),
                    "x-ms-throttle-priority": self._priority,
                },
            )
        except httpx.HTTPError as error:
            sent = not isinstance(error, _NOT_SENT)
            return Problem(0, type(error).__name__, "no answer from Graph", sent=sent)
        if response.is_success:
            return _answer(response)
        return _problem(response)


def _origin(url: str) -> tuple[str, str, int | None]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _answer(response: httpx.Response) -> Answer | Problem:
    body = _json(response) if response.content else {}
    if not isinstance(body, dict):
        # It may well have been done; what was answered can't be read.
        return Problem(502, "unreadable", "the answer is not JSON")
    return Answer(response.status_code, body, str(response.url))


def _problem(response: httpx.Response) -> Problem:
    body = _json(response)
    error = body.get("error") if isinstance(body, dict) else None
    found = error if isinstance(error, dict) else {}
    return Problem(
        response.status_code,
        str(found.get("code") or "unknown"),
        tidy(str(found.get("message") or response.reason_phrase)),
        retry_after(response.headers.get("Retry-After")),
    )
