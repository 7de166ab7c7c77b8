"""Conditions, in CEL. The only module that knows the engine, cel-expr-python, which is young.

An expression is compiled against the declared variables, so a misspelt name or field, or a
comparison of things that can't be equal, is refused when it is written. When it is evaluated, the
engine says that something went wrong in two ways: an error is a *value* of its own type, a used-up
iteration budget is *raised*. So an expression is true only where the value is a bool and is `True`.

The engine limits depth and iterations, and not memory: `[s + s].exists(a, [a + a].exists(b, …` is
2 GB in 300 characters. So what could make texts and lists grow is taken out of the language.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from libs.domain.expressions import ExpressionProblem

Type = cel.Type

_LANGUAGE = """
name: {name}
stdlib:
  exclude_macros: [map, filter]
  exclude_functions:
    - name: "_+_"
      overloads: [{{id: add_string}}, {{id: add_bytes}}, {{id: add_list}}]
"""
_COMPILED_MOST = 1000
_PROBLEMS_MOST = 5
_PROBLEM = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_CODES = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$| \(in container ''\)")


class Language:
    """Expressions over some variables, each true or false of their values.

    `most_characters`: how long one may be.
    """

    def __init__(self, name: str, variables: Mapping[str, cel.Type], most_characters: int) -> None:
        self._most_characters = most_characters
        self._environment = cel.NewEnv(
            config=cel.NewEnvConfigFromYaml(_LANGUAGE.format(name=name)), variables=dict(variables)
        )
        # By its text, since equal texts are equal programs, wherever they stand.
        self._compiled = lru_cache(_COMPILED_MOST)(self._compile)

    def check(self, expression: str) -> None:
        """Does nothing for an expression that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        self._compiled(expression)

    def given(self, values: Mapping[str, Any]) -> Callable[[str], bool]:
        """A function that says whether an expression is true of these values of the variables.

        It raises `ExpressionProblem` for one that is neither true nor false.
        """
        activation = self._environment.Activation(dict(values))

        def is_true(expression: str) -> bool:
            compiled = self._compiled(expression)
            try:
                value = compiled.eval(activation)
            except Exception as error:  # whatever the engine raises, it is not an answer
                raise ExpressionProblem(_in_words(str(error))) from error
            answer = value.value()
            if value.type() == cel.Type.BOOL and isinstance(answer, bool):
                return answer
            raise ExpressionProblem(_in_words(str(answer)))

        return is_true

    def _compile(self, expression: str) -> cel.Expression:
        if len(expression) > self._most_characters:
            raise ExpressionProblem(f"more than {self._most_characters} characters")
        try:
            compiled = self._environment.compile(expression)
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
