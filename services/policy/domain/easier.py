"""What would be easier: a shorter duration with which fewer people have to approve."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from libs.domain.errors import WrongState
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.plan import Plan
from services.policy.domain.steps import (
    AppOwners,
    Approval,
    EntitlementOwners,
    GroupMembers,
    People,
    Reject,
)

_SECOND = timedelta(seconds=1)
_GROUP_MOST = 500
_TRIES_MOST = 200


def easier(
    asked: Plan, facts: Facts, lengths: Iterable[timedelta], plan_for: Callable[[timedelta], Plan]
) -> tuple[timedelta, Plan] | None:
    """The longest duration below the one asked for that needs fewer approvals, and its plan.

    A policy changes its mind only where it says a length of time, so those `lengths` are tried, and
    one second less, since some conditions mean less than that and not as much.

    `plan_for`: what the policy says about the facts with another duration.
    """
    before = _approvals(asked, facts)
    tried = {length for given in set(lengths) for length in (given, given - _SECOND)}
    most = facts.requested_duration
    shorter = [length for length in tried if length >= _SECOND and (most is None or length < most)]
    for length in sorted(shorter, reverse=True)[:_TRIES_MOST]:
        try:
            found = plan_for(length)
        except WrongState:
            continue
        after = _approvals(found, facts)
        if after is not None and (before is None or after < before):
            return length, found
    return None


def _approvals(plan: Plan, facts: Facts) -> int | None:
    """How many approvals a plan asks for, at most; none where it denies."""
    if any(isinstance(step, Reject) for step in plan.steps):
        return None
    return sum(_needed(step, facts) for step in plan.steps if isinstance(step, Approval))


def _needed(step: Approval, facts: Facts) -> int:
    if not step.all:
        return step.needed
    sizes = {
        AppOwners: len(facts.app_owner_user_ids),
        EntitlementOwners: len(facts.entitlement_owner_user_ids),
        GroupMembers: _GROUP_MOST,
    }
    if isinstance(step.approvers, People):
        return max(1, len(step.approvers.user_ids))
    return max(1, sizes.get(type(step.approvers), 1))
