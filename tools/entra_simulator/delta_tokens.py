"""What a delta query's links carry: the whole state of the query, so that it outlives a restart."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from tools.entra_simulator.errors import GraphError, Refusal


@dataclass(frozen=True)
class Chain:
    """One round of a delta query, from its first page to its delta link.

    Frozen with the first call: `stream`, `types`, `select` and `ids`, the filter. `since` is the
    change up to which the caller knows all, none in an initial round; `base` the one that every
    replica which answered a page had seen when it did. Of the next page, `position` is the key of
    the last object given out, and `link` says how far its members went, if not to their end.
    `issued` (seconds) and `number` (the tenant's last change then) date the token.
    """

    stream: str
    types: tuple[str, ...]
    select: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    since: int | None = None
    base: int | None = None
    position: str = ""
    link: tuple[str, str] | None = None
    salt: str = ""
    shuffled: bool = False
    repeated: float = 0.0
    removed_in_initial: bool = False
    emptied: bool = False
    issued: float = 0.0
    number: int = 0

    def token(self, issued: float, number: int) -> str:
        document = asdict(replace(self, issued=issued, number=number))
        defaults = asdict(Chain("", ()))
        kept = {name: value for name, value in document.items() if value != defaults[name]}
        packed = zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 1)
        return base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")

    @classmethod
    def from_token(cls, token: str) -> Chain:
        """Raises Graph's refusal of what is no token."""
        try:
            packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            document: dict[str, Any] = json.loads(zlib.decompress(packed))
            for name in ("types", "select", "ids", "link"):
                if document.get(name) is not None:
                    document[name] = tuple(document[name])
            return cls(**document)
        except (ValueError, TypeError, zlib.error):
            raise GraphError(Refusal.DELTA_TOKEN_INVALID) from None
