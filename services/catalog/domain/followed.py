"""Entitlements that follow what a sync says of their roles and groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from services.catalog.domain.entitlement import ROLE_GONE, Entitlement


@dataclass(frozen=True, slots=True)
class EntitlementChange:
    """An entitlement before and after what a sync says of it."""

    before: Entitlement
    after: Entitlement

    @property
    def removal_reason(self) -> str:
        """What became gone by it, in words; empty if nothing did."""
        return ROLE_GONE if self.after.role_gone and not self.before.role_gone else ""

    @property
    def changed_fields(self) -> tuple[str, ...]:
        """Which fields of it changed, as they are called outside."""
        changed = {
            "display_name": self.before.display_name != self.after.display_name,
            "fulfilment": self.before.fulfilment != self.after.fulfilment,
            "state": self.before.role_gone != self.after.role_gone,
        }
        return tuple(name for name, did in changed.items() if did)


@dataclass(frozen=True, slots=True)
class RenamedGroups:
    """Groups that entitlements stand for and that are called otherwise now.

    `names` by directory entitlement, and the entitlements, under their old names yet; `link_count`
    is how many choices were made for such groups.
    """

    names: Mapping[str, str]
    entitlements: tuple[Entitlement, ...]
    link_count: int


def follow_names(
    renamed: RenamedGroups, changes: Iterable[EntitlementChange]
) -> tuple[EntitlementChange, ...]:
    """These changes, and those of entitlements whose groups are called otherwise now.

    However much of an entitlement changes, it is one change.
    """
    by_id = {change.after.entitlement_id: change for change in changes}
    for before in renamed.entitlements:
        known = by_id.get(before.entitlement_id)
        after = replace(before, version=before.version + 1) if known is None else known.after
        by_id[before.entitlement_id] = EntitlementChange(
            before if known is None else known.before, after.naming(renamed.names)
        )
    return tuple(by_id.values())
