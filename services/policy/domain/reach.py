"""Which rules can never be asked, because an earlier one matches whenever they would."""

from dataclasses import dataclass, field

from libs.domain.expressions import Meaning
from services.policy.domain.content import Rule

_TRUE = "true"


@dataclass(frozen=True, slots=True)
class _Seen:
    display_name: str
    app_ids: frozenset[str]
    entitlement_ids: frozenset[str]

    def covers(self, other: "_Seen") -> bool:
        """Whether this rule is asked wherever the other one is."""
        return _covers(self.app_ids, other.app_ids) and _covers(
            self.entitlement_ids, other.entitlement_ids
        )


@dataclass(slots=True)
class Reach:
    """The rules so far, by what their conditions say."""

    _by_shape: dict[str, list[_Seen]] = field(default_factory=dict)

    def hidden_by(self, rule: Rule, meaning: Meaning) -> str | None:
        """The earlier rule that leaves nothing for this one, as it is called in a message."""
        this = _seen(rule)
        for shape in (_TRUE, meaning.shape):
            for earlier in self._by_shape.get(shape, ()):
                if earlier.covers(this):
                    return f"the rule '{earlier.display_name}'"
        return None

    def add(self, rule: Rule, meaning: Meaning) -> None:
        """Adds the next rule. One that never matches hides nothing, whatever its condition."""
        if meaning.always is not False:
            shape = _TRUE if meaning.always else meaning.shape
            self._by_shape.setdefault(shape, []).append(_seen(rule))


def _seen(rule: Rule) -> _Seen:
    return _Seen(rule.display_name, frozenset(rule.app_ids), frozenset(rule.entitlement_ids))


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    # None at all means every one.
    return not wide or (bool(narrow) and narrow <= wide)
