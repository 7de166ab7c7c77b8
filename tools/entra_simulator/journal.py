"""Every call the simulator answered and every change by hand, numbered, as JSON lines.

The journal is also the tenant's write-ahead log: an accepted write's changes stand in the
entry of its call, and the entry is with the operating system before the answer leaves. So a
killed simulator loses nothing that it had accepted, at the price of one `write` a call.

It holds no secret and no token: bodies are kept for Graph's writes only, headers never.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from tools.entra_simulator.changes import Change

# `entra` is what Entra does by itself, such as ending a membership at its time.
Source = Literal["graph", "login", "hand", "entra"]


@dataclass
class Call:
    """One call as it is being answered. What is not known of a call stays None."""

    source: Source
    method: str | None = None
    path: str | None = None
    client_app_id: str | None = None
    request_id: str | None = None
    client_request_id: str | None = None
    body: Any = None
    status: int | None = None
    error_code: str | None = None
    changes: list[Change] = field(default_factory=list)
    # The number of the batch that the call was an item of, and the fault that struck it.
    batch: int | None = None
    fault: str | None = None


class Journal:
    """The entries so far, and the file that keeps them.

    With `kept`, at least so many of the last entries stay in memory; older ones are read from the
    file when somebody asks for them.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime], kept: int | None = None) -> None:
        self._path = path
        self._clock = clock
        self._kept = kept
        _drop_half_line(path)
        # The last entries, and how many came before them.
        self._entries: list[dict[str, Any]] = []
        self._older = 0
        for line in _lines(path):
            self._remember(json.loads(line))
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @property
    def last_number(self) -> int:
        return self._older + len(self._entries)

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries with a number greater than `since`, oldest first."""
        since = max(since, 0)
        if since >= self._older:
            return self._entries[since - self._older :]
        older = islice(_lines(self._path), since, self._older)
        return [*(json.loads(line) for line in older), *self._entries]

    def append(self, call: Call) -> None:
        entry: dict[str, Any] = {
            "number": self.last_number + 1,
            "time": self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "source": call.source,
            "method": call.method,
            "path": call.path,
            "clientAppId": call.client_app_id,
            "requestId": call.request_id,
            "clientRequestId": call.client_request_id,
            "body": call.body,
            "status": call.status,
            "errorCode": call.error_code,
            "changes": [change.to_json() for change in call.changes],
        }
        if call.batch is not None:
            entry["batch"] = call.batch
        if call.fault is not None:
            entry["fault"] = call.fault
        os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._remember(entry)

    def append_changes(self, source: Source, changes: Sequence[Change]) -> None:
        """Changes that no call made."""
        self.append(Call(source=source, changes=list(changes)))

    def close(self) -> None:
        os.close(self._file)

    def _remember(self, entry: dict[str, Any]) -> None:
        self._entries.append(entry)
        # Not at each entry: dropping the first of a list moves all others.
        if self._kept is not None and len(self._entries) >= 2 * max(self._kept, 1):
            dropped = len(self._entries) - self._kept
            del self._entries[:dropped]
            self._older += dropped


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _drop_half_line(path: Path) -> None:
    """A last line cut short by a crash was never answered: it goes."""
    whole = 0
    for line in _lines(path):
        if not line.endswith(b"\n"):
            os.truncate(path, whole)
        whole += len(line)
