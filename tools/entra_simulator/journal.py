"""Every call the simulator answered and every change by hand, numbered, as JSON lines.

The journal is also the tenant's write-ahead log: an accepted write's changes stand in the
entry of its call, and the entry is with the operating system before the answer leaves. So a
killed simulator loses nothing that it had accepted, at the price of one `write` a call.

It holds no secret and no token: bodies are kept for Graph's writes only, headers never.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tools.entra_simulator.changes import Change

Source = Literal["graph", "login", "hand"]


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


class Journal:
    """The entries so far, and the file that keeps them."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._entries: list[dict[str, Any]] = _read(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @property
    def last_number(self) -> int:
        return len(self._entries)

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries with a number greater than `since`, oldest first."""
        return self._entries[max(since, 0) :]

    def append(self, call: Call) -> None:
        entry = {
            "number": len(self._entries) + 1,
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
        os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._entries.append(entry)

    def append_change_by_hand(self, change: Change) -> None:
        self.append(Call(source="hand", changes=[change]))

    def close(self) -> None:
        os.close(self._file)


def _read(path: Path) -> list[dict[str, Any]]:
    """The entries on file. A last line cut short by a crash was never answered: it goes."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [json.loads(line) for line in whole.splitlines()]
