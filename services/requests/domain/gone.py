"""What an access request or a lease can't do without: its person and its entitlement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dependent:
    """An access request or a lease, by `resource_id`, with what it depends on."""

    resource_id: str
    entitlement_id: str
    subject_user_id: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Why a person may hold nothing, or nobody an entitlement, in words for people to read.

    `unknown` when the catalog does not know the id at all, which is also what a catalog says that
    has lost its data.
    """

    reason: str
    unknown: bool = False
