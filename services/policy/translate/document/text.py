"""YAML as text: one way to write each thing, so that a diff in Git shows what changed.

Written here and not by PyYAML: another release of it, or of the library beneath, may break lines
and choose quotes in other ways, and what is in Git would seem to have changed.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Value: TypeAlias = "str | int | bool | Sequence[Value] | dict[str, Value]"

# What YAML takes as it is. Line separators of Unicode would be read as line breaks.
_PRINTABLE = r" -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_LINE = re.compile(f"[{_PRINTABLE}]*")
_LINES = re.compile(f"[{_PRINTABLE}\t\n]*")
_ODD = re.compile(f'[^{_PRINTABLE}]|["\\\\]')
_LENGTH = re.compile(r"[0-9.]+[dhms]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
# What other readers of YAML take for something else than a text.
_WORDS = {"", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def yaml_text(value: Value) -> str:
    """A document, with a line break at its end."""
    return "\n".join(_block(value, "")) + "\n"


def _block(value: Value, indent: str) -> Iterator[str]:
    """The lines of a value that begins on a line of its own."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _entry(f"{indent}{key}:", inner, indent)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            lines = [*_block(item, indent + "  ")]
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
    else:
        yield indent + _scalar(value)


def _entry(key: str, value: Value, indent: str) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value and _is_block(value):
        yield f"{key} |-"
        yield from (f"{indent}  {line}" if line else "" for line in value.split("\n"))
    elif isinstance(value, dict) or (isinstance(value, Sequence) and not isinstance(value, str)):
        if value:
            yield key
            yield from _block(value, indent + "  ")
        else:
            yield f"{key} []"
    else:
        yield f"{key} {_scalar(value)}"


def _is_block(text: str) -> bool:
    """Whether a text can stand line by line, and is read as it was then."""
    return _LINES.fullmatch(text) is not None and text == text.strip()


def _scalar(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or _is_plain(value):
        return str(value)
    if _LINE.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    return '"' + _ODD.sub(_escaped, value) + '"'


def _is_plain(text: str) -> bool:
    if _LENGTH.fullmatch(text):
        return True
    return (
        (text[:1].isalpha() or text[:1] in ("_", "("))
        and _LINE.fullmatch(text) is not None
        and text == text.strip()
        and text.lower() not in _WORDS
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
    )


def _escaped(found: "re.Match[str]") -> str:
    letter = found[0]
    return _SHORT.get(letter) or f"\\u{ord(letter):04x}"
