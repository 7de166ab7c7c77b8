"""A call of Graph, and what Graph answered."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.connector.entra.problems import Problem, retry_after, tidy


def new_request_id() -> str:
    """A `client-request-id`: Microsoft logs it beside its own."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `path` begins with a slash and is below the version, or is a whole next link."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    client_request_id: str = field(default_factory=new_request_id)

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    def relative(self, base: str) -> str:
        """The path below `base`, also of a whole link."""
        return self.path.removeprefix(base)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph answered: the status, and the body, empty where there is none."""

    status: int
    body: Mapping[str, Any]
    url: str
    request_id: str = ""
    client_request_id: str = ""

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
        return self._link("@odata.nextLink")

    @property
    def delta_link(self) -> str | None:
        """Where the changes after this list are to be had."""
        return self._link("@odata.deltaLink")

    def _link(self, name: str) -> str | None:
        link = self.body.get(name)
        return link if isinstance(link, str) and link else None


def problem_of(
    status: int,
    body: Any,
    retry_after_header: str | None,
    request_id: str,
    client_request_id: str,
    location: str = "",
) -> Problem:
    """What a refusal says."""
    error = body.get("error") if isinstance(body, dict) else None
    found = error if isinstance(error, dict) else {}
    return Problem(
        status,
        tidy(str(found.get("code") or "unknown")),
        tidy(str(found.get("message") or httpx.codes.get_reason_phrase(status))),
        retry_after(retry_after_header),
        request_id=request_id,
        client_request_id=client_request_id,
        location=location,
    )
