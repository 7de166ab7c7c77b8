"""What happened to an access request, in order, for people to read."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import Caller
from services.requests.domain.target import Target


@dataclass(frozen=True, slots=True)
class Created:
    """It was made."""

    justification: str


@dataclass(frozen=True, slots=True)
class PolicyUnavailable:
    """Policy did not answer, or nothing that decides."""

    problem: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Policy answered."""

    policy_id: str
    policy_version: int
    rule: str


@dataclass(frozen=True, slots=True)
class Approved:
    """It was approved."""

    by: str


@dataclass(frozen=True, slots=True)
class Denied:
    """It was denied."""

    message: str


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """A lease was granted."""

    lease_id: str


@dataclass(frozen=True, slots=True)
class TargetDelivered:
    """Entra answered for one target."""

    target: Target
    answer: str
    preexisting: bool


@dataclass(frozen=True, slots=True)
class Fulfilled:
    """Everything is in Entra."""

    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """The delivery failed."""

    failure_reason: str
    failure_message: str


@dataclass(frozen=True, slots=True)
class Retried:
    """The delivery was begun once more."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It was withdrawn."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeaseEnding:
    """The lease began to end: "expired" or "revoked"."""

    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeaseEnded:
    """The access is out of Entra."""


Happening = (
    Created
    | PolicyUnavailable
    | Evaluated
    | Approved
    | Denied
    | LeaseGranted
    | TargetDelivered
    | Fulfilled
    | DeliveryFailed
    | Retried
    | Cancelled
    | LeaseEnding
    | LeaseEnded
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, when, and who did it."""

    time: datetime
    actor: Caller
    what: Happening
