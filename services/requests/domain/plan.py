"""What policy answered."""

from dataclasses import dataclass
from datetime import datetime


class NoPlan(Exception):
    """Policy gave no answer that decides. Nothing is approved without one."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Accept:
    """Approve."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """Deny."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class UnknownStep:
    """A step of a kind that this version does not know."""


Step = Accept | Reject | UnknownStep


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

    def decision(self) -> Accept | Reject:
        """What the plan decides.

        The first step alone counts: to pass over one that is not understood would be to decide
        without it.

        Raises:
            NoPlan: it decides nothing.
        """
        if not self.steps:
            raise NoPlan("the plan has no steps")
        first = self.steps[0]
        if isinstance(first, UnknownStep):
            raise NoPlan("the plan begins with a step of an unknown kind")
        return first
