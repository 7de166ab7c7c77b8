"""What one attempt in Entra came to."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """Entra did it."""

    answer: str
    entra_assignment_id: str = ""


@dataclass(frozen=True, slots=True)
class Already:
    """Entra says that it was so already: there when adding, gone when removing."""

    answer: str
    entra_assignment_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Entra refuses, and will until somebody changes something. `reason` is a word."""

    answer: str
    reason: str
    message: str


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


Verdict = Done | Already | Refused | Retriable
