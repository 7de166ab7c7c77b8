"""Relations between objects that are asked from both ends, and kept in the order of ids."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

_NONE: Mapping[str, None] = {}

# From this many on, the sorted ids of one end are kept until they change: a group that fills
# many pages is sorted once and not for each page.
_KEPT_SORTED = 200


class SortedIds:
    """Ids in their order. Adding many costs no more than sorting them once."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = sorted(ids)
        self._new: list[str] = []

    def add(self, id: str) -> None:
        self._new.append(id)

    def discard(self, id: str) -> None:
        ids = self.ordered()
        index = bisect_left(ids, id)
        if index < len(ids) and ids[index] == id:
            del ids[index]

    def ordered(self) -> list[str]:
        """To be read only, and only until the next change."""
        if self._new:
            # Sorting what is nearly sorted takes one pass.
            self._ids = sorted(dict.fromkeys([*self._ids, *self._new]))
            self._new = []
        return self._ids

    def fork(self) -> SortedIds:
        copy = SortedIds()
        copy._ids = self.ordered().copy()
        return copy


class Links:
    """Which targets each source has, in the order they came, and which sources each target has.

    `fork` costs a copy of the outer tables only: what belongs to one source or target is copied
    when either side changes it.
    """

    def __init__(self) -> None:
        self._targets: dict[str, dict[str, None]] = {}
        self._sources: dict[str, dict[str, None]] = {}
        self._sorted: dict[str, list[str]] = {}
        # The inner tables that are no other directory's too. None: all of them.
        self._own: set[tuple[bool, str]] | None = None

    def targets(self, source: str) -> Mapping[str, None]:
        return self._targets.get(source, _NONE)

    def sources(self, target: str) -> Mapping[str, None]:
        return self._sources.get(target, _NONE)

    def sorted_targets(self, source: str) -> list[str]:
        """To be read only, and only until the next change."""
        if (kept := self._sorted.get(source)) is not None:
            return kept
        found = sorted(self.targets(source))
        if len(found) >= _KEPT_SORTED:
            self._sorted[source] = found
        return found

    def add(self, source: str, target: str) -> bool:
        """Whether it is new."""
        if target in self.targets(source):
            return False
        self._writable(self._targets, True, source)[target] = None
        self._writable(self._sources, False, target)[source] = None
        self._sorted.pop(source, None)
        return True

    def remove(self, source: str, target: str) -> bool:
        """Whether it was there."""
        if target not in self.targets(source):
            return False
        del self._writable(self._targets, True, source)[target]
        del self._writable(self._sources, False, target)[source]
        self._sorted.pop(source, None)
        return True

    def replace(self, source: str, targets: Iterable[str]) -> set[str]:
        """Gives the source exactly these targets; those that came or went."""
        new = dict.fromkeys(targets)
        old = dict(self.targets(source))
        changed = old.keys() ^ new.keys()
        for target in old.keys() - new.keys():
            self.remove(source, target)
        for target in new:
            self.add(source, target)
        return changed

    def fork(self) -> Links:
        copy = Links()
        copy._targets = self._targets.copy()
        copy._sources = self._sources.copy()
        copy._own = set()
        self._own = set()
        return copy

    def _writable(
        self, table: dict[str, dict[str, None]], forward: bool, end: str
    ) -> dict[str, None]:
        inner = table.get(end)
        if inner is None:
            inner = table[end] = {}
        elif self._own is not None and (forward, end) not in self._own:
            inner = table[end] = inner.copy()
        if self._own is not None:
            self._own.add((forward, end))
        return inner
