"""What policy answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.requests.domain.steps import Accept, Approval, Reject, Step, UnknownStep


class NoPlan(Exception):
    """Policy gave no answer that decides. Nothing is approved without one."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to one evaluation, kept with the access request as it was given."""

    policy_id: str
    policy_display_name: str
    policy_version: int
    policy_digest: str
    rule: str
    condition: str
    explanation: tuple[str, ...]
    steps: tuple[Step, ...]
    evaluate_time: datetime | None

    @property
    def by(self) -> str:
        """What decided, in words."""
        rule = f"rule {self.rule!r}" if self.rule else "its baseline"
        return f"policy {self.policy_display_name or self.policy_id!r}, {rule}"

    def check(self) -> None:
        """Does nothing for a plan that comes to a decision, by steps that are all understood.

        Raises:
            NoPlan: it does not. Nobody is asked to decide what would count for nothing later.
        """
        for number in range(len(self.steps) + 1):
            if self.step(number) is None or isinstance(self.steps[number], Accept | Reject):
                return

    def step(self, number: int) -> Step | None:
        """A step, from 0; none behind the last one, where an approval has approved everything.

        Raises:
            NoPlan: what there is decides nothing. To pass over a step that is not understood would
                be to decide without it.
        """
        if not self.steps:
            raise NoPlan("the plan has no steps")
        if number >= len(self.steps):
            if isinstance(self.steps[-1], Approval):
                return None
            raise NoPlan("the plan ends without a decision")
        step = self.steps[number]
        if isinstance(step, UnknownStep):
            raise NoPlan(f"step {number} of the plan is of an unknown kind")
        return step

    @property
    def accepts_alone(self) -> bool:
        """Whether it approves, now or after a wait, without anybody having approved."""
        people = any(isinstance(step, Approval) for step in self.steps)
        return not people and any(isinstance(step, Accept) for step in self.steps)

    def approval(self, number: int) -> Approval | None:
        """The step, when it is one where people decide."""
        step = self.steps[number] if number < len(self.steps) else None
        return step if isinstance(step, Approval) else None


@dataclass(frozen=True, slots=True)
class Easier:
    """A shorter duration, with which fewer people have to approve."""

    duration: timedelta
    plan: Plan
