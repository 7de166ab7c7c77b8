"""What happened to an access request, in order, for people to read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.domain.callers import Caller
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Origin
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
class EmergencyRequested:
    """It is an emergency, and a policy of its own decides."""

    policy_id: str


@dataclass(frozen=True, slots=True)
class StepOpened:
    """A step began, or others may decide it now. Nobody may decide a wait.

    `of_group`: they are who is in a group, which is not for everybody to know.
    """

    step: int
    approvers: tuple[PersonRef, ...] = ()
    origin: Origin = Origin.UNSPECIFIED
    due_time: datetime | None = None
    of_group: bool = False


@dataclass(frozen=True, slots=True)
class NoApprover:
    """Nobody can decide the step."""

    step: int
    problem: str


@dataclass(frozen=True, slots=True)
class StepApproved:
    """Somebody approved a step; `duration` when they shortened it."""

    step: int
    on_behalf_of: PersonRef | None = None
    reason: str = ""
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Reassigned:
    """A step was handed to others."""

    step: int
    approvers: tuple[PersonRef, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Commented:
    """Somebody said something."""

    comment: str


@dataclass(frozen=True, slots=True)
class Reminded:
    """Those who may decide were reminded."""

    step: int


@dataclass(frozen=True, slots=True)
class Escalated:
    """A step took too long, and another policy decides."""

    step: int
    policy_id: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """It began anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class WaitOver:
    """A wait is over."""

    step: int


@dataclass(frozen=True, slots=True)
class Approved:
    """It was approved, for `duration`; without an end where there is none."""

    by: str
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """It was denied; `on_behalf_of` is in whose place somebody did."""

    message: str
    on_behalf_of: PersonRef | None = None


@dataclass(frozen=True, slots=True)
class LeaseExtended:
    """A lease lasts longer."""

    lease_id: str
    end_time: datetime


@dataclass(frozen=True, slots=True)
class EmergencyReviewed:
    """Emergency access was reviewed."""

    justified: bool
    comment: str


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
class TargetFailed:
    """Entra refused one target; an empty `answer` when it was not called."""

    target: Target
    answer: str
    failure_reason: str
    failure_message: str


@dataclass(frozen=True, slots=True)
class RemovedOutside:
    """Somebody took one target out of Entra by hand; it is `restored`, or else the lease ends."""

    target: Target
    found_time: datetime
    restored: bool


@dataclass(frozen=True, slots=True)
class TaskOpened:
    """Somebody has to do something by hand."""

    task_id: str


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    """Somebody did it."""

    task_id: str
    note: str


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
    """The lease began to end: "expired", "revoked", "removed_outside", or "unmanaged" when it only
    ends."""

    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeaseEnded:
    """The access is out of Entra."""


Happening = (
    Created
    | EmergencyRequested
    | StepOpened
    | NoApprover
    | StepApproved
    | Reassigned
    | Commented
    | Reminded
    | Escalated
    | Restarted
    | WaitOver
    | EmergencyReviewed
    | LeaseExtended
    | PolicyUnavailable
    | Evaluated
    | Approved
    | Denied
    | LeaseGranted
    | TargetDelivered
    | TargetFailed
    | RemovedOutside
    | TaskOpened
    | TaskCompleted
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
