"""What happened to an access request, as its timeline says it."""

from collections.abc import Iterable
from datetime import datetime

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import duration, timestamp
from services.requests.domain import timeline
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Origin
from services.requests.domain.timeline import Entry
from services.requests.translate.common import person_to_proto, target_to_proto


def origin_to_proto(origin: Origin) -> pb.ApproverOrigin.ValueType:
    """How those who may decide came about."""
    return pb.ApproverOrigin.Value(f"APPROVER_ORIGIN_{origin}")


def people_to_proto(people: Iterable[PersonRef]) -> list[pb.PersonRef]:
    """People."""
    return [person_to_proto(each) for each in people]


def place_to_proto(person: PersonRef | None) -> pb.PersonRef | None:
    """In whose place somebody decided; none in their own."""
    return None if person is None else person_to_proto(person)


def entry_to_proto(entry: Entry, *, groups: bool) -> pb.TimelineEntry:
    """Something that happened; with `groups` also who is in those that decide."""
    message = pb.TimelineEntry(entry_time=timestamp(entry.time), actor=actor_to_proto(entry.actor))
    match entry.what:
        case timeline.Created(justification):
            message.created.justification = justification
        case timeline.PolicyUnavailable(problem):
            message.policy_unavailable.problem = problem
        case timeline.Evaluated(policy_id, policy_version, rule):
            message.evaluated.policy_id = policy_id
            message.evaluated.policy_version = policy_version
            message.evaluated.rule = rule
        case timeline.EmergencyRequested(policy_id):
            message.emergency_requested.SetInParent()
            message.emergency_requested.policy_id = policy_id
        case timeline.StepOpened(step, approvers, origin, due_time, of_group):
            message.step_opened.CopyFrom(
                _step_opened(step, approvers if groups or not of_group else (), origin, due_time)
            )
        case timeline.NoApprover(step, problem):
            message.no_approver.CopyFrom(pb.TimelineEntry.NoApprover(step=step, problem=problem))
        case timeline.StepApproved(step, on_behalf_of, reason, length):
            message.step_approved.CopyFrom(
                pb.TimelineEntry.StepApproved(
                    step=step,
                    on_behalf_of=place_to_proto(on_behalf_of),
                    reason=reason,
                    duration=duration(length),
                )
            )
        case timeline.Reassigned(step, approvers, reason):
            message.reassigned.CopyFrom(
                pb.TimelineEntry.Reassigned(
                    step=step, approvers=people_to_proto(approvers), reason=reason
                )
            )
        case timeline.Commented(comment):
            message.commented.comment = comment
        case timeline.Reminded(step):
            message.reminded.CopyFrom(pb.TimelineEntry.Reminded(step=step))
        case timeline.Escalated(step, policy_id):
            message.escalated.CopyFrom(pb.TimelineEntry.Escalated(step=step, policy_id=policy_id))
        case timeline.Restarted(reason):
            message.restarted.CopyFrom(pb.TimelineEntry.Restarted(reason=reason))
        case timeline.WaitOver(step):
            message.wait_over.CopyFrom(pb.TimelineEntry.WaitOver(step=step))
        case timeline.Approved(by, length):
            message.approved.CopyFrom(pb.TimelineEntry.Approved(by=by, duration=duration(length)))
        case timeline.Denied(text, on_behalf_of):
            message.denied.CopyFrom(
                pb.TimelineEntry.Denied(message=text, on_behalf_of=place_to_proto(on_behalf_of))
            )
        case timeline.LeaseExtended(lease_id, until):
            message.lease_extended.CopyFrom(
                pb.TimelineEntry.LeaseExtendedEntry(lease_id=lease_id, end_time=timestamp(until))
            )
        case timeline.EmergencyReviewed(justified, comment):
            message.emergency_reviewed.CopyFrom(
                pb.TimelineEntry.EmergencyReviewed(justified=justified, comment=comment)
            )
        case timeline.LeaseGranted(lease_id):
            message.lease_granted.lease_id = lease_id
        case timeline.TargetDelivered(target, answer, preexisting):
            message.target_delivered.target.CopyFrom(target_to_proto(target))
            message.target_delivered.answer = answer
            message.target_delivered.preexisting = preexisting
        case timeline.TargetFailed(target, answer, failure_reason, failure_message):
            message.target_failed.CopyFrom(
                pb.TimelineEntry.TargetFailed(
                    target=target_to_proto(target),
                    answer=answer,
                    failure_reason=failure_reason,
                    failure_message=failure_message,
                )
            )
        case timeline.RemovedOutside(target, found_time, restored):
            message.removed_outside.CopyFrom(
                pb.TimelineEntry.RemovedOutside(
                    target=target_to_proto(target),
                    found_time=timestamp(found_time),
                    restored=restored,
                )
            )
        case timeline.TaskOpened(task_id):
            message.task_opened.task_id = task_id
        case timeline.TaskCompleted(task_id, note):
            message.task_completed.task_id = task_id
            message.task_completed.note = note
        case timeline.Fulfilled(end_time):
            message.fulfilled.SetInParent()
            if (end := timestamp(end_time)) is not None:
                message.fulfilled.end_time.CopyFrom(end)
        case timeline.DeliveryFailed(failure_reason, failure_message):
            message.delivery_failed.SetInParent()
            message.delivery_failed.failure_reason = failure_reason
            message.delivery_failed.failure_message = failure_message
        case timeline.Retried():
            message.retried.SetInParent()
        case timeline.Cancelled(reason):
            message.cancelled.SetInParent()
            message.cancelled.reason = reason
        case timeline.LeaseEnding(cause, reason):
            message.lease_ending.cause = cause
            message.lease_ending.reason = reason
        case timeline.LeaseEnded():
            message.lease_ended.SetInParent()
    return message


def _step_opened(
    step: int, approvers: tuple[PersonRef, ...], origin: Origin, due_time: datetime | None
) -> pb.TimelineEntry.StepOpened:
    return pb.TimelineEntry.StepOpened(
        step=step,
        approvers=people_to_proto(approvers),
        origin=origin_to_proto(origin),
        due_time=timestamp(due_time),
    )
