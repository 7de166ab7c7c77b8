"""Something that is wrong with a policy."""

import re
from dataclasses import dataclass
from enum import Enum

from libs.domain.errors import Violation

_PLACE = re.compile(r"line (\d+), column (\d+): ")


class Severity(Enum):
    """How bad it is. The values are those of the contract."""

    ERROR = 1
    WARNING = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field. `line` and `column` are those of an expression, from 1; 0 where
    it is about none."""

    severity: Severity
    field: str
    line: int
    column: int
    message: str

    @classmethod
    def of(cls, violation: Violation) -> "Problem":
        """What would be refused."""
        place = _PLACE.match(violation.problem)
        line, column = (0, 0) if place is None else (int(place[1]), int(place[2]))
        message = violation.problem if place is None else violation.problem[place.end() :]
        return cls(Severity.ERROR, violation.field, line, column, message)

    @classmethod
    def warning(cls, field: str, message: str) -> "Problem":
        """What is taken, and somebody should look at."""
        return cls(Severity.WARNING, field, 0, 0, message)
