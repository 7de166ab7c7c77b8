"""What a policy decides by: rules and a baseline, in one canonical form.

The text of that form is what is stored, and its SHA-256 is the version's digest.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.policy.domain.canonical import dumps, steps_from_json, steps_to_json
from services.policy.domain.steps import Step

EXPRESSION_MOST = 4096
"""How many characters a condition, or another expression, has at most."""


@dataclass(frozen=True, slots=True)
class Rule:
    """If the condition is true, these steps."""

    display_name: str
    condition: str
    steps: tuple[Step, ...]
    app_ids: tuple[str, ...] = ()
    """The rule is asked for these apps only; for all where there are none."""
    entitlement_ids: tuple[str, ...] = ()
    """The rule is asked for these entitlements only; for all where there are none."""


@dataclass(frozen=True, slots=True)
class Content:
    """The rules, asked in order, and the steps for when none of them matches."""

    rules: tuple[Rule, ...]
    baseline: tuple[Step, ...]

    def step_lists(self) -> Iterator[tuple[str, tuple[Step, ...]]]:
        """The steps of each rule and of the baseline, with the paths of their fields."""
        for number, rule in enumerate(self.rules):
            yield f"rules[{number}].steps", rule.steps
        yield "baseline", self.baseline

    def to_json(self) -> str:
        """The canonical form."""
        return dumps(
            {
                "baseline": steps_to_json(self.baseline),
                "rules": [_rule_to_json(rule) for rule in self.rules],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Content":
        """The content that `to_json` wrote, now or in an earlier release."""
        form = json.loads(text)
        return cls(
            rules=tuple(_rule_from_json(rule) for rule in form["rules"]),
            baseline=steps_from_json(form["baseline"]),
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _rule_to_json(rule: Rule) -> dict[str, Any]:
    form: dict[str, Any] = {
        "display_name": rule.display_name,
        "condition": rule.condition,
        "steps": steps_to_json(rule.steps),
    }
    if rule.app_ids:
        form["app_ids"] = list(rule.app_ids)
    if rule.entitlement_ids:
        form["entitlement_ids"] = list(rule.entitlement_ids)
    return form


def _rule_from_json(form: dict[str, Any]) -> Rule:
    return Rule(
        display_name=form["display_name"],
        condition=form["condition"],
        steps=steps_from_json(form["steps"]),
        app_ids=tuple(form.get("app_ids", ())),
        entitlement_ids=tuple(form.get("entitlement_ids", ())),
    )
