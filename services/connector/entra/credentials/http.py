"""HTTP as MSAL uses it: to one cloud's login endpoint, or to the machine's own."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any

import httpx

from services.connector.entra.problems import retry_after

_TIMEOUT = httpx.Timeout(10.0)
_MOST_BYTES = 1024 * 1024


class ForeignHost(Exception):
    """Something pointed to a host that nothing of ours is sent to. The text names the host."""


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """An answer, in the form that MSAL reads."""

    status_code: int
    headers: Mapping[str, str]
    text: str

    def raise_for_status(self) -> None:
        """Raises:
        httpx.HTTPError: the answer is a failure.
        """
        if self.status_code >= 400:
            raise httpx.HTTPError(f"the answer is {self.status_code}")


@dataclass(slots=True)
class Heard:
    """The last answer: its status, and how long it asked to wait.

    `discovering` is whether it was to a question for where things are. `hidden` are texts that
    were sent and must not be shown.
    """

    status: int = 0
    discovering: bool = False
    retry_after: timedelta | None = None
    hidden: list[str] = field(default_factory=list, repr=False)


class LoginHttp:
    """The client that is handed to MSAL, for one sign-in.

    MSAL would follow wherever a discovery document points: every host but those given is refused.
    It hands a signed assertion over as bytes, and httpx writes bytes in a form field as Python
    shows them, `b'eyJ…'`, so they are made text here.
    """

    def __init__(
        self, verify: Any, hosts: Collection[str], *, trust_env: bool, seconds: float
    ) -> None:
        """`hosts` are origins, as `https://login.example`. All takes `seconds` at most."""
        self._client = httpx.Client(verify=verify, timeout=_TIMEOUT, trust_env=trust_env)
        self._origins = {_origin(host) for host in hosts}
        self._until = time.monotonic() + seconds
        self.heard = Heard()

    def __enter__(self) -> "LoginHttp":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, url: str, **options: Any) -> Response:
        """Reads."""
        return self._send("GET", url, options)

    def post(self, url: str, **options: Any) -> Response:
        """Sends a form."""
        data = options.get("data")
        if isinstance(data, Mapping):
            form = {name: _text(value) for name, value in data.items()}
            self.heard.hidden += [form[name] for name in ("client_assertion",) if name in form]
            options["data"] = form
        return self._send("POST", url, options)

    def close(self) -> None:
        """MSAL may close it; who made it does so."""

    def _send(self, method: str, url: str, options: Mapping[str, Any]) -> Response:
        if _origin(url) not in self._origins:
            raise ForeignHost(
                f"it points to {httpx.URL(url).netloc.decode()}, and nothing is sent there"
            )
        self.heard.status, self.heard.retry_after = 0, None
        self.heard.discovering = url.endswith("/.well-known/openid-configuration")
        with self._client.stream(
            method,
            url,
            params=options.get("params"),
            data=options.get("data"),
            headers=options.get("headers"),
        ) as response:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                # Each wait for a chunk is bounded, and this bounds how many there can be.
                if time.monotonic() > self._until or len(content) > _MOST_BYTES:
                    raise httpx.ReadTimeout("the answer does not end")
        self.heard.status = response.status_code
        self.heard.retry_after = retry_after(response.headers.get("Retry-After"))
        text = content.decode(response.encoding or "utf-8", "replace")
        return Response(response.status_code, dict(response.headers), text)


def _origin(url: str) -> tuple[str, str, int | None]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port


def _text(value: Any) -> Any:
    return value.decode("ascii") if isinstance(value, bytes) else value
