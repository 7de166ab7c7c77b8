"""Who holds what in the directory, and why."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Which:
    """Which grants; an empty string says nothing. `at_time`: as they were then."""

    user_id: str = ""
    app_id: str = ""
    entitlement_id: str = ""
    directory_entitlement_id: str = ""
    unmanaged: bool = False
    at_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that a person holds, with the entitlement that it is part of, if any.

    `group_id`: the group through which they hold an app role assignment, empty for their own.
    `unmanaged`: it is their own, part of an entitlement, and they have no lease of that.
    `start_time` is none when it was there before anybody noted that.
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
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a person has something, by what, and what is missing, also in words."""

    held: bool
    grants: tuple[Grant, ...]
    missing: tuple[str, ...]
    sentences: tuple[str, ...]


def explain(
    person: str, wanted: Mapping[str, str], grants: Sequence[Grant], request_ids: Collection[str]
) -> Explanation:
    """Why a person has or lacks what is `wanted`: directory entitlements by name.

    `request_ids` are their open access requests for it.
    """
    there = {grant.directory_entitlement_id for grant in grants}
    missing = tuple(each for each in wanted if each not in there)
    sentences = [_because(person, grant) for grant in grants]
    sentences += (f"{person} is not {_phrase(wanted[each])}." for each in missing)
    sentences += (f"Access request {each} is open." for each in sorted(request_ids))
    return Explanation(bool(wanted) and not missing, tuple(grants), missing, tuple(sentences))


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
