"""JSON as the control surface is handed it: read field by field, refused by the field's name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

_T = TypeVar("_T")


class FieldError(Exception):
    """What was handed in is wrong. `field` is its path, as in `rules[2].chance`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Fields:
    """One JSON object. Every getter takes its field out; `close` refuses what nobody asked for.

    A getter raises `FieldError` for a wrong type or a value out of range, and for an absent field
    unless it was given a default.
    """

    def __init__(self, document: Any, within: str = "") -> None:
        self._within = within
        if not isinstance(document, dict):
            raise FieldError(within or "body", "must be a JSON object")
        self._document = dict(document)

    def __contains__(self, name: str) -> bool:
        return name in self._document

    def text(self, name: str, default: str | None = None) -> str:
        value = self._take(name, default)
        if not isinstance(value, str) or not value:
            raise self.error(name, "must be a text that is not empty")
        return value

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        value = self._take(name, default)
        if value not in choices:
            raise self.error(name, f"must be one of {', '.join(sorted(choices))}")
        return str(value)

    def id(self, name: str, default: str | None = None) -> str:
        value = self._take(name, default)
        try:
            return str(UUID(value))
        except (ValueError, TypeError, AttributeError):
            raise self.error(name, "must be a GUID") from None

    def flag(self, name: str, default: bool | None = None) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self.error(name, "must be true or false")
        return value

    def number(
        self,
        name: str,
        default: float | None = None,
        *,
        least: float = 0,
        most: float | None = None,
    ) -> float:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(name, "must be a number")
        if value != value or value < least or (most is not None and value > most):
            limit = f"at least {least:g}" if most is None else f"from {least:g} to {most:g}"
            raise self.error(name, f"must be {limit}")
        return float(value)

    def count(self, name: str, default: int | None = None, *, least: int = 0) -> int:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.error(name, f"must be a whole number of at least {least}")
        return value

    def numbers(self, name: str) -> tuple[float, ...]:
        value = self._take(name, None)
        if not isinstance(value, list) or not all(
            isinstance(item, int | float) and not isinstance(item, bool) and item >= 0
            for item in value
        ):
            raise self.error(name, "must be a list of numbers of at least 0")
        return tuple(float(item) for item in value)

    def texts(self, name: str, default: dict[str, str] | None = None) -> dict[str, str]:
        value = self._take(name, default)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self.error(name, "must be an object of texts")
        return value

    def words(self, name: str, default: list[str] | None = None) -> list[str]:
        value = self._take(name, default)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(name, "must be a list of texts")
        return value

    def object(self, name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
        value = self._take(name, default)
        if not isinstance(value, dict):
            raise self.error(name, "must be an object")
        return value

    def is_null(self, name: str) -> bool:
        """Whether the field is there and null; it is taken out then."""
        if name not in self._document or self._document[name] is not None:
            return False
        del self._document[name]
        return True

    def rest(self) -> dict[str, Any]:
        """Everything nobody has asked for yet."""
        rest, self._document = self._document, {}
        return rest

    def close(self) -> None:
        for name in self._document:
            raise self.error(name, "is not a field of this")

    def error(self, name: str, message: str) -> FieldError:
        return FieldError(f"{self._within}.{name}" if self._within else name, message)

    def _take(self, name: str, default: _T) -> Any | _T:
        """The field's value, null counting as absent."""
        value = self._document.pop(name, None)
        if value is None:
            value = default
        if value is None:
            raise self.error(name, "is missing")
        return value


def json_name(name: str) -> str:
    """An attribute's name as JSON spells it: `retry_after` is `retryAfter`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
