"""The control surface as a client on this machine reaches it: tests, scripts, the command line."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import httpx

# Written by `serve` while it runs: where it listens, and whom to trust.
ENDPOINT_FILE = "endpoint.json"


class ControlError(Exception):
    """The surface refused the call, or is not there. The text is for a person."""


class ControlClient:
    """Calls of one simulator. Answers are decoded JSON, None where there is nothing to say."""

    def __init__(self, url: str, ca: Path) -> None:
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/_simulator",
            verify=ssl.create_default_context(cafile=ca),
            # The whole state of a large tenant takes its time.
            timeout=120,
            trust_env=False,
        )

    @classmethod
    def of_state(cls, state_dir: Path) -> ControlClient:
        """The simulator that serves from this directory. Raises `ControlError`."""
        path = state_dir / ENDPOINT_FILE
        if not path.exists():
            raise ControlError(f"no simulator serves from {state_dir} ({path} is not there)")
        endpoint = json.loads(path.read_text(encoding="utf-8"))
        return cls(endpoint["url"], Path(endpoint["ca"]))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        parameters: dict[str, str] | None = None,
    ) -> Any:
        """Raises `ControlError` for anything but success."""
        try:
            answer = self._client.request(method, path, json=body, params=parameters)
        except httpx.HTTPError as error:
            raise ControlError(f"{self._client.base_url} does not answer: {error}") from None
        if answer.is_success:
            return answer.json() if answer.content else None
        try:
            refusal = answer.json()["error"]
            told = f"{refusal['field']}: {refusal['message']}"
        except (ValueError, KeyError, TypeError):
            told = answer.text
        raise ControlError(told)

    def close(self) -> None:
        self._client.close()
