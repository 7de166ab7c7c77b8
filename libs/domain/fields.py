"""Whether the fields of a request can be meant as they were sent.

    with Fields() as fields:
        name = fields.text("display_name", request.display_name, most=200)
        app_id = fields.id("app_id", request.app_id, "app")

Every check notes what is wrong and goes on, so that the caller hears of all of it at once: the
end of the block raises `Invalid` with every violation by its path.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from types import TracebackType
from unicodedata import category

from libs.domain.errors import Invalid, Violation
from libs.domain.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_UNPRINTABLE_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ID = re.compile(r"[a-z]{2,5}_[a-z0-9_]{1,64}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MAX_DURATION = timedelta(days=3650)
_MOST_PATHS = 20


def _unprintable(text: str, *, lines: bool) -> str | None:
    """The first character that has no place in a text, as its code point."""
    found = (_UNPRINTABLE_IN_LINES if lines else _UNPRINTABLE).search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


def _invisible(text: str) -> bool:
    """Whether nobody would see anything of a text, as of one of zero-width spaces."""
    return all(character.isspace() or category(character) == "Cf" for character in text)


def is_guid(value: str) -> bool:
    """Whether this is an object id of Entra, in small letters or capitals."""
    return _GUID.fullmatch(value) is not None


class Fields:
    """Collects what is wrong with a request."""

    def __init__(self, path: str = "") -> None:
        self._path = path
        self._violations: list[Violation] = []

    def __enter__(self) -> "Fields":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._violations:
            raise Invalid(self._violations)

    def inside(self, path: str) -> "Fields":
        """For the fields of a part of the request; what is wrong with them is noted here.

        So their names are what the part calls them, and a path is only made where one is wrong.
        """
        part = Fields(f"{self._path}{path}.")
        part._violations = self._violations
        return part

    def wrong(self, field: str, problem: str) -> None:
        """Notes that a field is wrong."""
        self._violations.append(Violation(self._path + field, problem))

    def text(
        self, field: str, value: str, *, least: int = 1, most: int, lines: bool = False
    ) -> str:
        """A text of `least` to `most` characters, without blanks around it.

        One that may be empty has `least=0`. Only `lines` may hold line breaks and tabs.
        """
        stripped = value.strip()
        if value.isprintable() and least <= len(stripped) and len(value) <= most:
            return stripped  # as nearly all are: neither anything unprintable nor invisible in it
        if (found := _unprintable(value, lines=lines)) is not None:
            self.wrong(field, f"holds the control character {found}")
        if len(stripped) < least or (least and _invisible(stripped)):
            self.wrong(field, "must not be blank" if value else "is required")
        elif len(value) > most:
            self.wrong(field, f"has {len(value)} characters, at most {most} are taken")
        return stripped

    def id(self, field: str, value: str, prefix: str, *, required: bool = True) -> str:
        """An id of one kind."""
        if not value and not required:
            return value
        if not value:
            self.wrong(field, f"is required, an id that begins with {prefix}_")
        elif not _ID.fullmatch(value) or not value.startswith(prefix + "_"):
            self.wrong(field, f"must be an id that begins with {prefix}_")
        return value

    def ids(
        self, field: str, values: Sequence[str], prefix: str, *, most: int, each_once: bool = True
    ) -> tuple[str, ...]:
        """At most so many ids of one kind."""
        if len(values) > most:
            self.wrong(field, f"has {len(values)} ids, at most {most} are taken")
            return ()
        found, start = tuple(values), prefix + "_"
        for number, value in enumerate(found):
            if not _ID.fullmatch(value) or not value.startswith(start):
                self.id(f"{field}[{number}]", value, prefix)
        if each_once and len(set(found)) < len(found):
            for number, value in enumerate(found):
                if value in found[:number]:
                    self.wrong(f"{field}[{number}]", f"names {value} again")
        return found

    def guid(self, field: str, value: str, *, required: bool = True) -> str:
        """An object id of Entra, in small letters."""
        if not value and not required:
            return value
        if not is_guid(value):
            self.wrong(field, "must be a GUID, 8-4-4-4-12 hexadecimal digits")
        return value.lower()

    def matches(self, field: str, value: str, pattern: str, problem: str) -> str:
        """A text of a given form."""
        if not re.fullmatch(pattern, value):
            self.wrong(field, problem)
        return value

    def duration(
        self,
        field: str,
        value: timedelta | None,
        *,
        least: timedelta = timedelta(minutes=1),
        most: timedelta = MAX_DURATION,
    ) -> timedelta | None:
        """A length of time within bounds, or none. `most` is whole days."""
        if value is not None and not least <= value <= most:
            self.wrong(field, f"must be between {least.total_seconds():.0f}s and {most.days} days")
        return value

    def page_size(
        self, value: int, field: str = "page_size", *, default: int = DEFAULT_PAGE_SIZE
    ) -> int:
        """How many a page holds; the default for 0."""
        if value < 0 or value > MAX_PAGE_SIZE:
            self.wrong(field, f"must be between 1 and {MAX_PAGE_SIZE}, or 0 for {default}")
        return value or default

    def page_token(self, value: str, field: str = "page_token") -> str:
        """A page token that is short enough to be looked at."""
        if len(value) > 2000:
            self.wrong(field, "is not a page token of this list")
        return value

    def update_mask(
        self, paths: Iterable[str], changeable: Collection[str], field: str = "update_mask"
    ) -> tuple[str, ...]:
        """Which fields an update names, each once, of those that are `changeable`."""
        named = tuple(dict.fromkeys(paths))
        if not named:
            self.wrong(field, "is required: which fields to change")
        if len(named) > _MOST_PATHS:
            self.wrong(field, f"has {len(named)} paths, at most {_MOST_PATHS} are taken")
            return ()
        for path in named:
            if path not in changeable:
                shown = path if len(path) <= 100 and path.isprintable() else "a path"
                self.wrong(
                    field,
                    f"names {shown}, which can't be changed; what can is {', '.join(changeable)}",
                )
        return tuple(path for path in named if path in changeable)

    def idempotency_key(self, value: str, field: str = "idempotency_key") -> str:
        """A key that makes a repeated call harmless, or none."""
        return self.text(field, value, least=0, most=200)
