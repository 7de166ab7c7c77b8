"""Steps of plans and who may decide them, in policy's words and in the catalog's."""

from latchkey.catalog.v1 import approver_pb2
from latchkey.policy.v1 import policy_pb2
from libs.rpc.well_known import duration, length_of
from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Approvers,
    EntitlementOwners,
    Escalate,
    GiveUp,
    GroupMembers,
    Manager,
    People,
    Reassign,
    Reject,
    Remind,
    Step,
    TimeLimit,
    UnknownApprovers,
    UnknownStep,
    Wait,
)

_PEOPLE_IN_A_PART = 100


def step_from_proto(message: policy_pb2.Step) -> Step:
    """A step as policy gave it. What is not understood is unknown, and never passed over."""
    match message.WhichOneof("kind"):
        case "accept":
            return Accept(message.accept.message)
        case "reject":
            return Reject(message.reject.message)
        case "approval":
            return _approval(message.approval)
        case "wait":
            return _wait(message.wait)
        case _:
            return UnknownStep()


def _approval(message: policy_pb2.Step.Approval) -> Step:
    limit = None
    if message.HasField("time_limit"):
        limit = _time_limit(message.time_limit)
        if limit is None:
            return UnknownStep()
    return Approval(
        approvers=approvers_from_proto(message.approvers),
        fallback=approvers_from_proto(message.fallback) if message.HasField("fallback") else None,
        needed=message.needed or 1,
        all_of_them=message.all,
        reason_to_approve=message.reason_to_approve,
        reason_to_deny=message.reason_to_deny,
        distinct=message.distinct,
        no_reassignment=message.no_reassignment,
        no_delegation=message.no_delegation,
        time_limit=limit,
    )


def _wait(message: policy_pb2.Step.Wait) -> Step:
    length = length_of(message.duration) if message.HasField("duration") else None
    timeout = length_of(message.timeout) if message.HasField("timeout") else None
    if (length is None) == (not message.condition) or (length is None and timeout is None):
        return UnknownStep()
    return Wait(length, message.condition, timeout)


def _time_limit(message: policy_pb2.TimeLimit) -> TimeLimit | None:
    after = length_of(message.after)
    match message.WhichOneof("then"):
        case "remind":
            return TimeLimit(after, Remind())
        case "reassign":
            return TimeLimit(after, Reassign(approvers_from_proto(message.reassign)))
        case "escalate_to_policy_id":
            return TimeLimit(after, Escalate(message.escalate_to_policy_id))
        case "deny":
            return TimeLimit(after, GiveUp())
        case _:
            return None


def approvers_from_proto(message: policy_pb2.Approvers | approver_pb2.ApproverSource) -> Approvers:
    """Who may decide, which policy and the catalog spell alike."""
    match message.WhichOneof("kind"):
        case "people":
            return People(tuple(message.people.user_ids))
        case "manager":
            return Manager(message.manager.level or 1)
        case "app_owners":
            return AppOwners()
        case "entitlement_owners":
            return EntitlementOwners()
        case "group_members":
            return GroupMembers(message.group_members.group_id)
        case _:
            return UnknownApprovers()


def step_to_proto(step: Step) -> policy_pb2.Step:
    """A step as policy gave it; nothing of one that was not understood."""
    match step:
        case Accept(message):
            return policy_pb2.Step(accept=policy_pb2.Step.Accept(message=message))
        case Reject(message):
            return policy_pb2.Step(reject=policy_pb2.Step.Reject(message=message))
        case Approval():
            return policy_pb2.Step(approval=_approval_to_proto(step))
        case Wait(length, condition, timeout):
            return policy_pb2.Step(
                wait=policy_pb2.Step.Wait(
                    duration=duration(length), condition=condition, timeout=duration(timeout)
                )
            )
        case UnknownStep():
            return policy_pb2.Step()


def _approval_to_proto(step: Approval) -> policy_pb2.Step.Approval:
    fallback = None if step.fallback is None else _approvers_to_proto(step.fallback)
    limit = None if step.time_limit is None else _time_limit_to_proto(step.time_limit)
    return policy_pb2.Step.Approval(
        approvers=_approvers_to_proto(step.approvers),
        fallback=fallback,
        needed=0 if step.all_of_them else step.needed,
        all=step.all_of_them,
        reason_to_approve=step.reason_to_approve,
        reason_to_deny=step.reason_to_deny,
        distinct=step.distinct,
        no_reassignment=step.no_reassignment,
        no_delegation=step.no_delegation,
        time_limit=limit,
    )


def _time_limit_to_proto(limit: TimeLimit) -> policy_pb2.TimeLimit:
    message = policy_pb2.TimeLimit(after=duration(limit.after))
    match limit.then:
        case Remind():
            message.remind.SetInParent()
        case Reassign(approvers):
            message.reassign.CopyFrom(_approvers_to_proto(approvers))
        case Escalate(policy_id):
            message.escalate_to_policy_id = policy_id
        case GiveUp():
            message.deny.SetInParent()
    return message


def _approvers_to_proto(approvers: Approvers) -> policy_pb2.Approvers:
    message = policy_pb2.Approvers()
    match approvers:
        case People(user_ids):
            message.people.SetInParent()
            message.people.user_ids.extend(user_ids)
        case Manager(level):
            message.manager.level = level
        case AppOwners():
            message.app_owners.SetInParent()
        case EntitlementOwners():
            message.entitlement_owners.SetInParent()
        case GroupMembers(group_id):
            message.group_members.group_id = group_id
        case UnknownApprovers():
            pass
    return message


def parts_of(approvers: Approvers) -> list[approver_pb2.ApproverSource]:
    """Whom to ask the catalog for: many people in several parts, and nothing for nobody."""
    if isinstance(approvers, People):
        return [
            approver_pb2.ApproverSource(
                people=approver_pb2.ApproverSource.People(
                    user_ids=approvers.user_ids[start : start + _PEOPLE_IN_A_PART]
                )
            )
            for start in range(0, len(approvers.user_ids), _PEOPLE_IN_A_PART)
        ]
    message = approver_pb2.ApproverSource()
    match approvers:
        case Manager(level):
            message.manager.level = level
        case AppOwners():
            message.app_owners.SetInParent()
        case EntitlementOwners():
            message.entitlement_owners.SetInParent()
        case GroupMembers(group_id):
            message.group_members.group_id = group_id
        case UnknownApprovers():
            return []
    return [message]
