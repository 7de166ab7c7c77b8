"""Expressions, in CEL. The only module that knows the engine, cel-expr-python, which is young.

An expression is compiled against the declared variables, so a misspelt name or field, or a
comparison of things that can't be equal, is refused when it is written. When it is evaluated, the
engine says that something went wrong in two ways: an error is a *value* of its own type, a used-up
iteration budget is *raised*. So an expression is true only where the value is a bool and is `True`.

The engine limits depth and iterations, and not memory: `[s + s].exists(a, [a + a].exists(b, …` is
2 GB in 300 characters. So what could make texts and lists grow is taken out of the language.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from libs.domain.expressions import ExpressionProblem, Fault, Meaning
from libs.expressions.syntax import Syntax

Type = cel.Type
Activation = cel.Activation

TEXTS = Type.List(Type.STRING)
ATTRIBUTES = Type.Map(Type.STRING, Type.STRING)
"""How a message of texts is given so that reading one that is not there is an error. Of a message
the engine would read "" instead, and `subject.department != "Sales"` would be true of a person of
whom nobody knows the department."""

_LANGUAGE = """
name: {name}
stdlib:
  exclude_macros: [map, filter]
  exclude_functions:
    - name: "_+_"
      overloads: [{{id: add_string}}, {{id: add_bytes}}, {{id: add_list}}]
"""
# One takes about 10 kB.
_COMPILED_MOST = 10_000
_FAULTS_MOST = 5
_FAULT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_CODES = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$| \(in container ''\)")


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression that can be evaluated."""

    program: cel.Expression
    syntax: Syntax


class Language:
    """Expressions over some variables.

    `most_characters`: how long one may be. `given_as`: variables whose values are given as another
    type than they are declared and checked as, see `ATTRIBUTES`.
    """

    def __init__(
        self,
        name: str,
        variables: Mapping[str, cel.Type],
        most_characters: int,
        given_as: Mapping[str, cel.Type] | None = None,
    ) -> None:
        self._most_characters = most_characters
        config = _LANGUAGE.format(name=name)
        self._declared = _environment(config, variables)
        self._given = _environment(config, {**variables, **given_as}) if given_as else None
        self._environment = self._given or self._declared
        # By its text, since equal texts are equal programs, wherever they stand.
        self.condition = lru_cache(_COMPILED_MOST)(self._condition)
        self.texts = lru_cache(_COMPILED_MOST)(self._texts)

    def check(self, expression: str) -> None:
        """Does nothing for a condition that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        self.condition(expression)

    def meaning(self, condition: str) -> Meaning:
        """What a condition says, whatever it is asked about.

        Raises:
            ExpressionProblem: it can't be evaluated; says where and why.
        """
        return self.condition(condition).syntax.meaning

    def values(self, values: Mapping[str, Any]) -> cel.Activation:
        """Values of the variables, as programs are evaluated with them."""
        return self._environment.Activation(dict(values))

    def given(self, values: Mapping[str, Any]) -> Callable[[str], bool]:
        """A function that says whether a condition is true of these values of the variables.

        It raises `ExpressionProblem` for one that is neither true nor false.
        """
        activation = self.values(values)
        return lambda expression: self.is_true(expression, activation)

    def is_true(self, expression: str, values: cel.Activation) -> bool:
        """Whether a condition is true of these values.

        Raises:
            ExpressionProblem: it is neither true nor false.
        """
        program = self.condition(expression).program
        try:
            answer = program.eval(values).value()
        except Exception as error:  # whatever the engine raises, it is not an answer
            raise ExpressionProblem(*_faults(str(error))) from error
        # The value of an error is a text.
        if answer is True or answer is False:
            return bool(answer)
        raise ExpressionProblem(*_faults(str(answer)))

    def names(self, expression: str, values: cel.Activation) -> tuple[str, ...]:
        """The texts that an expression lists for these values.

        Raises:
            ExpressionProblem: it lists none.
        """
        program = self.texts(expression).program
        try:
            answer = program.eval(values).value()
        except Exception as error:
            raise ExpressionProblem(*_faults(str(error))) from error
        if not isinstance(answer, list):
            raise ExpressionProblem(*_faults(str(answer)))
        found = tuple(value.value() for value in answer)
        for text in found:
            if not isinstance(text, str):
                raise ExpressionProblem(*_faults(str(text)))
        return found

    def _condition(self, expression: str) -> Compiled:
        return self._compile(expression, cel.Type.BOOL, "true or false")

    def _texts(self, expression: str) -> Compiled:
        return self._compile(expression, TEXTS, "a list of texts")

    def _compile(self, expression: str, expected: cel.Type, in_words: str) -> Compiled:
        if len(expression) > self._most_characters:
            raise ExpressionProblem(f"more than {self._most_characters} characters")
        try:
            program = self._declared.compile(expression)
            found = program.return_type()
            if found == expected and self._given is not None:
                program = self._given.compile(expression)
                found = program.return_type()
        except Exception as error:
            raise ExpressionProblem(*_faults(str(error))) from error
        if found != expected:
            raise ExpressionProblem(f"it is of type {found.name()}, and must be {in_words}")
        syntax = Syntax(expression, program.serialize())
        if (fault := syntax.too_deep()) is not None:
            raise ExpressionProblem(fault)
        return Compiled(program, syntax)


def _environment(config: str, variables: Mapping[str, cel.Type]) -> cel.Env:
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(config), variables=dict(variables))


def _faults(text: str) -> list[Fault]:
    """What the engine says is wrong, without its codes and its drawing of the place."""
    found = [
        Fault(_CODES.sub("", what), *((int(line), int(column)) if int(line) > 0 else ()))
        for line, column, what in _FAULT.findall(text)
    ]
    return found[:_FAULTS_MOST] or [Fault(_CODES.sub("", text.partition("\n")[0]))]
