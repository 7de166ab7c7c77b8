"""Asks a policy what it says about facts."""

from dataclasses import dataclass

from libs.domain.clock import Clock
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.plan import Plan, plan
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.ports import Expressions


@dataclass(frozen=True, slots=True)
class EvaluatePolicy:
    """The question."""

    policy_id: str
    """Empty for the deployment's default."""
    facts: Facts


@dataclass(frozen=True, slots=True)
class EvaluatePolicyHandler:
    """Evaluates the current version of a policy. Changes nothing."""

    policies: RememberedPolicies
    expressions: Expressions
    clock: Clock
    default_policy_id: str

    async def __call__(self, command: EvaluatePolicy) -> Plan:
        """What the policy says.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            Unavailable: the database does not say what is current.
            WrongState: EVALUATION_FAILED.
        """
        prepared = await self.policies.current(command.policy_id or self.default_policy_id)
        facts = command.facts
        answers = self.expressions.given(facts, prepared.words)
        return plan(prepared, facts, answers, self.clock.now())
