"""Looks for people for whom nobody else could approve, wherever a policy is used."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from services.policy.domain.content import Content
from services.policy.domain.coverage import (
    Coverage,
    Gap,
    Inquiry,
    coverage_of,
    first_inquiry,
    questions,
    second_inquiry,
)
from services.policy.ports import Catalog

USES_MOST = 2000
QUESTIONS_MOST = 2000
"""How many uses and questions one call looks at."""
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Covered:
    """What was found, and whether there is more that nobody has looked at."""

    coverage: tuple[Coverage, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class FindCoverage:
    """Asks the catalog about every app, audience, rule and approval step."""

    catalog: Catalog

    async def __call__(self, policy_id: str, content: Content) -> Covered:
        """What is found for a content, where the policy is used.

        Raises:
            Unavailable: the catalog does not answer.
        """
        uses = await self.catalog.uses(policy_id, USES_MOST + 1)
        all_asked = [*questions(content, uses[:USES_MOST])]
        asked = all_asked[:QUESTIONS_MOST]
        gaps = await self._gaps(map(first_inquiry, asked))
        worst = await self._gaps(second_inquiry(question, gaps) for question in asked)
        more = len(uses) > USES_MOST or len(all_asked) > QUESTIONS_MOST
        answers = gaps | worst
        return Covered(tuple(coverage_of(question, answers) for question in asked), more)

    async def _gaps(self, inquiries: Iterable[Inquiry | None]) -> dict[Inquiry, Gap | None]:
        """The answers to inquiries, each made once, a few at a time."""
        answers: dict[Inquiry, Gap | None] = {}
        turn = asyncio.Semaphore(_AT_ONCE)

        async def ask(inquiry: Inquiry) -> None:
            async with turn:
                answers[inquiry] = await self.catalog.gap(inquiry)

        try:
            async with asyncio.TaskGroup() as group:
                for inquiry in {each: None for each in inquiries if each is not None}:
                    group.create_task(ask(inquiry))
        except ExceptionGroup as many:
            # One that fails ends all of them, and the caller hears why.
            raise many.exceptions[0] from None
        return answers
