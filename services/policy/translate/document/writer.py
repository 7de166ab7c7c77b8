"""Policies on their way into YAML."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.policy.domain import steps as kinds
from services.policy.domain.content import Rule
from services.policy.domain.policy import Policy
from services.policy.translate.document.lengths import length_text
from services.policy.translate.document.text import yaml_text


def document(policies: Iterable[Policy], names: Mapping[str, str]) -> str:
    """The document of policies. `names`: of those that they escalate to, by their ids."""
    return yaml_text({"policies": [_policy(policy, names) for policy in policies]})


def policy_lines(policy: Policy, names: Mapping[str, str]) -> list[str]:
    """The lines of a document that are about one policy."""
    return document([policy], names).splitlines()[1:]


def _policy(policy: Policy, names: Mapping[str, str]) -> dict[str, Any]:
    return _given(
        name=policy.display_name,
        description=policy.description,
        rules=[_rule(rule, names) for rule in policy.content.rules],
        baseline=_steps(policy.content.baseline, names),
    )


def _given(**values: Any) -> dict[str, Any]:
    """Without what is at its default, which is empty or false."""
    return {key: value for key, value in values.items() if value}


def _rule(rule: Rule, names: Mapping[str, str]) -> dict[str, Any]:
    return _given(
        name=rule.display_name,
        when=rule.condition,
        apps=list(rule.app_ids),
        entitlements=list(rule.entitlement_ids),
        steps=_steps(rule.steps, names),
    )


def _steps(steps: Iterable[kinds.Step], names: Mapping[str, str]) -> list[Any]:
    return [_step(step, names) for step in steps]


def _step(step: kinds.Step, names: Mapping[str, str]) -> Any:
    if isinstance(step, kinds.Accept):
        return {"accept": step.message} if step.message else "accept"
    if isinstance(step, kinds.Reject):
        return {"reject": step.message}
    if isinstance(step, kinds.Approval):
        return {"approve": _approval(step, names)}
    if step.duration is not None:
        return {"wait": length_text(step.duration)}
    assert step.timeout is not None, "a condition has one"
    return {"wait": {"until": step.condition, "timeout": length_text(step.timeout)}}


def _approval(step: kinds.Approval, names: Mapping[str, str]) -> Any:
    more = _given(
        fallback=None if step.fallback is None else _approvers(step.fallback),
        needed="all" if step.all else step.needed if step.needed > 1 else None,
        reason_to_approve=step.reason_to_approve,
        reason_to_deny=step.reason_to_deny,
        distinct=step.distinct,
        no_reassignment=step.no_reassignment,
        no_delegation=step.no_delegation,
        time_limit=None if step.time_limit is None else _time_limit(step.time_limit, names),
    )
    by = _approvers(step.approvers)
    return {"by": by, **more} if more or isinstance(by, dict) else by


def _time_limit(limit: kinds.TimeLimit, names: Mapping[str, str]) -> dict[str, Any]:
    then: dict[str, Any] = {"then": "deny"}
    if isinstance(limit.then, kinds.Remind):
        then = {"then": "remind"}
    elif isinstance(limit.then, kinds.Reassign):
        then = {"reassign": _approvers(limit.then.approvers)}
    elif isinstance(limit.then, kinds.Escalate):
        then = {"escalate_to": names[limit.then.policy_id]}
    return {"after": length_text(limit.after), **then}


def _approvers(approvers: kinds.Approvers) -> Any:
    if isinstance(approvers, kinds.People):
        ids = list(approvers.user_ids)
        return ids[0] if len(ids) == 1 else ids
    if isinstance(approvers, kinds.Manager):
        return "manager" if approvers.level == 1 else f"manager {approvers.level}"
    if isinstance(approvers, kinds.AppOwners):
        return "app owners"
    if isinstance(approvers, kinds.EntitlementOwners):
        return "entitlement owners"
    if isinstance(approvers, kinds.GroupMembers):
        return approvers.group_id
    return {"expression": approvers.expression}
