"""Asks a policy that is not saved what it would say."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.domain.clock import Clock
from libs.domain.errors import WrongState
from services.policy.domain.content import Content
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.plan import Plan, plan
from services.policy.domain.policy import Policy
from services.policy.domain.prepared import Prepared
from services.policy.handlers.checked_content import check_content, saved
from services.policy.ports import Expressions, Policies

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class EvaluateDraft:
    """The policy that is thought of, and the facts of each access request."""

    policy_id: str
    """The saved policy that it would change; empty for a new one."""
    display_name: str
    content: Content
    facts: Sequence[Facts]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policy would say about one set of facts: a plan, or why there is none."""

    plan: Plan | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EvaluateDraftHandler:
    """Evaluates policies that could be saved. Changes nothing, remembers nothing."""

    policies: Policies
    expressions: Expressions
    clock: Clock

    async def __call__(self, command: EvaluateDraft) -> tuple[Answer, ...]:
        """One answer for each of the facts, in their order.

        Raises:
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID, it could not be saved.
        """
        content = command.content
        await check_content(content, command.policy_id, self.expressions, saved(self.policies))
        prepared = Prepared.of(
            replace(
                Policy.first(
                    policy_id=command.policy_id,
                    display_name=command.display_name,
                    description="",
                    content=content,
                    create_time=self.clock.now(),
                ),
                version=0,
            )
        )
        answers: list[Answer] = []
        for number, facts in enumerate(command.facts):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)  # others are waiting to be evaluated
            answers.append(self._answer(prepared, facts))
        return tuple(answers)

    def _answer(self, prepared: Prepared, facts: Facts) -> Answer:
        try:
            answers = self.expressions.given(facts, prepared.words)
            return Answer(plan(prepared, facts, answers, self.clock.now()))
        except WrongState as failed:
            return Answer(None, failed.message)
