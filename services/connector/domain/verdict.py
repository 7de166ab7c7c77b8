"""What one attempt in Entra came to."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Remedy(StrEnum):
    """What can be done about a failure."""

    NEEDS_PERSON = "NEEDS_PERSON"
    HOPELESS = "HOPELESS"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The call that decided an attempt, and its answer; empty when none was made.

    `status` is 0 when no answer came; `message` then says what happened instead.
    """

    call: str = ""
    status: int = 0
    code: str = ""
    message: str = ""
    graph_request_id: str = ""
    client_request_id: str = ""


NO_CALL = Exchange()


@dataclass(frozen=True, slots=True)
class Done:
    """Entra did it."""

    answer: str
    entra_assignment_id: str = ""
    exchange: Exchange = NO_CALL


@dataclass(frozen=True, slots=True)
class Already:
    """Entra says that it was so already: there when adding, gone when removing.

    That it is gone is believed only when `patience` has passed since it was last added: a replica
    that has not heard of that yet says so too.
    """

    answer: str
    entra_assignment_id: str = ""
    exchange: Exchange = NO_CALL
    patience: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Refused:
    """Entra refuses, and will until somebody changes something. `reason` is a word."""

    answer: str
    reason: str
    message: str
    remedy: Remedy = Remedy.NEEDS_PERSON
    exchange: Exchange = NO_CALL


@dataclass(frozen=True, slots=True)
class Retriable:
    """It may work later.

    Unless it is `certain` that Entra did nothing, the attempt may have had its effect. When an
    attempt is still unsuccessful after `patience`, it counts as `otherwise`, if there is one.
    """

    answer: str
    problem: str
    certain: bool
    delay: timedelta | None = None
    otherwise: Refused | None = None
    patience: timedelta = timedelta(0)
    exchange: Exchange = NO_CALL


Verdict = Done | Already | Refused | Retriable
