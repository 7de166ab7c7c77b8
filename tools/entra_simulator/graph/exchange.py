"""What is asked of Graph and what it answers, be it a request of its own or an item of a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.fault_kinds import Connection


@dataclass(frozen=True)
class Asked:
    """One call.

    `root` is `https://host/v1.0`, `path` what follows it as it was sent, `headers` have lower-case
    names. `batch` is the journal number of the batch that the call is an item of.
    """

    method: str
    root: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    content: bytes = b""
    batch: int | None = None

    @property
    def version(self) -> str:
        return self.root.rpartition("/")[2]

    @property
    def host(self) -> str:
        return self.root.removeprefix("https://").partition("/")[0]

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        return parse_qsl(self.query_string, keep_blank_values=True)

    @property
    def path_and_query(self) -> str:
        """Below the version."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path

    @property
    def address(self) -> str:
        """The whole address, as a next link would write it."""
        return self.root + self.path_and_query

    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except ValueError:
            raise GraphError(Refusal.INVALID_JSON) from None


@dataclass
class Reply:
    """What goes back: an answer, `seconds` late, or what becomes of the connection instead."""

    status: int
    headers: dict[str, str]
    body: Any = None
    connection: Connection = Connection.ANSWER
    seconds: float = 0.0
    changes: list[Any] = field(default_factory=list)
