"""What happened on the way to a decision, as the events that leave."""

from google.protobuf.message import Message

from latchkey.requests.v1 import events_pb2 as pb
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import timestamp
from services.requests.domain import decision_facts


def decision_fact_to_message(body: object) -> Message | None:
    """The event that says it; none for what is of something else."""
    match body:
        case decision_facts.ApprovalRequested() as it:
            return pb.ApprovalRequested(
                access_request_id=it.access_request_id,
                step=it.step,
                approver_user_ids=it.approver_user_ids,
                due_time=timestamp(it.due_time),
            )
        case decision_facts.NoApproverFound() as it:
            return pb.NoApproverFound(
                access_request_id=it.access_request_id, step=it.step, problem=it.problem
            )
        case decision_facts.ApprovalGiven() as it:
            return pb.ApprovalGiven(
                access_request_id=it.access_request_id,
                step=it.step,
                actor=actor_to_proto(it.actor),
                on_behalf_of_user_id=it.on_behalf_of_user_id,
                still_needed=it.still_needed,
            )
        case decision_facts.ApprovalReminded() as it:
            return pb.ApprovalReminded(
                access_request_id=it.access_request_id,
                step=it.step,
                approver_user_ids=it.approver_user_ids,
            )
        case decision_facts.AccessRequestReassigned() as it:
            return pb.AccessRequestReassigned(
                access_request_id=it.access_request_id,
                step=it.step,
                approver_user_ids=it.approver_user_ids,
                actor=actor_to_proto(it.actor),
            )
        case decision_facts.AccessRequestEscalated() as it:
            return pb.AccessRequestEscalated(
                access_request_id=it.access_request_id, step=it.step, policy_id=it.policy_id
            )
        case decision_facts.AccessRequestCommented() as it:
            return pb.AccessRequestCommented(
                access_request_id=it.access_request_id, actor=actor_to_proto(it.actor)
            )
        case decision_facts.AccessRequestRestarted() as it:
            return pb.AccessRequestRestarted(
                access_request_id=it.access_request_id, actor=actor_to_proto(it.actor)
            )
        case decision_facts.EmergencyAccessRequested() as it:
            return pb.EmergencyAccessRequested(
                access_request_id=it.access_request_id,
                entitlement_id=it.entitlement_id,
                app_id=it.app_id,
                subject_user_id=it.subject_user_id,
                actor=actor_to_proto(it.actor),
            )
        case decision_facts.EmergencyAccessReviewed() as it:
            return pb.EmergencyAccessReviewed(
                access_request_id=it.access_request_id,
                justified=it.justified,
                actor=actor_to_proto(it.actor),
            )
        case _:
            return None
