"""Owners that are given must be there."""

from collections.abc import Sequence

from services.catalog.domain import errors
from services.catalog.domain.owner import Owner
from services.catalog.ports import Directory, Entitlements


async def require_owners(
    directory: Directory, entitlements: Entitlements, given: Sequence[Owner], field: str
) -> None:
    """Does nothing for people and entitlements that there are.

    Raises:
        NotFound: USER_NOT_FOUND, ENTITLEMENT_NOT_FOUND, of the place in `field`.
    """
    if not given:
        return
    people = await directory.existing_users([each.owner_id for each in given if each.is_person])
    held = await entitlements.existing([each.owner_id for each in given if not each.is_person])
    for index, each in enumerate(given):
        if each.is_person and each.owner_id not in people:
            raise errors.user_not_found(each.owner_id, f"{field}[{index}].user_id")
        if not each.is_person and each.owner_id not in held:
            raise errors.entitlement_not_found(each.owner_id, f"{field}[{index}].entitlement_id")
