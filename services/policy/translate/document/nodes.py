"""YAML as nodes that know where they stand, without what makes YAML dangerous or surprising.

There are mappings, lists and texts. A text is what is written: `no` is those two letters, and not
false. Anchors, aliases, tags and further documents are refused, as are keys that are there twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

# In C where PyYAML has it, which is thirty times as fast. Only its events are taken: nothing is
# resolved, constructed or followed.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 20
"""Deeper than any document of ours."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text. `plain`: it is written without quotes."""

    place: Place
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class List:
    """A list."""

    place: Place
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping: by its keys, where the key stands and what is there."""

    place: Place
    entries: dict[str, tuple[Place, "Node"]] = field(default_factory=dict)


Node = Text | List | Mapping


class DocumentProblem(Exception):
    """What is wrong with a document, and where."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


def read_nodes(document: str) -> Node:
    """The one node that a document is.

    Raises:
        DocumentProblem: it is not YAML, or not of the YAML that is taken.
    """
    events = _events(document)
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise DocumentProblem(_place(event.start_mark), "begins a second document")
            root = _node(next(events), events, 1)
    if root is None:
        raise DocumentProblem(Place(1, 1), "there is nothing")
    return root


def _events(document: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(document, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(1, 1) if mark is None else _place(mark)
        raise DocumentProblem(place, f"is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        # A character that YAML does not take. Its reader knows an offset, and no line.
        position = getattr(error, "position", None)
        before = document[:position] if isinstance(position, int) else ""
        place = Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise DocumentProblem(place, "holds a character that YAML does not take") from None


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    place = _place(event.start_mark)
    if depth > _DEEPEST:
        raise DocumentProblem(place, f"is nested deeper than {_DEEPEST}")
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise DocumentProblem(place, "anchors and aliases are not taken: write it out")
    if event.tag is not None:
        raise DocumentProblem(place, "tags are not taken")
    if isinstance(event, yaml.ScalarEvent):
        return _text(place, event)
    if isinstance(event, yaml.SequenceStartEvent):
        items = List(place)
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.items.append(_node(event, events, depth + 1))
        return items
    return _mapping(place, events, depth)


def _text(place: Place, event: Any) -> Text:
    if any("\ud800" <= letter <= "\udfff" for letter in event.value):
        raise DocumentProblem(place, "holds half a character")
    return Text(place, event.value, event.style in (None, ""))


def _mapping(place: Place, events: Iterator[Any], depth: int) -> Mapping:
    mapping = Mapping(place)
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, depth + 1)
        if not isinstance(key, Text):
            raise DocumentProblem(key.place, "a key must be a word")
        if key.text in mapping.entries:
            raise DocumentProblem(key.place, f"the key {key.text[:100]!r} is there twice")
        mapping.entries[key.text] = key.place, _node(next(events), events, depth + 1)
    return mapping
