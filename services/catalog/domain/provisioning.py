"""Whether what an entitlement stands for can be given to anybody, and why not."""

from collections.abc import Iterable, Mapping

from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.target import GroupMembership, Target, group_name_in

_NOT_THERE = "NOT_IN_DIRECTORY"


def unwritable_among(
    fulfilment: Iterable[Target], groups: Mapping[str, UnwritableReason]
) -> tuple[Target, str] | None:
    """The first membership among targets that can't be written, and why; none if all can be.

    `groups`: those that are in the directory, by directory entitlement.
    """
    for target in fulfilment:
        if isinstance(target.kind, GroupMembership):
            found = groups.get(target.directory_entitlement_id)
            if found is not UnwritableReason.WRITABLE:
                return target, _NOT_THERE if found is None else found.value
    return None


def unprovisionable_reason(
    entitlement: Entitlement,
    *,
    app_protected: bool,
    groups_only: bool,
    groups: Mapping[str, UnwritableReason],
) -> str:
    """Why nobody can be given the entitlement, in words; empty where they can.

    What is no longer in the directory is another matter: `Entitlement.removal_reason`.
    """
    if app_protected:
        return "its app is Microsoft's own and is never written to"
    provisioned = entitlement.provisioned(groups_only=groups_only).fulfilment
    if not provisioned:
        return "its connection is for group memberships only, and it needs none"
    if unwritable := unwritable_among(provisioned, groups):
        target, why = unwritable
        return (
            f"the members of {group_name_in(target.display_name)} can't be changed through Graph: "
            f"{why}"
        )
    return ""
