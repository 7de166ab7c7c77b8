"""An export: one canonical JSON object (RFC 8785) a line.

`{"type": "record", …}` and `{"type": "head", …}` in the order of the chain, each head behind the
record that it names, and last `{"type": "end", …}`, which says when and how far.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785

from libs.audit.heads import Head, head_fields
from libs.audit.records import Record


@dataclass(frozen=True, slots=True)
class End:
    """The end of an export."""

    export_time: str
    """When it began, as `records.time_text` writes it."""
    sequence: int
    """The last record in it."""
    hash: str


Line = Record | Head | End
_KINDS: dict[str, type[Line]] = {"record": Record, "head": Head, "end": End}
_NUMBERS = {"sequence", "previous_sequence"}
_FIELDS = {
    kind: {name: int if name in _NUMBERS else str for name in kind.__dataclass_fields__}
    for kind in _KINDS.values()
}


class Unusable(Exception):
    """What was given can't be read as an export; says where and why."""


def written(line: Line) -> str:
    """A line, without its end."""
    kind = next(name for name, kind in _KINDS.items() if isinstance(line, kind))
    fields = head_fields(line) if isinstance(line, Head) else asdict(line)
    return rfc8785.dumps({"type": kind, **fields}).decode()


def read(lines: Iterable[bytes], name: str) -> Iterator[Line]:
    """The lines of an export, one by one. A newer export may have lines that are none of these.

    Raises:
        Unusable: a line is no such line.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line.decode())
            kind = _KINDS.get(fields.pop("type"))
            if kind is not None:
                yield _line(kind, fields)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise Unusable(f"{name}, line {number}: it is no line of an export") from error


def _line(kind: type[Line], fields: dict[str, Any]) -> Line:
    # A bool is an int to Python, and none of ours.
    if {name: type(value) for name, value in fields.items()} != _FIELDS[kind]:
        raise ValueError("there are other fields")
    return kind(**fields)
