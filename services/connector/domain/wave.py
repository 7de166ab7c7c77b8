"""Which operations go to Entra next, and which of them go together.

A tenant lets only so many writes through a second. So what is due goes in lanes, in each the oldest
first, as far as there is room; but joins of one group go together, since up to twenty of them
are one write, and the younger ones ride along for nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.connector.domain.assignment import Assignment
from services.connector.domain.operation import Lane, Operation, OperationKind
from services.connector.domain.target import GroupMembership

# What one PATCH of a group's members takes, and what one batch takes.
# Sources: Microsoft Learn, "Add members to group" and "Combine multiple HTTP requests using JSON
# batching".
MOST_TOGETHER = 20
# Up to so many writes go as calls of their own, which is quicker for who waits for them.
_FEW = 2
# One in so many writes is for the oldest.
_SHARE_OF_OLDEST = 4
# How many parcels may be on their way: what takes access away is never kept waiting by what gives
# it, and neither by calls that hang.
SLOTS = {Lane.REVOKE: 8, Lane.EMERGENCY: 7, Lane.GRANT: 6}


@dataclass(frozen=True, slots=True)
class Due:
    """An operation that is due. `entra_group_id` is empty unless it is about a group.

    `client_request_id` is empty unless it is certain already which id its call carries.
    """

    operation_id: str
    entra_principal_id: str
    kind: OperationKind
    lane: Lane
    entra_group_id: str = ""
    client_request_id: str = ""

    @classmethod
    def of(cls, assignment: Assignment, operation: Operation) -> "Due":
        """What is under way for an assignment."""
        kind = assignment.target.kind
        return cls(
            operation.operation_id,
            assignment.principal.entra_object_id,
            operation.kind,
            operation.lane,
            kind.entra_group_id if isinstance(kind, GroupMembership) else "",
        )

    @property
    def joins(self) -> tuple[str, str] | None:
        """What goes in one call with it: those who join the group by a call of that id."""
        if self.kind is not OperationKind.ADD or not self.entra_group_id:
            return None
        return self.entra_group_id, self.client_request_id


@dataclass(frozen=True, slots=True)
class Parcel:
    """Operations that go to Entra together, and how many writes that is."""

    lane: Lane
    operations: tuple[Due, ...]
    writes: int


@dataclass(frozen=True, slots=True)
class Wave:
    """What goes now. `kept_back` is whether more would go if the tenant let more writes through."""

    parcels: tuple[Parcel, ...]
    kept_back: bool

    @property
    def writes(self) -> int:
        """How many writes it is."""
        return sum(parcel.writes for parcel in self.parcels)


def next_wave(due: Sequence[Due], *, writes: int, on_their_way: int) -> Wave:
    """What goes next of what is due, which comes in the order that it shall go in.

    `writes` may go now; `on_their_way` parcels went and have not come back.
    """
    parcels: list[Parcel] = []
    kept_back = False
    for lane in Lane:
        free = SLOTS[lane] - on_their_way - len(parcels)
        found, missed = _of_lane(lane, [each for each in due if each.lane is lane], writes)
        taken = found[: max(free, 0)]
        parcels += taken
        kept_back |= missed
        writes -= sum(parcel.writes for parcel in taken)
    return Wave(tuple(parcels), kept_back)


def _of_lane(lane: Lane, due: Iterable[Due], writes: int) -> tuple[list[Parcel], bool]:
    """The parcels of a lane, those of the oldest first, and whether some found no room."""
    together: dict[tuple[str, str], list[Due]] = {}
    # Each is one write; the oldest of its operations says how old it is.
    candidates: list[list[Due]] = []
    for each in due:
        some = together.get(each.joins) if each.joins else None
        if some is not None and len(some) < MOST_TOGETHER:
            some.append(each)
            continue
        candidates.append([each])
        if each.joins:
            together[each.joins] = candidates[-1]
    chosen = _chosen(candidates, writes)
    alone = [some[0] for some in chosen if len(some) == 1]
    at_once = 1 if len(alone) <= _FEW else MOST_TOGETHER
    beginning = {
        alone[first].operation_id: tuple(alone[first : first + at_once])
        for first in range(0, len(alone), at_once)
    }
    parcels = []
    for some in chosen:
        if len(some) > 1:
            parcels.append(Parcel(lane, tuple(some), 1))
        elif (batch := beginning.get(some[0].operation_id)) is not None:
            parcels.append(Parcel(lane, batch, len(batch)))
    return parcels, len(chosen) < len(candidates)


def _chosen(candidates: list[list[Due]], writes: int) -> list[list[Due]]:
    """What goes of these when only so many writes may: the oldest, and what does most for one.

    A part of the writes is for the oldest whatever they are, so that none is passed over for ever.
    """
    if len(candidates) <= writes:
        return candidates
    by_age = -(-max(writes, 0) // _SHARE_OF_OLDEST)
    rest = range(by_age, len(candidates))
    fullest = sorted(rest, key=lambda number: -len(candidates[number]))
    taken = sorted([*range(by_age), *fullest[: max(writes, 0) - by_age]])
    return [candidates[number] for number in taken]
