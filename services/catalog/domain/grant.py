"""Who holds what in the directory, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.catalog.domain.use import Use, UseState


@dataclass(frozen=True, slots=True)
class Which:
    """Which grants; an empty string says nothing. `at_time`: as they were then.

    `shown`: the only entitlements that are named; none where all are.
    """

    user_id: str = ""
    app_id: str = ""
    entitlement_id: str = ""
    directory_entitlement_id: str = ""
    unmanaged: bool = False
    at_time: datetime | None = None
    shown: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that a person holds, with the entitlement that it is part of, if any.

    `group_id`: the group through which they hold an app role assignment, empty for their own.
    `unmanaged`: it is their own, part of an entitlement, and no lease of theirs can have brought
    it; `first_seen_time` is when that was noted, some minutes later. `start_time` is none when it
    was there before anybody noted that.
    """

    user_id: str
    user_display_name: str
    directory_entitlement_id: str
    directory_display_name: str
    group_id: str = ""
    group_display_name: str = ""
    app_id: str = ""
    entitlement_id: str = ""
    entitlement_display_name: str = ""
    binding_id: str = ""
    lease_id: str = ""
    unmanaged: bool = False
    first_seen_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    user_entra_tenant_id: str = ""
    user_entra_object_id: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a person has something, by what, and what is missing, also in words."""

    held: bool
    grants: tuple[Grant, ...]
    missing: tuple[str, ...]
    sentences: tuple[str, ...]


def explain(
    person: str, wanted: Mapping[str, str], grants: Sequence[Grant], uses: Sequence[Use] = ()
) -> Explanation:
    """Why a person has or lacks what is `wanted`: directory entitlements by name.

    `uses`: their access requests and leases of it.
    """
    there = {grant.directory_entitlement_id for grant in grants}
    own = {grant.directory_entitlement_id for grant in grants if not grant.group_id}
    missing = tuple(each for each in wanted if each not in there)
    sentences = [_because(person, grant) for grant in grants]
    sentences += (
        f"{person} is {_phrase(wanted[each])} only through a group, and can still be given it "
        "themselves."
        for each in wanted
        if each in there - own
    )
    sentences += (f"{person} is not {_phrase(wanted[each])}." for each in missing)
    sentences += (_in_use(use, missing=bool(missing)) for use in uses)
    return Explanation(
        bool(wanted) and not missing, tuple(grants), missing, tuple(filter(None, sentences))
    )


def _in_use(use: Use, *, missing: bool) -> str:
    """What becomes of an access request; nothing where the grants tell of its lease."""
    match use.state:
        case UseState.OPEN:
            return f"Access request {use.access_request_id} is open."
        case UseState.GRANTED:
            return f"{use.lease_id} is granted and on its way into Entra."
        case UseState.FAILED:
            return f"{use.lease_id} could not be put into Entra."
        case UseState.ENDING:
            return f"{use.lease_id} is ending."
        case UseState.ACTIVE if missing:
            return f"{use.lease_id} is in Entra, but the last sync did not see all of it there."
    return ""


def _because(person: str, grant: Grant) -> str:
    words = f"{person} is {_phrase(grant.directory_display_name)}"
    if grant.group_id:
        words += f", through the group {grant.group_display_name}"
    if grant.lease_id:
        words += f", by {grant.lease_id} of {grant.entitlement_display_name}"
    elif grant.unmanaged:
        words += ", from outside Latchkey"
    if grant.start_time is not None:
        words += f", since {grant.start_time:%Y-%m-%d %H:%M} UTC"
    return words + "."


def _phrase(name: str) -> str:
    """ "member of X" and "role R of X", as what somebody is."""
    if name.startswith("member of "):
        return f"a {name}"
    return f"assigned the {name}"
