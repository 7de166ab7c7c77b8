"""A policy whose rules are found by what they are asked for.

Rules that are told apart by app or entitlement cost nothing where they are not asked: an
evaluation sees the rules for everything, and those for its app and its entitlement, in the order
that the policy has them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from services.policy.domain.content import Rule
from services.policy.domain.policy import Policy
from services.policy.domain.steps import Approval, Expression

Numbered = Sequence[tuple[int, Rule]]
_number = itemgetter(0)
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A policy, ready to be asked."""

    policy: Policy
    general: Numbered
    """The rules that are asked for everything."""
    by_app: Mapping[str, Numbered]
    """Those for some apps and all of their entitlements."""
    by_entitlement: Mapping[str, Numbered]
    """Those for some entitlements, and perhaps only of some apps."""
    names_people: bool
    """Whether an expression says anywhere who approves."""
    words: frozenset[str]
    """All words that stand in its conditions and other expressions."""

    @classmethod
    def of(cls, policy: Policy) -> "Prepared":
        """The policy, its rules sorted."""
        general: list[tuple[int, Rule]] = []
        by_app: dict[str, list[tuple[int, Rule]]] = {}
        by_entitlement: dict[str, list[tuple[int, Rule]]] = {}
        for numbered in enumerate(policy.content.rules):
            _, rule = numbered
            if rule.entitlement_ids:
                for entitlement_id in rule.entitlement_ids:
                    by_entitlement.setdefault(entitlement_id, []).append(numbered)
            elif rule.app_ids:
                for app_id in rule.app_ids:
                    by_app.setdefault(app_id, []).append(numbered)
            else:
                general.append(numbered)
        naming = [
            source.expression
            for _, steps in policy.content.step_lists()
            for step in steps
            if isinstance(step, Approval)
            for _, source in step.sources
            if isinstance(source, Expression)
        ]
        conditions = (rule.condition for rule in policy.content.rules)
        words = frozenset(word for text in (*conditions, *naming) for word in _WORD.findall(text))
        return cls(policy, general, by_app, by_entitlement, bool(naming), words)

    def rules_for(self, app_id: str, entitlement_id: str) -> Numbered:
        """The rules that are asked for an entitlement of an app, in the policy's order."""
        of_app = self.by_app.get(app_id, ())
        of_entitlement = self.by_entitlement.get(entitlement_id, ())
        if of_entitlement:
            of_entitlement = [
                numbered
                for numbered in of_entitlement
                if not numbered[1].app_ids or app_id in numbered[1].app_ids
            ]
        if not of_app and not of_entitlement:
            return self.general
        # Each is in order already, which sorting makes use of.
        return sorted([*self.general, *of_app, *of_entitlement], key=_number)
