"""What is refused because something depends on it, by reason of `catalog.v1.ErrorReason`."""

from collections.abc import Sequence

from libs.domain.errors import WrongState

# Of very many things that stand in the way so many are named.
_MOST_NAMED = 10


def app_in_use(app_id: str, lease_ids: Sequence[str], request_ids: Sequence[str]) -> WrongState:
    """Leases or open access requests depend on the app. Given are all; ten of each are named."""
    return WrongState(
        "APP_IN_USE",
        _in_use(app_id, lease_ids, request_ids),
        app_id=app_id,
        **_named(lease_ids, request_ids),
    )


def entitlement_in_use(
    entitlement_id: str, lease_ids: Sequence[str], request_ids: Sequence[str]
) -> WrongState:
    """Leases or open access requests depend on it. Given are all; ten of each are named."""
    return WrongState(
        "ENTITLEMENT_IN_USE",
        _in_use(entitlement_id, lease_ids, request_ids),
        entitlement_id=entitlement_id,
        **_named(lease_ids, request_ids),
    )


def access_ending(app_id: str, lease_ids: Sequence[str], request_ids: Sequence[str]) -> WrongState:
    """What the app offered before is not over yet. Given are all; ten of each are named."""
    return WrongState(
        "ACCESS_ENDING",
        f"{len(lease_ids)} leases and {len(request_ids)} open access requests of what {app_id} "
        "offered before are still ending; wait until they are over.",
        app_id=app_id,
        **_named(lease_ids, request_ids),
    )


def entitlement_is_owner(entitlement_id: str, of_ids: Sequence[str]) -> WrongState:
    """Whoever holds the entitlement answers for these apps and entitlements."""
    named = _some(of_ids)
    return WrongState(
        "ENTITLEMENT_IS_OWNER",
        f"Whoever holds {entitlement_id} is an owner of {named}; give them other owners first.",
        entitlement_id=entitlement_id,
        owner_of=named,
    )


def access_profile_in_use(access_profile_id: str, app_ids: Sequence[str]) -> WrongState:
    """Entitlement rules of these apps name the access profile."""
    return WrongState(
        "ACCESS_PROFILE_IN_USE",
        f"The entitlement rules of {len(app_ids)} apps name {access_profile_id}; apply other rules "
        "there first, or unmanage an app that is no longer in the directory, which takes no rules.",
        access_profile_id=access_profile_id,
        app_ids=_some(app_ids),
    )


def _in_use(id: str, lease_ids: Sequence[str], request_ids: Sequence[str]) -> str:
    return (
        f"{len(lease_ids)} leases and {len(request_ids)} open access requests depend on {id}; end "
        "them first, or say end_access."
    )


def _named(lease_ids: Sequence[str], request_ids: Sequence[str]) -> dict[str, str]:
    return {
        "lease_ids": _some(lease_ids),
        "access_request_ids": _some(request_ids),
    }


def _some(ids: Sequence[str]) -> str:
    more = len(ids) - _MOST_NAMED
    return ", ".join([*ids[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
