"""What is wrong with an expression, and what one that is right says by itself."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an expression."""

    message: str
    line: int = 0
    """From 1; 0 where it is about no place in particular."""
    column: int = 0
    """In that line, from 1."""

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return place + self.message


class ExpressionProblem(Exception):
    """Why an expression can't be evaluated, or is neither true nor false; in words."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(Fault(it) if isinstance(it, str) else it for it in faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression says, whatever it is asked about."""

    shape: str
    """The same for expressions that differ in blanks, brackets and comments only."""
    always: bool | None
    """The answer, where the expression is nothing but `true` or `false`."""
    lengths: tuple[timedelta, ...]
    """The lengths of time that are written in it, such as `duration("4h")`."""
    reads: frozenset[tuple[str, str]]
    """The fields that it reads, each with the variable that it reads it of; that is empty where
    it reads it of something else."""
