"""How far the connector is with a lease."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.requests.domain.target import Target


class DeliveryState(StrEnum):
    """The connector's words."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    LOST = "LOST"
    REMOVING = "REMOVING"
    REMOVED = "REMOVED"


class Remedy(StrEnum):
    """What can be done about a failure; the connector's words."""

    UNSPECIFIED = "UNSPECIFIED"
    NEEDS_PERSON = "NEEDS_PERSON"
    HOPELESS = "HOPELESS"


@dataclass(frozen=True, slots=True)
class TargetAnswer:
    """What Entra answered for one target.

    `present`: whether it is in Entra for the lease; `lost`: whether somebody took it out by hand,
    and it stays out. `failure_reason` is a word, empty while Entra neither refuses it nor its
    removal. `removed_outside_time` is when it was last found to have been taken out by hand, which
    may have been before this lease.
    """

    target: Target
    answer: str
    preexisting: bool
    answer_time: datetime | None
    present: bool = False
    lost: bool = False
    failure_reason: str = ""
    failure_message: str = ""
    remedy: Remedy = Remedy.UNSPECIFIED
    removed_outside_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the connector has done for one lease, in one round."""

    state: DeliveryState
    round: int
    targets: tuple[TargetAnswer, ...] = ()
    failure_reason: str = ""
    failure_message: str = ""
    remedy: Remedy = Remedy.UNSPECIFIED
    removed_outside_time: datetime | None = None

    @property
    def refused(self) -> tuple[TargetAnswer, ...]:
        """The targets that Entra refuses, or does not let go."""
        return tuple(each for each in self.targets if each.failure_reason)

    def removed_outside(self, since: datetime) -> tuple[TargetAnswer, ...]:
        """The targets that were found to have been taken out by hand after a time."""
        return tuple(
            each
            for each in self.targets
            if each.removed_outside_time is not None and each.removed_outside_time > since
        )

    def missing(self, since: datetime) -> tuple[TargetAnswer, ...]:
        """Those that are not there since somebody took them out by hand after a time. All targets
        where the connector says of none that it is."""
        lost = tuple(each for each in self.targets if each.lost)
        gone = tuple(each for each in self.removed_outside(since) if not each.present)
        return lost or gone or self.targets
