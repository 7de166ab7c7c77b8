"""Where an access request stands, and which way it may go.

    EVALUATING ◄──► PENDING ◄──► NO_APPROVER ◄──► EVALUATING
        │              │
        └──────┬───────┘         and from each of the three to DENIED and CANCELLED
               ▼
            APPROVED ─► FULFILLED
              │  ▲ └──► FAILED
              │  └────── ┘   (retry)
              ▼
          CANCELLED

What is undecided goes back to EVALUATING when it is restarted, or when a step is not understood.
"""

from enum import StrEnum


class AccessRequestState(StrEnum):
    """Where an access request stands."""

    EVALUATING = "EVALUATING"
    PENDING = "PENDING"
    NO_APPROVER = "NO_APPROVER"
    APPROVED = "APPROVED"
    FULFILLED = "FULFILLED"
    FAILED = "FAILED"
    DENIED = "DENIED"
    CANCELLED = "CANCELLED"


_State = AccessRequestState
UNDECIDED = frozenset({_State.EVALUATING, _State.PENDING, _State.NO_APPROVER})
OPEN = UNDECIDED | {_State.APPROVED}
FINAL = frozenset({_State.FULFILLED, _State.DENIED, _State.CANCELLED})
_DECIDED = {_State.APPROVED, _State.DENIED, _State.CANCELLED}
NEXT = {
    _State.EVALUATING: {*UNDECIDED, *_DECIDED},
    _State.PENDING: {*UNDECIDED, *_DECIDED},
    # Somebody has to be found first.
    _State.NO_APPROVER: {*UNDECIDED, _State.DENIED, _State.CANCELLED},
    _State.APPROVED: {_State.FULFILLED, _State.FAILED, _State.CANCELLED},
    _State.FAILED: {_State.APPROVED},
}


class EmergencyReview(StrEnum):
    """Where the review of emergency access stands; the contract's words."""

    UNSPECIFIED = "UNSPECIFIED"
    OPEN = "OPEN"
    JUSTIFIED = "JUSTIFIED"
    NOT_JUSTIFIED = "NOT_JUSTIFIED"
