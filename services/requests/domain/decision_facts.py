"""What happened on the way to a decision, for those who follow: events as `facts` has them."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import Caller


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """People are asked to decide a step."""

    access_request_id: str
    step: int
    approver_user_ids: tuple[str, ...]
    due_time: datetime | None


@dataclass(frozen=True, slots=True)
class NoApproverFound:
    """Nobody can decide the step."""

    access_request_id: str
    step: int
    problem: str


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """Somebody approved a step."""

    access_request_id: str
    step: int
    actor: Caller
    on_behalf_of_user_id: str
    still_needed: int


@dataclass(frozen=True, slots=True)
class ApprovalReminded:
    """Those who may decide are reminded."""

    access_request_id: str
    step: int
    approver_user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessRequestReassigned:
    """A step was handed to others."""

    access_request_id: str
    step: int
    approver_user_ids: tuple[str, ...]
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessRequestEscalated:
    """A step took too long, and another policy decides."""

    access_request_id: str
    step: int
    policy_id: str


@dataclass(frozen=True, slots=True)
class AccessRequestCommented:
    """Somebody said something."""

    access_request_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessRequestRestarted:
    """It began anew."""

    access_request_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class EmergencyAccessRequested:
    """Access was asked for in an emergency."""

    access_request_id: str
    entitlement_id: str
    app_id: str
    subject_user_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class EmergencyAccessReviewed:
    """Emergency access was reviewed."""

    access_request_id: str
    justified: bool
    actor: Caller
