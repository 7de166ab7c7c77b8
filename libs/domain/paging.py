"""Pages of a list, by the last key of the page before.

A page token is the key of the last row, bound to the list and its filters. It is opaque, not
secret: who makes one up can at worst start their own list somewhere else.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from libs.domain.errors import Invalid

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of which list: `scope` names the list with its filters."""

    size: int
    token: str
    scope: tuple[str, ...]

    def after(self, parts: int = 1) -> tuple[str, ...] | None:
        """The key behind which the page begins, of `parts` strings; none for the first page.

        Raises:
            Invalid: PAGE_TOKEN_INVALID when the token is not one of this list with these filters.
        """
        if not self.token:
            return None
        try:
            raw = base64.b64decode(self.token + "=" * (-len(self.token) % 4), b"-_", validate=True)
            key = json.loads(raw[8:])
        except (binascii.Error, ValueError, RecursionError):
            key = None
            raw = b""
        wellformed = isinstance(key, list) and len(key) == parts
        if (
            not wellformed
            or not all(isinstance(part, str) and _storable(part) for part in key)
            or raw[:8] != self._digest(key)
        ):
            raise _refused()
        return tuple(key)

    def after_number(self) -> int | None:
        """The key behind which the page begins, for a list in the order of a number.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        if (key := self.after()) is None:
            return None
        if not re.fullmatch(r"[0-9]{1,18}", key[0]):
            raise _refused()
        return int(key[0])

    def after_time(self) -> tuple[datetime, str] | None:
        """The key behind which the page begins, for a list in the order of `time_key`.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        if (key := self.after(2)) is None:
            return None
        try:
            time = datetime.fromisoformat(key[0])
        except ValueError:
            raise _refused() from None
        if time.utcoffset() != timedelta(0):
            raise _refused()
        return time, key[1]

    def _digest(self, key: Sequence[str]) -> bytes:
        text = json.dumps([list(self.scope), list(key)])
        return hashlib.sha256(text.encode()).digest()[:8]

    def page(self, rows: Sequence[T], key: Callable[[T], Sequence[str]]) -> "Page[T]":
        """The page, of up to `size + 1` rows that were read for it."""
        if len(rows) <= self.size:
            return Page(tuple(rows), "")
        kept = rows[: self.size]
        return self.cut(kept, key(kept[-1]))

    def cut(self, rows: Sequence[T], after: Sequence[str]) -> "Page[T]":
        """A page of these rows, which may be fewer than asked for: the next begins behind a key."""
        last = list(after)
        # Not as ASCII: a long name in another script would not fit into a token.
        raw = self._digest(last) + json.dumps(last, ensure_ascii=False).encode()
        return Page(tuple(rows), base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


def time_key(time: datetime, resource_id: str) -> tuple[str, str]:
    """The key of a row in a list by time, with the id to tell rows of the same moment apart."""
    return time.astimezone(UTC).isoformat(), resource_id


def _storable(part: str) -> bool:
    """Whether a database takes the text: JSON can spell what UTF-8 can't."""
    return "\x00" not in part and not any("\ud800" <= letter <= "\udfff" for letter in part)


def _refused() -> Invalid:
    return Invalid.field(
        "page_token",
        "is not a page token of this list with these filters",
        reason="PAGE_TOKEN_INVALID",
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, and the token for what follows; empty when nothing does."""

    items: tuple[T, ...]
    next_page_token: str
