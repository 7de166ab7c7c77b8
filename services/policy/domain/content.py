"""What a policy decides by: rules and a baseline, in one canonical form.

The form is JSON as RFC 8785 has it. Of its demands only sorted keys, no blanks and no needless
escapes matter here, since the content holds texts and lists and no numbers; so the standard
library writes it. The text is what is stored, and its SHA-256 is the version's digest.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from libs.domain.errors import Invalid, Violation
from services.policy.domain import errors
from services.policy.domain.errors import ExpressionProblem

CONDITION_MOST = 4096
"""How many characters a condition has at most."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Approve. Final."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """Deny. Final."""

    message: str


Step = Accept | Reject
_KINDS: dict[str, type[Step]] = {"accept": Accept, "reject": Reject}


@dataclass(frozen=True, slots=True)
class Rule:
    """If the condition is true, these steps."""

    display_name: str
    condition: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """The rules, asked in order, and the steps for when none of them matches."""

    rules: tuple[Rule, ...]
    baseline: tuple[Step, ...]

    def check(self, check_condition: Callable[[str], None]) -> None:
        """Does nothing for a content that can be evaluated.

        Args:
            check_condition: raises `ExpressionProblem` for a condition that can't be evaluated.

        Raises:
            Invalid: steps can't be reached, or two rules have one name.
            Invalid: EXPRESSION_INVALID, a condition can't be evaluated.
        """
        if violations := [*self._unreachable_steps(), *self._repeated_names()]:
            raise Invalid(violations)
        for number, rule in enumerate(self.rules):
            try:
                check_condition(rule.condition)
            except ExpressionProblem as problem:
                violations.append(Violation(f"policy.rules[{number}].condition", str(problem)))
        if violations:
            raise errors.expression_invalid(violations)

    def to_json(self) -> str:
        """The canonical form."""
        fields = {
            "baseline": _steps_to_json(self.baseline),
            "rules": [asdict(rule) | {"steps": _steps_to_json(rule.steps)} for rule in self.rules],
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Content":
        """The content that `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            rules=tuple(
                Rule(rule["display_name"], rule["condition"], _steps_from_json(rule["steps"]))
                for rule in fields["rules"]
            ),
            baseline=_steps_from_json(fields["baseline"]),
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def _unreachable_steps(self) -> Iterator[Violation]:
        lists = [(f"policy.rules[{n}].steps", rule.steps) for n, rule in enumerate(self.rules)]
        for path, steps in [*lists, ("policy.baseline", self.baseline)]:
            for number in range(len(steps) - 1):
                yield Violation(f"{path}[{number}]", "is final, so no step may follow it")

    def _repeated_names(self) -> Iterator[Violation]:
        first: dict[str, int] = {}
        for number, rule in enumerate(self.rules):
            earlier = first.setdefault(rule.display_name, number)
            if earlier != number:
                path = f"policy.rules[{number}].display_name"
                yield Violation(path, f"is the name of rules[{earlier}] too")


def _steps_to_json(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [{type(step).__name__.lower(): asdict(step)} for step in steps]


def _steps_from_json(fields: list[dict[str, Any]]) -> tuple[Step, ...]:
    return tuple(_KINDS[kind](**step) for field in fields for kind, step in field.items())
