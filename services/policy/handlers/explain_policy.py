"""Asks a policy what it says about facts, and what would be easier."""

from dataclasses import dataclass, replace
from datetime import timedelta

from libs.domain.clock import Clock
from libs.domain.expressions import ExpressionProblem
from services.policy.domain.easier import easier
from services.policy.domain.plan import Plan, plan
from services.policy.handlers.evaluate_policy import EvaluatePolicy
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.ports import Expressions


@dataclass(frozen=True, slots=True)
class Explained:
    """What a policy says, and the longest duration with which fewer people have to approve."""

    plan: Plan
    easier: tuple[timedelta, Plan] | None


@dataclass(frozen=True, slots=True)
class ExplainPolicyHandler:
    """Evaluates the current version of a policy, also for shorter durations. Changes nothing."""

    policies: RememberedPolicies
    expressions: Expressions
    clock: Clock
    default_policy_id: str

    async def __call__(self, command: EvaluatePolicy) -> Explained:
        """What the policy says, and what would be easier.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            Unavailable: the database does not say what is current.
            WrongState: EVALUATION_FAILED.
        """
        prepared = await self.policies.current(command.policy_id or self.default_policy_id)
        facts, now = command.facts, self.clock.now()
        asked = plan(prepared, facts, self.expressions.given(facts, prepared.words), now)

        def plan_for(length: timedelta) -> Plan:
            shorter = replace(facts, requested_duration=length)
            answers = self.expressions.given(shorter, prepared.words)
            return plan(prepared, shorter, answers, now)

        app_id, entitlement_id = facts.app.app_id, facts.entitlement.entitlement_id
        lengths = [
            length
            for _, rule in prepared.rules_for(app_id, entitlement_id)
            for length in self._lengths(rule.condition)
        ]
        return Explained(asked, easier(asked, facts, lengths, plan_for))

    def _lengths(self, condition: str) -> tuple[timedelta, ...]:
        try:
            return self.expressions.meaning(condition).lengths
        except ExpressionProblem:  # behind a rule that matches, where it is never asked
            return ()
