"""What a setting may be, and how it is read from the environment's text or from a value of TOML.

A setting is read by the type it is declared with: `Annotated[type, reader]`, or one of the plain
types below. Readers say what a value must be, and never what it is: it may be a password. Why no
library does this: docs/decisions/0042.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

Reader = Callable[[object], Any]

_FLAGS = {"true": True, "false": False, "1": True, "0": False} | {
    word: word in ("yes", "y", "on", "t") for word in ("yes", "no", "y", "n", "on", "off", "t", "f")
}


class Unfit(Exception):
    """A value is none for its setting; says what it must be."""


def text(
    pattern: str = ".*", *, must: str = "must be text", least: int = 0, most: int = 1 << 20
) -> Reader:
    """Reads a text of that many characters which is all of the pattern; `must` says so."""
    compiled = re.compile(pattern, re.DOTALL)

    def read(value: object) -> str:
        if isinstance(value, str) and least <= len(value) <= most and compiled.fullmatch(value):
            return value
        raise Unfit(must)

    return read


any_text = text()


def number(
    *,
    at_least: float = float("-inf"),
    above: float = float("-inf"),
    at_most: float = float("inf"),
    whole: bool = False,
) -> Reader:
    """Reads a number within bounds."""
    kind = int if whole else float
    must = "must be a whole number" if whole else "must be a number"
    bounds = {"at least": at_least, "above": above, "at most": at_most}
    said = [f"{word} {bound:g}" for word, bound in bounds.items() if abs(bound) != float("inf")]
    must += f" of {' and '.join(said)}" if said else ""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Unfit(must)
        try:
            found = kind(value)
        except (ValueError, OverflowError) as error:
            raise Unfit(must) from error
        cut = isinstance(value, float) and found != value
        # What is not a number is not in these bounds either.
        if cut or not (at_least <= found <= at_most and found > above):
            raise Unfit(must)
        return found

    return read


def flag(value: object) -> bool:
    """Reads yes or no."""
    if isinstance(value, bool):
        return value
    if (found := _FLAGS.get(str(value).lower())) is None:
        raise Unfit("must be true or false")
    return found


def path(value: object) -> Path:
    """Reads the path of a file or folder."""
    if not isinstance(value, str):
        raise Unfit("must be a path")
    return Path(value)


def listed(each: Reader) -> Reader:
    """Reads a list, which the environment spells with commas."""

    def read(value: object) -> tuple[Any, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise Unfit("must be a list")
        return tuple(each(part) for part in value)

    return read


def reader_of(hint: Any) -> Reader:
    """How a setting that is declared with this type is read."""
    if get_origin(hint) is Annotated:
        reader: Reader = hint.__metadata__[0]
        return reader
    if get_origin(hint) in (Union, UnionType):
        (one,) = (each for each in get_args(hint) if each is not NoneType)
        return reader_of(one)
    if get_origin(hint) is Literal:
        return _word(get_args(hint))
    return _PLAIN[hint]


def _word(words: tuple[str, ...]) -> Reader:
    def read(value: object) -> object:
        if value not in words:
            raise Unfit(f"must be {' or '.join(words)}")
        return value

    return read


_PLAIN: dict[Any, Reader] = {str: any_text, bool: flag, float: number(), Path: path}
