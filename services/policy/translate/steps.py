"""The steps of `policy.proto`."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from latchkey.policy.v1 import policy_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration, duration_field
from services.policy.domain import steps as kinds
from services.policy.domain.content import EXPRESSION_MOST

_MOST_STEPS = 20
_MOST_PEOPLE = 100
_MOST_NEEDED = 20
_MOST_LEVEL = 5
_MOST_MESSAGE = 500
_LONGEST = timedelta(days=90)
_NOTHING = kinds.Reject("")
_NOBODY = kinds.People(())


def steps(fields: Fields, path: str, found: Sequence[policy_pb2.Step]) -> tuple[kinds.Step, ...]:
    """The steps of a request."""
    if not 1 <= len(found) <= _MOST_STEPS:
        fields.wrong(path, f"has {len(found)} steps, must be 1 to {_MOST_STEPS}")
        return ()
    return tuple(_step(fields, f"{path}[{n}]", step) for n, step in enumerate(found))


def _step(fields: Fields, path: str, step: policy_pb2.Step) -> kinds.Step:
    kind = step.WhichOneof("kind")
    if kind == "accept":
        return kinds.Accept(
            _message(fields, f"{path}.accept.message", step.accept.message, least=0)
        )
    if kind == "reject":
        return kinds.Reject(
            _message(fields, f"{path}.reject.message", step.reject.message, least=1)
        )
    if kind == "approval":
        return _approval(fields, f"{path}.approval", step.approval)
    if kind == "wait":
        return _wait(fields, f"{path}.wait", step.wait)
    fields.wrong(path, "must be one of accept, reject, approval, wait")
    return _NOTHING


def _message(fields: Fields, path: str, value: str, *, least: int) -> str:
    return fields.text(path, value, least=least, most=_MOST_MESSAGE, lines=True)


def _approval(fields: Fields, path: str, approval: policy_pb2.Step.Approval) -> kinds.Approval:
    if approval.all and approval.needed:
        fields.wrong(f"{path}.needed", "can't be given together with all")
    elif not 0 <= approval.needed <= _MOST_NEEDED:
        fields.wrong(f"{path}.needed", f"must be between 1 and {_MOST_NEEDED}, or 0 for 1")
    return kinds.Approval(
        approvers=_approvers(fields, f"{path}.approvers", approval.approvers),
        fallback=(
            _approvers(fields, f"{path}.fallback", approval.fallback)
            if approval.HasField("fallback")
            else None
        ),
        needed=approval.needed or 1,
        all=approval.all,
        reason_to_approve=approval.reason_to_approve,
        reason_to_deny=approval.reason_to_deny,
        distinct=approval.distinct,
        no_reassignment=approval.no_reassignment,
        no_delegation=approval.no_delegation,
        time_limit=(
            _time_limit(fields, f"{path}.time_limit", approval.time_limit)
            if approval.HasField("time_limit")
            else None
        ),
    )


def _wait(fields: Fields, path: str, wait: policy_pb2.Step.Wait) -> kinds.Wait:
    timed, conditional = wait.HasField("duration"), bool(wait.condition)
    if timed == conditional:
        fields.wrong(path, "must have exactly one of duration, condition")
    if conditional and not wait.HasField("timeout"):
        fields.wrong(f"{path}.timeout", "is required with a condition")
    if not conditional and wait.HasField("timeout"):
        fields.wrong(f"{path}.timeout", "is for a condition only")
    return kinds.Wait(
        duration=_length(fields, f"{path}.duration", wait.duration) if timed else None,
        condition=(_expression(fields, f"{path}.condition", wait.condition) if conditional else ""),
        timeout=(
            _length(fields, f"{path}.timeout", wait.timeout) if wait.HasField("timeout") else None
        ),
    )


def _time_limit(fields: Fields, path: str, limit: policy_pb2.TimeLimit) -> kinds.TimeLimit:
    after = timedelta(0)
    if limit.HasField("after"):
        after = _length(fields, f"{path}.after", limit.after) or after
    else:
        fields.wrong(f"{path}.after", "is required")
    return kinds.TimeLimit(after, _then(fields, path, limit))


def _then(fields: Fields, path: str, limit: policy_pb2.TimeLimit) -> kinds.Then:
    then = limit.WhichOneof("then")
    if then == "remind":
        return kinds.Remind()
    if then == "reassign":
        return kinds.Reassign(_approvers(fields, f"{path}.reassign", limit.reassign))
    if then == "escalate_to_policy_id":
        policy_id = limit.escalate_to_policy_id
        return kinds.Escalate(fields.id(f"{path}.escalate_to_policy_id", policy_id, "pol"))
    if then is None:
        fields.wrong(path, "must have one of remind, reassign, escalate_to_policy_id, deny")
    return kinds.Deny()


def _approvers(fields: Fields, path: str, approvers: policy_pb2.Approvers) -> kinds.Approvers:
    kind = approvers.WhichOneof("kind")
    if kind == "people":
        return _people(fields, f"{path}.people.user_ids", approvers.people.user_ids)
    if kind == "manager":
        level = approvers.manager.level
        if not 0 <= level <= _MOST_LEVEL:
            fields.wrong(
                f"{path}.manager.level", f"must be between 1 and {_MOST_LEVEL}, or 0 for 1"
            )
        return kinds.Manager(level or 1)
    if kind == "app_owners":
        return kinds.AppOwners()
    if kind == "entitlement_owners":
        return kinds.EntitlementOwners()
    if kind == "group_members":
        group_id = approvers.group_members.group_id
        return kinds.GroupMembers(fields.id(f"{path}.group_members.group_id", group_id, "grp"))
    if kind == "expression":
        return kinds.Expression(_expression(fields, f"{path}.expression", approvers.expression))
    fields.wrong(
        path,
        "must be one of people, manager, app_owners, entitlement_owners, group_members, expression",
    )
    return _NOBODY


def _people(fields: Fields, path: str, user_ids: Sequence[str]) -> kinds.People:
    if not user_ids:
        fields.wrong(path, f"is required, 1 to {_MOST_PEOPLE} ids that begin with usr_")
    return kinds.People(fields.ids(path, user_ids, "usr", most=_MOST_PEOPLE))


def _expression(fields: Fields, path: str, value: str) -> str:
    return fields.text(path, value, most=EXPRESSION_MOST, lines=True)


def _length(fields: Fields, path: str, message: Duration) -> timedelta | None:
    return duration_field(fields, path, message, most=_LONGEST)


def steps_to_proto(found: Iterable[kinds.Step]) -> list[policy_pb2.Step]:
    """Steps as the contract has them."""
    return [_step_to_proto(step) for step in found]


def _step_to_proto(step: kinds.Step) -> policy_pb2.Step:
    if isinstance(step, kinds.Accept):
        return policy_pb2.Step(accept=policy_pb2.Step.Accept(message=step.message))
    if isinstance(step, kinds.Reject):
        return policy_pb2.Step(reject=policy_pb2.Step.Reject(message=step.message))
    if isinstance(step, kinds.Approval):
        return policy_pb2.Step(approval=_approval_to_proto(step))
    return policy_pb2.Step(
        wait=policy_pb2.Step.Wait(
            duration=duration(step.duration),
            condition=step.condition,
            timeout=duration(step.timeout),
        )
    )


def _approval_to_proto(step: kinds.Approval) -> policy_pb2.Step.Approval:
    return policy_pb2.Step.Approval(
        approvers=_approvers_to_proto(step.approvers),
        fallback=None if step.fallback is None else _approvers_to_proto(step.fallback),
        needed=0 if step.all else step.needed,
        all=step.all,
        reason_to_approve=step.reason_to_approve,
        reason_to_deny=step.reason_to_deny,
        distinct=step.distinct,
        no_reassignment=step.no_reassignment,
        no_delegation=step.no_delegation,
        time_limit=None if step.time_limit is None else _time_limit_to_proto(step.time_limit),
    )


def _time_limit_to_proto(limit: kinds.TimeLimit) -> policy_pb2.TimeLimit:
    then: dict[str, Any]
    if isinstance(limit.then, kinds.Remind):
        then = {"remind": policy_pb2.TimeLimit.Remind()}
    elif isinstance(limit.then, kinds.Reassign):
        then = {"reassign": _approvers_to_proto(limit.then.approvers)}
    elif isinstance(limit.then, kinds.Escalate):
        then = {"escalate_to_policy_id": limit.then.policy_id}
    else:
        then = {"deny": policy_pb2.TimeLimit.Deny()}
    return policy_pb2.TimeLimit(after=duration(limit.after), **then)


def _approvers_to_proto(approvers: kinds.Approvers) -> policy_pb2.Approvers:
    made = policy_pb2.Approvers
    if isinstance(approvers, kinds.People):
        return made(people=made.People(user_ids=approvers.user_ids))
    if isinstance(approvers, kinds.Manager):
        return made(manager=made.Manager(level=approvers.level))
    if isinstance(approvers, kinds.AppOwners):
        return made(app_owners=made.AppOwners())
    if isinstance(approvers, kinds.EntitlementOwners):
        return made(entitlement_owners=made.EntitlementOwners())
    if isinstance(approvers, kinds.GroupMembers):
        return made(group_members=made.GroupMembers(group_id=approvers.group_id))
    return made(expression=approvers.expression)
