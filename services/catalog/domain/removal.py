"""How much a sync may remove without being asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.catalog.domain.directory import DirectoryKind

# As many of a kind are removed, and as large a part of it, whatever became of the rest.
FREE_COUNT = 20
FREE_PART = 0.2


@dataclass(frozen=True, slots=True)
class HeldRemoval:
    """More of a kind than is removed without being confirmed: so many of so many."""

    kind: DirectoryKind
    removed_count: int
    total_count: int


def in_question(gone: Mapping[DirectoryKind, int]) -> tuple[DirectoryKind, ...]:
    """The kinds of which so many are gone that it matters how many there are."""
    return tuple(kind for kind in DirectoryKind if gone.get(kind, 0) > FREE_COUNT)


def held(
    gone: Mapping[DirectoryKind, int], totals: Mapping[DirectoryKind, int]
) -> tuple[HeldRemoval, ...]:
    """What has to be confirmed. `totals` are of the kinds `in_question`, with what is gone."""
    return tuple(
        HeldRemoval(kind, gone[kind], totals[kind])
        for kind in in_question(gone)
        if gone[kind] > totals[kind] * FREE_PART
    )
