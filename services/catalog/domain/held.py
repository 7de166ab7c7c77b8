"""Whether people hold directory entitlements, as whoever put them there wants to know."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class HeldState(StrEnum):
    """Whether somebody holds something."""

    HELD = "HELD"
    NOT_HELD = "NOT_HELD"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A person and what they may hold."""

    user_id: str
    directory_entitlement_id: str


def held_state(
    item: HeldItem,
    held: Collection[HeldItem],
    user_ids: Collection[str],
    directory_entitlement_ids: Collection[str],
) -> HeldState:
    """The state of an item, by what is held, and by who and what is in the directory."""
    if item in held:
        return HeldState.HELD
    there = item.user_id in user_ids and (
        item.directory_entitlement_id in directory_entitlement_ids
    )
    return HeldState.NOT_HELD if there else HeldState.GONE
