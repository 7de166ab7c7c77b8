"""Conditions, in CEL. The only module that knows the engine, cel-expr-python, which is young.

It is compiled against the declared variables, so a misspelt name or field, or a comparison of
things that can't be equal, is refused when the policy is written. When it is evaluated, the
engine says that something went wrong in two ways: an error is a *value* of its own type, a used-up
iteration budget is *raised*. So a condition is true only where the value is a bool and is `True`.

The engine limits depth and iterations, and not memory: `[s + s].exists(a, [a + a].exists(b, …` is
2 GB in 300 characters. So what could make texts and lists grow is taken out of the language.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache

from cel_expr_python import cel

from services.policy.domain.content import CONDITION_MOST
from services.policy.domain.errors import ExpressionProblem
from services.policy.domain.plan import Facts
from services.policy.translate import evaluation as translate

NO_END = timedelta(hours=87_660_000)
"""`requested_duration` of access without an end, the longest that CEL knows: 10 000 years. So
`requested_duration <= duration("8h")` is false of it, as its author meant."""

_LANGUAGE = """
name: latchkey.policy
stdlib:
  exclude_macros: [map, filter]
  exclude_functions:
    - name: "_+_"
      overloads: [{id: add_string}, {id: add_bytes}, {id: add_list}]
"""
_VARIABLES = {
    "subject": cel.Type("latchkey.policy.v1.PersonFacts"),
    "requester": cel.Type("latchkey.policy.v1.PersonFacts"),
    "entitlement": cel.Type("latchkey.policy.v1.EntitlementFacts"),
    "app": cel.Type("latchkey.policy.v1.AppFacts"),
    "requested_duration": cel.Type.DURATION,
    "without_end": cel.Type.BOOL,
    "emergency": cel.Type.BOOL,
    "now": cel.Type.TIMESTAMP,
}
_COMPILED_MOST = 1000
_PROBLEMS_MOST = 5
_PROBLEM = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_CODES = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$| \(in container ''\)")


class CelExpressions:
    """The port `Expressions`, for CEL."""

    def __init__(self) -> None:
        self._environment = cel.NewEnv(
            config=cel.NewEnvConfigFromYaml(_LANGUAGE), variables=_VARIABLES
        )
        # By its text, since equal texts are equal programs, whatever policy they stand in.
        self._compiled = lru_cache(_COMPILED_MOST)(self._compile)

    def check(self, condition: str) -> None:
        """Does nothing for a condition that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        self._compiled(condition)

    def given(self, facts: Facts) -> Callable[[str], bool]:
        """A function that says whether a condition is true of the facts.

        It raises `ExpressionProblem` for a condition that is neither true nor false.
        """
        without_end = facts.requested_duration is None
        activation = self._environment.Activation(
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

        def is_true(condition: str) -> bool:
            compiled = self._compiled(condition)
            try:
                value = compiled.eval(activation)
            except Exception as error:  # whatever the engine raises, it is not an answer
                raise ExpressionProblem(_in_words(str(error))) from error
            answer = value.value()
            if value.type() == cel.Type.BOOL and isinstance(answer, bool):
                return answer
            raise ExpressionProblem(_in_words(str(answer)))

        return is_true

    def _compile(self, condition: str) -> cel.Expression:
        if len(condition) > CONDITION_MOST:
            raise ExpressionProblem(f"more than {CONDITION_MOST} characters")
        try:
            compiled = self._environment.compile(condition)
        except Exception as error:
            raise ExpressionProblem(_in_words(str(error))) from error
        if compiled.return_type() != cel.Type.BOOL:
            found = compiled.return_type().name()
            raise ExpressionProblem(f"it is of type {found}, and must be true or false")
        return compiled


def _in_words(text: str) -> str:
    """What the engine says is wrong, without its codes and its drawing of the place."""
    problems = [
        (what if int(line) < 1 else f"line {line}, column {column}: {what}")
        for line, column, what in _PROBLEM.findall(text)
    ]
    problems = problems[:_PROBLEMS_MOST] or [text.partition("\n")[0]]
    return "; ".join(_CODES.sub("", problem) for problem in problems)
