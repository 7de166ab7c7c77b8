"""What access requests, leases and delegations can't do without: their people and entitlements."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# A catalog that knows so few of those it is asked for has more likely lost its data.
_BELIEVED = 20
_BELIEVED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Dependent:
    """An access request, a lease or a delegation, by `resource_id`, with what it depends on.

    A delegation depends on two people, and so is named twice, and on no entitlement: an empty one.
    """

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


@dataclass(frozen=True, slots=True)
class Doubt:
    """How many the catalog was asked for, and how many of those it does not know at all."""

    asked: int
    unknown: int

    @property
    def reason(self) -> str:
        """Why it is not believed, in words for people to read."""
        return (
            f"The catalog does not know {self.unknown} of {self.asked} people and entitlements: "
            "it may have lost its data. What depends on these goes on."
        )


def doubt_of(verdicts: Collection[Gone | None]) -> Doubt | None:
    """Why what the catalog does not know is not taken for gone; none when it is."""
    unknown = sum(verdict is not None and verdict.unknown for verdict in verdicts)
    if unknown <= max(_BELIEVED, _BELIEVED_SHARE * len(verdicts)):
        return None
    return Doubt(len(verdicts), unknown)


def over(
    found: Collection[Dependent],
    people: Mapping[str, Gone | None],
    entitlements: Mapping[str, Gone | None],
    *,
    doubted: bool,
) -> Mapping[str, Gone]:
    """What of `found` is over, by its id, with the reason.

    `people` and `entitlements` are the verdicts on what it depends on. While the catalog is
    `doubted`, what it says of somebody whom it knows counts all the same.
    """
    ended: dict[str, Gone] = {}
    for each in found:
        for verdict in (people[each.subject_user_id], entitlements[each.entitlement_id]):
            if verdict is not None and not (doubted and verdict.unknown):
                ended.setdefault(each.resource_id, verdict)
    return ended
