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
    REMOVING = "REMOVING"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class TargetAnswer:
    """What Entra answered for one target."""

    target: Target
    answer: str
    preexisting: bool
    answer_time: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the connector has done for one lease, in one round."""

    state: DeliveryState
    round: int
    targets: tuple[TargetAnswer, ...] = ()
    failure_reason: str = ""
    failure_message: str = ""
