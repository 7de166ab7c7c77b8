"""Conditions of policies, in CEL: what they may speak of."""

from collections.abc import Callable
from datetime import timedelta

from libs.expressions.cel import Language, Type
from services.policy.domain.content import EXPRESSION_MOST
from services.policy.domain.plan import Facts
from services.policy.translate import evaluation as translate

NO_END = timedelta(hours=87_660_000)
"""`requested_duration` of access without an end, the longest that CEL knows: 10 000 years. So
`requested_duration <= duration("8h")` is false of it, as its author meant."""

_VARIABLES = {
    "subject": Type("latchkey.policy.v1.PersonFacts"),
    "requester": Type("latchkey.policy.v1.PersonFacts"),
    "entitlement": Type("latchkey.policy.v1.EntitlementFacts"),
    "app": Type("latchkey.policy.v1.AppFacts"),
    "requested_duration": Type.DURATION,
    "without_end": Type.BOOL,
    "emergency": Type.BOOL,
    "now": Type.TIMESTAMP,
}


class CelExpressions:
    """The port `Expressions`, for CEL."""

    def __init__(self) -> None:
        self._language = Language("latchkey.policy", _VARIABLES, EXPRESSION_MOST)

    def check(self, condition: str) -> None:
        """Does nothing for a condition that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        self._language.check(condition)

    def given(self, facts: Facts) -> Callable[[str], bool]:
        """A function that says whether a condition is true of the facts.

        It raises `ExpressionProblem` for a condition that is neither true nor false.
        """
        without_end = facts.requested_duration is None
        return self._language.given(
            {
                "subject": translate.person_facts_to_proto(facts.subject),
                "requester": translate.person_facts_to_proto(facts.requester),
                "entitlement": translate.entitlement_facts_to_proto(facts.entitlement),
                "app": translate.app_facts_to_proto(facts.app),
                "requested_duration": NO_END if without_end else facts.requested_duration,
                "without_end": without_end,
                "emergency": facts.emergency,
                "now": facts.now,
            }
        )
