"""What happened, for those who follow: one record for each event of `events.proto`.

Those of the way to a decision are in `decision_facts`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.domain.callers import Caller


@dataclass(frozen=True, slots=True)
class AccessRequestCreated:
    """An access request was made."""

    access_request_id: str
    entitlement_id: str
    app_id: str
    subject_user_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessRequestApproved:
    """An access request was approved."""

    access_request_id: str
    lease_id: str
    policy_id: str
    policy_version: int
    rule: str
    approver_user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessRequestDenied:
    """An access request was denied; without a policy when it was the catalog that refused it."""

    access_request_id: str
    actor: Caller
    policy_id: str = ""
    policy_version: int = 0
    rule: str = ""


@dataclass(frozen=True, slots=True)
class AccessRequestCancelled:
    """An access request was withdrawn."""

    access_request_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessRequestFulfilled:
    """Entra has what was asked for."""

    access_request_id: str
    lease_id: str
    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class AccessRequestFailed:
    """Entra can't be made to have what was asked for."""

    access_request_id: str
    lease_id: str
    failure_reason: str


@dataclass(frozen=True, slots=True)
class AccessRequestRetried:
    """A failed delivery is tried once more."""

    access_request_id: str
    lease_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """A lease shall be in Entra."""

    lease_id: str
    round: int


@dataclass(frozen=True, slots=True)
class LeaseEnded:
    """A lease shall no longer be in Entra; `overdue` is how late it is after its time."""

    lease_id: str
    overdue: timedelta | None = None


@dataclass(frozen=True, slots=True)
class LeaseExtended:
    """A lease lasts longer."""

    lease_id: str
    access_request_id: str
    end_time: datetime


@dataclass(frozen=True, slots=True)
class LeaseEndNear:
    """A lease ends soon."""

    lease_id: str
    entitlement_id: str
    subject_user_id: str
    end_time: datetime


@dataclass(frozen=True, slots=True)
class LeaseEndLate:
    """A lease is in Entra though its end is long over."""

    lease_id: str
    entitlement_id: str
    subject_user_id: str
    end_time: datetime


@dataclass(frozen=True, slots=True)
class LeaseRemoved:
    """What a lease brought is out of Entra."""

    lease_id: str


@dataclass(frozen=True, slots=True)
class LeaseRemovedOutside:
    """Somebody took a part of what a lease brought out of Entra by hand."""

    lease_id: str
    directory_entitlement_ids: tuple[str, ...]
    restored: bool


@dataclass(frozen=True, slots=True)
class TaskOpened:
    """Something has to be done by hand for a lease; `kind` is "DELIVER" or "REMOVE"."""

    task_id: str
    kind: str
    lease_id: str
    app_id: str
    assignee_user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    """Somebody did it."""

    task_id: str
    lease_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class TaskClosed:
    """It needs no longer be done."""

    task_id: str
    lease_id: str


@dataclass(frozen=True, slots=True)
class DelegationCreated:
    """Somebody decides in another's place."""

    delegation_id: str
    delegator_user_id: str
    delegate_user_id: str
    start_time: datetime
    end_time: datetime
    actor: Caller


@dataclass(frozen=True, slots=True)
class DelegationDeleted:
    """A delegation was ended before its time."""

    delegation_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """An access review was started."""

    campaign_id: str
    app_id: str
    entitlement_id: str
    item_count: int
    due_time: datetime
    actor: Caller


@dataclass(frozen=True, slots=True)
class CampaignItemReviewed:
    """It was said of somebody's access whether it stays; `verdict` is "CERTIFIED" or "REVOKED"."""

    campaign_item_id: str
    campaign_id: str
    entitlement_id: str
    subject_user_id: str
    lease_id: str
    verdict: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class CampaignClosed:
    """An access review is over; `due_action` is "KEEP" or "REVOKE"."""

    campaign_id: str
    app_id: str
    open_count: int
    due_action: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class TakeoverStarted:
    """Access from outside is taken over; `action` is "ADOPT" or "REMOVE"."""

    takeover_id: str
    app_id: str
    entitlement_id: str
    action: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class TakeoverHeld:
    """A takeover waits for somebody to confirm it."""

    takeover_id: str
    found_count: int
    holder_count: int


@dataclass(frozen=True, slots=True)
class TakeoverFinished:
    """Every holder of a takeover was seen to."""

    takeover_id: str
    taken_count: int
