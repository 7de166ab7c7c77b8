"""Asks a policy what it says about facts."""

from dataclasses import dataclass

from libs.domain.clock import Clock
from services.policy.domain.plan import Facts, Plan, plan
from services.policy.handlers.get_policy import get_policy
from services.policy.ports import Expressions, Policies


@dataclass(frozen=True, slots=True)
class EvaluatePolicy:
    """The question."""

    policy_id: str
    """Empty for the deployment's default."""
    facts: Facts


@dataclass(frozen=True, slots=True)
class EvaluatePolicyHandler:
    """Evaluates the current version of a policy. Changes nothing, remembers nothing."""

    policies: Policies
    expressions: Expressions
    clock: Clock
    default_policy_id: str

    async def __call__(self, command: EvaluatePolicy) -> Plan:
        """What the policy says.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            WrongState: EVALUATION_FAILED.
        """
        # Read anew each time: another replica may have added a version a moment ago.
        policy = await get_policy(self.policies, command.policy_id or self.default_policy_id)
        return plan(policy, self.expressions.given(command.facts), self.clock.now())
