"""An access request, as it is shown."""

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN, Person
from libs.rpc.well_known import duration, timestamp
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.states import AccessRequestState
from services.requests.translate.common import person_to_proto
from services.requests.translate.inputs import inputs_to_proto
from services.requests.translate.plans import plan_to_proto
from services.requests.translate.timeline import (
    entry_to_proto,
    origin_to_proto,
    people_to_proto,
    place_to_proto,
)

_AT_A_STEP = (AccessRequestState.PENDING, AccessRequestState.NO_APPROVER)


def access_request_to_proto(found: AccessRequest, reader: Person) -> pb.AccessRequest:
    """An access request, as far as the reader may see it."""
    groups = found.shows_groups_to(reader)
    inputs = found.inputs if reader.may(ADMIN, POLICY_ADMIN, AUDITOR) else None
    return pb.AccessRequest(
        access_request_id=found.access_request_id,
        state=pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{found.state}"),
        entitlement_id=found.entitlement_id,
        entitlement_display_name=found.entitlement_display_name,
        app_id=found.app_id,
        app_display_name=found.app_display_name,
        requester=person_to_proto(found.requester),
        subject=person_to_proto(found.subject),
        justification=found.justification,
        requested_duration=duration(found.requested_duration),
        plan=None if found.plan is None else plan_to_proto(found.plan),
        lease_id=found.lease_id,
        failure_reason=found.failure_reason,
        failure_message=found.failure_message,
        create_time=timestamp(found.create_time),
        update_time=timestamp(found.update_time),
        timeline=[entry_to_proto(entry, groups=groups) for entry in found.timeline],
        etag=str(found.version),
        emergency=found.emergency,
        extends_lease_id=found.extends_lease_id,
        takes_over=found.takes_over,
        current_step=_current_step(found, groups=groups),
        emergency_review_state=pb.EmergencyReviewState.Value(
            f"EMERGENCY_REVIEW_STATE_{found.review}"
        ),
        inputs=None if inputs is None else inputs_to_proto(inputs),
    )


def _current_step(found: AccessRequest, *, groups: bool) -> pb.CurrentStep | None:
    progress = found.progress
    if progress is None or found.state not in _AT_A_STEP:
        return None
    return pb.CurrentStep(
        number=progress.number,
        approvers=people_to_proto(progress.approvers if groups or not progress.of_group else ()),
        approver_count=len(progress.approvers),
        needed=progress.needed,
        approvals=[
            pb.StepApproval(
                approver=person_to_proto(each.approver),
                on_behalf_of=place_to_proto(each.on_behalf_of),
                approve_time=timestamp(each.time),
                reason=each.reason,
            )
            for each in progress.approvals
        ],
        open_time=timestamp(progress.open_time),
        due_time=timestamp(progress.due_time),
        origin=origin_to_proto(progress.origin),
        problem=progress.problem,
    )
