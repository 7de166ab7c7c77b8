"""Saying what would happen to an access request, and making none."""

from dataclasses import dataclass, replace
from datetime import timedelta

from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN
from libs.domain.clock import Clock
from libs.domain.errors import Unavailable
from services.requests import ports
from services.requests.domain.inputs import Inputs
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Easier, NoPlan, Plan
from services.requests.domain.progress import Origin, Progress, begun, resolved, sources_of
from services.requests.domain.resolution import Resolution
from services.requests.domain.steps import (
    Approval,
    Approvers,
    Reject,
    Step,
    step_in_words,
)
from services.requests.domain.target import Target
from services.requests.handlers.answering import approvers_of
from services.requests.handlers.wish import Wish, Wishes


@dataclass(frozen=True, slots=True)
class PreviewStep:
    """One step of the plan. `approvers` are those whom the caller may see, of `approver_count`."""

    number: int
    summary: str
    approvers: tuple[PersonRef, ...] = ()
    approver_count: int = 0
    needed: int = 0
    origin: Origin = Origin.UNSPECIFIED
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen."""

    plan: Plan
    steps: tuple[PreviewStep, ...]
    duration: timedelta | None
    targets: tuple[Target, ...]
    easier: Easier | None
    instructions: str


@dataclass(frozen=True, slots=True)
class Previewer:
    """Asks everybody whom a real access request would ask."""

    wishes: Wishes
    catalog: ports.Catalog
    policy: ports.Policy
    clock: Clock

    async def __call__(self, wish: Wish) -> Preview:
        """
        Raises:
            LatchkeyError: as for a real one; Unavailable while policy does not answer.
        """
        resolution = await self.wishes.resolve(wish)
        duration = resolution.duration(wish.requested_duration, emergency=wish.emergency)
        inputs = Inputs.of(
            resolution, duration=duration, emergency=wish.emergency, now=self.clock.now()
        )
        try:
            plan, easier = await self.policy.explain(
                resolution.policy(emergency=wish.emergency), inputs
            )
        except NoPlan as none:
            if isinstance(none.__cause__, Unavailable):
                raise none.__cause__ from none
            raise Unavailable("the policy service", none.problem.rstrip(".")) from none
        return Preview(
            plan=plan,
            steps=await self._steps(wish, resolution, plan, inputs),
            duration=duration,
            targets=resolution.targets,
            easier=easier,
            instructions=resolution.instructions,
        )

    async def _steps(
        self, wish: Wish, resolution: Resolution, plan: Plan, inputs: Inputs
    ) -> tuple[PreviewStep, ...]:
        own = {wish.requester.user_id: "the requester", wish.subject: "the subject"}
        progresses: dict[int, Progress] = {}
        sources: list[Approvers] = []
        for number, step in enumerate(plan.steps):
            if isinstance(step, Approval):
                progresses[number] = begun(number, step, (), inputs.now)
                sources.extend(sources_of(progresses[number], step))
        answers = iter(
            await approvers_of(
                self.catalog,
                resolution.entitlement_id,
                wish.subject,
                sources,
                resolution.approvers,
            )
        )
        shown: list[PreviewStep] = []
        for number, step in enumerate(plan.steps):
            if not isinstance(step, Approval):
                shown.append(PreviewStep(number, step_in_words(step)))
                continue
            progress = progresses[number]
            theirs = [next(answers) for _ in sources_of(progress, step)]
            found = resolved(progress, step, theirs, own)
            shown.append(_shown(wish, step, found))
        return tuple(shown)


def _shown(wish: Wish, step: Approval, found: Progress) -> PreviewStep:
    seen = PreviewStep(
        found.number,
        step_in_words(step),
        found.approvers,
        len(found.approvers),
        found.needed,
        found.origin,
        found.problem,
    )
    # Who is in a group is not for everybody to know.
    if found.of_group and not wish.requester.may(ADMIN, AUDITOR, POLICY_ADMIN):
        return replace(seen, approvers=())
    return seen


def in_words(plan: Plan) -> str:
    """What a plan comes to: "approved at once", "approved by the app's owners, then …"."""
    steps: list[Step] = list(plan.steps)
    if len(steps) > 1 and not isinstance(steps[-1], Reject | Approval):
        steps.pop()
    return ", then ".join(step_in_words(step) for step in steps)
