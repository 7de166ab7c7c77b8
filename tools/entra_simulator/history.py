"""What changed last, and when: by sequence numbers, so that a delta query can ask since when.

Not a log of every change but the last change of each object, property and link. So it never
grows beyond the tenant, and what changed since a number is found without looking at the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Relation = Literal["members", "owners", "manager"]

# In the place of a property's name: the object came, so everything about it is new.
CREATED = ""

Marks = dict[str, int]


class History:
    """Marks of the changes since the tenant was seeded. Every table is in the order of changes."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        document = document or {}
        # The number of the last change.
        self.last: int = document.get("last", 0)
        self._objects: dict[str, Marks] = document.get("objects", {})
        self._properties: dict[str, Marks] = document.get("properties", {})
        self._sources: dict[str, Marks] = document.get("sources", {})
        self._links: dict[str, dict[str, Marks]] = document.get("links", {})
        # Delta queries that were reset or expired, by stream, and as of which number.
        self.ended: dict[str, Marks] = document.get("ended", {})

    def to_json(self) -> dict[str, Any]:
        return {
            "last": self.last,
            "objects": self._objects,
            "properties": self._properties,
            "sources": self._sources,
            "links": self._links,
            "ended": self.ended,
        }

    def fork(self) -> History:
        copy = History()
        copy.last = self.last
        copy._objects = {type: dict(marks) for type, marks in self._objects.items()}
        copy._properties = {id: dict(marks) for id, marks in self._properties.items()}
        copy._sources = {relation: dict(marks) for relation, marks in self._sources.items()}
        copy._links = {
            relation: {source: dict(marks) for source, marks in sources.items()}
            for relation, sources in self._links.items()
        }
        copy.ended = {kind: dict(marks) for kind, marks in self.ended.items()}
        return copy

    # Marking

    def begin(self) -> None:
        """The next change: what is marked from here on belongs to it."""
        self.last += 1

    def mark_object(self, type: str, object_id: str) -> None:
        self._mark(self._objects.setdefault(type, {}), object_id)

    def mark_property(self, object_id: str, name: str) -> None:
        self._mark(self._properties.setdefault(object_id, {}), name)

    def mark_link(self, relation: Relation, source: str, target: str) -> None:
        self._mark(self._links.setdefault(relation, {}).setdefault(source, {}), target)
        self._mark(self._sources.setdefault(relation, {}), source)

    # Asking

    def changed_objects(self, type: str, since: int) -> Iterator[str]:
        """Objects that came, changed or went after `since`, the last change first."""
        return _after(self._objects.get(type, {}), since)

    def changed_sources(self, relation: Relation, since: int) -> Iterator[str]:
        """Objects of which a link changed after `since`."""
        return _after(self._sources.get(relation, {}), since)

    def changed_links(self, relation: Relation, source: str, since: int) -> list[str]:
        """The other ends that were linked or unlinked after `since`."""
        return list(_after(self._links.get(relation, {}).get(source, {}), since))

    def changed_properties(self, object_id: str, since: int) -> set[str]:
        return set(_after(self._properties.get(object_id, {}), since))

    def known(self, type: str, object_id: str) -> bool:
        """Whether an object of this type came, changed or went at any time."""
        return object_id in self._objects.get(type, {})

    def _mark(self, marks: Marks, key: str) -> None:
        # Taken out first, so that the table stays in the order of changes.
        marks.pop(key, None)
        marks[key] = self.last


def _after(marks: Marks, since: int) -> Iterator[str]:
    for key in reversed(marks):
        if marks[key] <= since:
            return
        yield key
