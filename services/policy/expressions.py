"""Conditions of policies, and who approves, in CEL: what they may speak of."""

import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from latchkey.policy.v1 import evaluation_pb2
from libs.domain.expressions import ExpressionProblem, Meaning
from libs.expressions.cel import ATTRIBUTES, TEXTS, Language, Type
from services.policy.domain.content import EXPRESSION_MOST
from services.policy.domain.evaluation_facts import Facts, PersonFacts

NO_END = timedelta(hours=87_660_000)
"""`duration` of access without an end, the longest that CEL knows: 10 000 years. So
`duration <= duration("8h")` is false of it, as its author meant."""


def _message(kind: type[Message]) -> Type:
    # By its class: only the names of messages that somebody has imported are known to the engine.
    return Type(kind.DESCRIPTOR.full_name)


_VARIABLES = {
    "subject": _message(evaluation_pb2.PersonFacts),
    "requester": _message(evaluation_pb2.PersonFacts),
    "entitlement": _message(evaluation_pb2.EntitlementFacts),
    "app": _message(evaluation_pb2.AppFacts),
    "duration": Type.DURATION,
    "requested_duration": Type.DURATION,
    "without_end": Type.BOOL,
    "emergency": Type.BOOL,
    "now": Type.TIMESTAMP,
    "held": Type.List(_message(evaluation_pb2.HeldFacts)),
    "managers": TEXTS,
    "app_owners": TEXTS,
    "entitlement_owners": TEXTS,
}
_OPTIONAL = ("department", "job_title", "manager_user_id")
_NO_KEY = re.compile(r'Key not found in map : "(\w+)"')


class CelExpressions:
    """The port `Expressions`, for CEL."""

    def __init__(self) -> None:
        self._language = Language(
            "latchkey.policy",
            _VARIABLES,
            EXPRESSION_MOST,
            given_as=dict.fromkeys(("subject", "requester", "entitlement", "app"), ATTRIBUTES),
        )

    def meaning(self, condition: str) -> Meaning:
        """What a condition says, whatever it is asked about.

        Raises:
            ExpressionProblem: it can't be evaluated; says where and why.
        """
        return self._language.meaning(condition)

    def check_approvers(self, expression: str) -> None:
        """Does nothing for an expression that lists people.

        Raises:
            ExpressionProblem: it can't be evaluated, or lists none; says where and why.
        """
        self._language.texts(expression)

    def given(self, facts: Facts, words: Collection[str] | None = None) -> "CelAnswers":
        """What expressions say of the facts.

        `words`: all words that stand in the expressions that will be asked, so that nothing is made
        ready for others; when not given, they may be any.
        """
        return CelAnswers(self._language, facts, words)


class CelAnswers:
    """The port `Answers`, for CEL."""

    def __init__(self, language: Language, facts: Facts, words: Collection[str] | None) -> None:
        self._language = language
        self._facts = facts
        self._values = language.values(
            {
                name: value(facts)
                for name, value in _VALUES.items()
                if words is None or name in words
            }
        )

    def is_true(self, condition: str) -> bool:
        """Whether a condition is true.

        Raises:
            ExpressionProblem: it is neither true nor false.
        """
        try:
            return self._language.is_true(condition, self._values)
        except ExpressionProblem as problem:
            compiled = self._language.condition
            raise self._in_words(problem, lambda: compiled(condition).syntax.meaning) from None

    def people(self, expression: str) -> tuple[str, ...]:
        """The ids of the people whom an expression names.

        Raises:
            ExpressionProblem: it names nobody and not even nobody.
        """
        try:
            return self._language.names(expression, self._values)
        except ExpressionProblem as problem:
            compiled = self._language.texts
            raise self._in_words(problem, lambda: compiled(expression).syntax.meaning) from None

    def _in_words(
        self, problem: ExpressionProblem, meaning: Callable[[], Meaning]
    ) -> ExpressionProblem:
        """A problem, in words of the directory where it is an attribute that is not there."""
        missing = _NO_KEY.search(str(problem))
        if missing is None or (attribute := missing[1]) not in _OPTIONAL:
            return problem
        people = {"subject": self._facts.subject, "requester": self._facts.requester}
        lacking = [name for name, person in people.items() if getattr(person, attribute) is None]
        readers = {variable for variable, name in meaning().reads if name == attribute}
        if not readers or not lacking:
            return problem
        # One that is read of anything else may be anybody's.
        named = [name for name in lacking if name in readers] or lacking
        fields = " or ".join(f"{name}.{attribute}" for name in named)
        return ExpressionProblem(f"{fields} is not in the directory")


def _attributes(person: PersonFacts) -> dict[str, str]:
    """What is known of a person. What is not known is not there, rather than empty."""
    known = {"user_id": person.user_id, "display_name": person.display_name}
    if person.department is not None:
        known["department"] = person.department
    if person.job_title is not None:
        known["job_title"] = person.job_title
    if person.manager_user_id is not None:
        known["manager_user_id"] = person.manager_user_id
    return known


def _length(facts: Facts) -> timedelta:
    return NO_END if facts.requested_duration is None else facts.requested_duration


_VALUES: dict[str, Callable[[Facts], Any]] = {
    "subject": lambda facts: _attributes(facts.subject),
    "requester": lambda facts: _attributes(facts.requester),
    "entitlement": lambda facts: {
        "entitlement_id": facts.entitlement.entitlement_id,
        "display_name": facts.entitlement.display_name,
        "resource_kind": facts.entitlement.resource_kind,
    },
    "app": lambda facts: {"app_id": facts.app.app_id, "display_name": facts.app.display_name},
    "duration": _length,
    "requested_duration": _length,
    "without_end": lambda facts: facts.requested_duration is None,
    "emergency": lambda facts: facts.emergency,
    "now": lambda facts: facts.now,
    "held": lambda facts: list(facts.held),
    "managers": lambda facts: list(facts.manager_user_ids),
    "app_owners": lambda facts: list(facts.app_owner_user_ids),
    "entitlement_owners": lambda facts: list(facts.entitlement_owner_user_ids),
}
