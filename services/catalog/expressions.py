"""Expressions of access profiles, in CEL: what they may speak of."""

from collections.abc import Callable

from libs.expressions.cel import Language, Type
from services.catalog.domain.access_profile import EXPRESSION_MOST
from services.catalog.domain.directory import User
from services.catalog.translate.access_profile import attributes_to_proto

_VARIABLES = {"person": Type("latchkey.catalog.v1.PersonAttributes")}


class CelExpressions:
    """The port `Expressions`, for CEL."""

    def __init__(self) -> None:
        self._language = Language("latchkey.catalog", _VARIABLES, EXPRESSION_MOST)

    def check(self, expression: str) -> None:
        self._language.check(expression)

    def given(self, person: User) -> Callable[[str], bool]:
        return self._language.given({"person": attributes_to_proto(person)})
