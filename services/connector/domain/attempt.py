"""What is kept of each time that Entra was called for an operation.

The beginning is written before the call, with the id that the call carries; the end after it. One
that has only a beginning was cut off, and nobody knows what came of it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.connector.domain.verdict import NO_CALL, Exchange


class AttemptOutcome(StrEnum):
    """What came of an attempt."""

    DONE = "DONE"
    ALREADY = "ALREADY"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class AttemptBegun:
    """Entra is about to be called. `number` counts from 1."""

    number: int
    start_time: datetime
    client_request_id: str


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """The answer came, or never will: then there is no `finish_time`."""

    number: int
    outcome: AttemptOutcome
    exchange: Exchange
    finish_time: datetime | None

    @classmethod
    def cut_off(cls, number: int) -> "AttemptEnded":
        """One whose answer nobody kept."""
        lost = Exchange(message="the connector stopped before it had kept an answer")
        return cls(number, AttemptOutcome.UNKNOWN, lost, None)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt as it is on record; `outcome` is none while no answer has come."""

    number: int
    start_time: datetime
    client_request_id: str
    finish_time: datetime | None = None
    outcome: AttemptOutcome | None = None
    exchange: Exchange = NO_CALL
