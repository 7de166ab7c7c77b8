"""An access request as its row."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.states import EmergencyReview
from services.requests.domain.steps import Wait
from services.requests.store import documents
from services.requests.store.tables import access_requests as table
from services.requests.store.values import document, value_from


def occupancy(subject_user_id: str, entitlement_id: str) -> str:
    """The key that a person can hold once for an entitlement."""
    return f"{subject_user_id} {entitlement_id}"


def access_request_from(row: RowMapping) -> AccessRequest:
    """The access request of a row; of one without the timeline, one without a timeline."""
    plan = row[table.c.plan]
    entries = row.get(table.c.timeline, ())
    return AccessRequest(
        access_request_id=row[table.c.access_request_id],
        version=row[table.c.version],
        state=AccessRequestState(row[table.c.state]),
        entitlement_id=row[table.c.entitlement_id],
        entitlement_display_name=row[table.c.entitlement_display_name],
        app_id=row[table.c.app_id],
        app_display_name=row[table.c.app_display_name],
        requester=documents.person_from(row[table.c.requester]),
        subject=documents.person_from(row[table.c.subject]),
        justification=row[table.c.justification],
        requested_duration=row[table.c.requested_duration],
        asked_duration=row[table.c.asked_duration],
        emergency=row[table.c.emergency],
        extends_lease_id=row[table.c.extends_lease_id],
        takes_over=row[table.c.takes_over],
        plan=None if plan is None else documents.plan_from(plan),
        inputs=value_from(row[table.c.inputs]),
        progress=value_from(row[table.c.progress]),
        approvals=value_from(row[table.c.approvals]),
        lease_id=row[table.c.lease_id],
        failure_reason=row[table.c.failure_reason],
        failure_message=row[table.c.failure_message],
        review=EmergencyReview(row[table.c.review]),
        reviewers=tuple(row[table.c.reviewers]),
        create_time=row[table.c.create_time],
        update_time=row[table.c.update_time],
        timeline=tuple(documents.entry_from(entry) for entry in entries),
    )


def moving(access_request: AccessRequest) -> dict[str, Any]:
    """What can change."""
    kept = {name: keep(getattr(access_request, name)) for name, keep in _DOCUMENTS.items()}
    return {**_plain(access_request), **kept}


def changed(access_request: AccessRequest, seen: AccessRequest) -> dict[str, Any]:
    """What has changed since it was seen: to write a plan costs as much as all the rest."""
    before = _plain(seen)
    values = {name: it for name, it in _plain(access_request).items() if it != before[name]}
    values["version"] = access_request.version
    for name, keep in _DOCUMENTS.items():
        if (value := getattr(access_request, name)) != getattr(seen, name):
            values[name] = keep(value)
    return values


_DOCUMENTS: Mapping[str, Callable[[Any], Any]] = {
    "plan": lambda plan: None if plan is None else documents.plan_document(plan),
    "inputs": document,
    "progress": document,
    "approvals": document,
    "reviewers": list,
    "timeline": lambda entries: [documents.entry_document(entry) for entry in entries],
}


def _plain(access_request: AccessRequest) -> dict[str, Any]:
    """What can change and is no document."""
    plan = access_request.plan
    return {
        "version": access_request.version,
        "state": access_request.state.value,
        "open_key": occupancy(access_request.subject.user_id, access_request.entitlement_id)
        if access_request.is_open
        else None,
        "requested_duration": access_request.requested_duration,
        "emergency_key": access_request.subject.user_id
        if access_request.blocks_emergency
        else None,
        "policy_id": plan.policy_id if plan is not None else "",
        "waits_for": _waits_for(access_request),
        "due_time": access_request.due_time,
        "review": access_request.review.value,
        "lease_id": access_request.lease_id,
        "failure_reason": access_request.failure_reason,
        "failure_message": access_request.failure_message,
        "update_time": access_request.update_time,
    }


def _waits_for(access_request: AccessRequest) -> str | None:
    """What has to be looked at again for it to go on; none while that is for people or a time."""
    if access_request.state is AccessRequestState.EVALUATING:
        return "POLICY"
    if access_request.state is AccessRequestState.NO_APPROVER:
        return "APPROVER"
    plan, progress = access_request.plan, access_request.progress
    if access_request.state is not AccessRequestState.PENDING or plan is None or progress is None:
        return None
    step = plan.steps[progress.number]
    return "CONDITION" if isinstance(step, Wait) and step.condition else None
