"""Microsoft Graph, as one connection sees it: calls in, answers or problems out.

It raises nothing for what Graph or the network does: both are values. Every call goes through the
tenant's gate.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from services.connector.entra.answer import Answer, Call, problem_of
from services.connector.entra.batch import MOST_CALLS, batch_answers, batch_body
from services.connector.entra.clouds import Cloud
from services.connector.entra.gate import Gate
from services.connector.entra.http import HttpClient
from services.connector.entra.problems import Problem
from services.connector.entra.token import Token, TokenSource

__all__ = ["Answer", "Call", "Graph"]

# What httpx raises before anything of the request is on its way.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_UNITS_HEADER = "x-ms-resource-unit"
_UNREACHED = Problem(0, "unreached", "it was not called", sent=False)


class Graph:
    """Graph's version 1.0 for one connection."""

    def __init__(
        self,
        cloud: Cloud,
        client: HttpClient,
        tokens: TokenSource,
        gate: Gate,
        on_request: Callable[[], None] = lambda: None,
        *,
        urgent: bool = True,
    ) -> None:
        """`on_request` hears of each request. What is not `urgent` is throttled first."""
        self._base = f"{cloud.graph_url}/v1.0"
        self._origin = _origin(cloud.graph_url)
        self._client = client
        self._tokens = tokens
        self._gate = gate
        self._on_request = on_request
        self._priority = "high" if urgent else "low"

    @property
    def base_url(self) -> str:
        """What paths are below, for references within bodies."""
        return self._base

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer | Problem:
        """Reads. `path` begins with a slash, or is a whole next link."""
        return await self.call(Call("GET", path), params)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer | Problem:
        """Adds."""
        return await self.call(Call("POST", path, body))

    async def patch(self, path: str, body: Mapping[str, Any]) -> Answer | Problem:
        """Changes."""
        return await self.call(Call("PATCH", path, body))

    async def delete(self, path: str) -> Answer | Problem:
        """Removes."""
        return await self.call(Call("DELETE", path))

    async def call(self, call: Call, params: Mapping[str, str] | None = None) -> Answer | Problem:
        """Makes a call. Writes are not held back here but by who takes them from the gate."""
        if (foreign := self._foreign(call)) is not None:
            return foreign
        url = f"{self._base}{call.path}" if call.path.startswith("/") else call.path
        found: Answer | Problem = _UNREACHED
        for _ in range(2):
            token = await self._tokens.token()
            if isinstance(token, Problem):
                return token
            found = await self._send(call, url, params, token, units=1, is_read=not call.is_write)
            if not _may_be_the_token(found):
                return found
            # It may have been issued before somebody changed what it permits.
            if not await self._tokens.replaced(token, refused=_refused(found)):
                return found
        return found

    async def batch(self, calls: Sequence[Call]) -> list[Answer | Problem]:
        """Makes up to 20 calls in one request; what became of each, in their order.

        Raises:
            ValueError: there are more than 20.
        """
        if len(calls) > MOST_CALLS:
            raise ValueError(f"a batch takes {MOST_CALLS} calls, not {len(calls)}")
        found: list[Answer | Problem] = [self._foreign(call) or _UNREACHED for call in calls]
        left = [number for number, each in enumerate(found) if each is _UNREACHED]
        for _ in range(2):
            if not left:
                break
            token = await self._tokens.token()
            if isinstance(token, Problem):
                answers: list[Answer | Problem] = [token] * len(left)
            else:
                answers = await self._batch([calls[number] for number in left], token)
            for number, each in zip(left, answers, strict=True):
                found[number] = each
            left = [number for number in left if _may_be_the_token(found[number])]
            if not left or isinstance(token, Problem):
                break
            refused = any(_refused(found[number]) for number in left)
            if not await self._tokens.replaced(token, refused=refused):
                break
        return found

    async def _batch(self, calls: Sequence[Call], token: Token) -> list[Answer | Problem]:
        whole = await self._send(
            Call("POST", "/$batch", batch_body(calls, self._base)),
            f"{self._base}/$batch",
            None,
            token,
            units=len(calls),
            is_read=not any(call.is_write for call in calls),
        )
        found = batch_answers(calls, whole, self._base)
        if isinstance(whole, Answer):
            self._heard(*found)
        return found

    def _foreign(self, call: Call) -> Problem | None:
        """The token of one cloud goes to no other host, whatever a next link says."""
        if call.path.startswith("/") or _origin(call.path) == self._origin:
            return None
        host = httpx.URL(call.path).host
        return Problem(400, "foreign_link", f"a link led to {host}", sent=False)

    async def _send(
        self,
        call: Call,
        url: str,
        params: Mapping[str, str] | None,
        token: Token,
        *,
        units: int,
        is_read: bool,
    ) -> Answer | Problem:
        if is_read:
            await self._gate.read(units)
        else:
            await self._gate.opened()
            self._gate.charge(units)
        self._on_request()
        try:
            response = await self._client.request(
                call.method,
                url,
                params=params,
                json=call.body,
                headers={
                    "Authorization": token.header,
                    "Accept": "application/json",
                    "client-request-id": call.client_request_id,
                    "x-ms-throttle-priority": self._priority,
                },
            )
        except httpx.HTTPError as error:
            return Problem(
                0,
                type(error).__name__,
                "no answer from Graph",
                sent=not isinstance(error, _NOT_SENT),
                client_request_id=call.client_request_id,
            )
        found = _found(call, response)
        charged = response.headers.get(_UNITS_HEADER, "")
        if charged.isdigit() and int(charged) > units:
            self._gate.charge(int(charged) - units)
        if not (call.path.endswith("/$batch") and isinstance(found, Answer)):
            # The answer of a batch says nothing: those within it do.
            self._heard(found)
        return found

    def _heard(self, *together: Answer | Problem) -> None:
        """What answers that came together say of the tenant's limits."""
        throttled = [each for each in together if isinstance(each, Problem) and each.throttles]
        for each in throttled:
            self._gate.throttled(each.retry_after)
        if not throttled and any(isinstance(each, Answer) for each in together):
            self._gate.passed()


def _refused(found: Answer | Problem) -> bool:
    """Whether it was the token itself that was refused."""
    return isinstance(found, Problem) and found.status == 401


def _may_be_the_token(found: Answer | Problem) -> bool:
    return isinstance(found, Problem) and found.status in (401, 403) and not found.signing_in


def _origin(url: str) -> tuple[str, str, int | None]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port


def _found(call: Call, response: httpx.Response) -> Answer | Problem:
    request_id = response.headers.get("request-id", "")
    try:
        body = response.json() if response.content else {}
    except ValueError:
        body = None
    if response.is_success and isinstance(body, dict):
        url = str(response.url)
        return Answer(response.status_code, body, url, request_id, call.client_request_id)
    if response.is_success:
        # It may well have been done; what was answered can't be read.
        return Problem(
            502,
            "unreadable",
            "the answer is not JSON",
            request_id=request_id,
            client_request_id=call.client_request_id,
        )
    return problem_of(
        response.status_code,
        body,
        response.headers.get("Retry-After"),
        request_id,
        call.client_request_id,
        response.headers.get("Location", ""),
    )
