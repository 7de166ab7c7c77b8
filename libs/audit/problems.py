"""What walking a chain can find, in words for whoever has to look."""

from dataclasses import dataclass
from enum import StrEnum

_MOST = 100


class Kind(StrEnum):
    """What was done, as far as it can be told."""

    EDITED = "edited"
    """It is not as it was written."""
    MISSING = "missing"
    """It was taken out."""
    REORDERED = "reordered"
    """It stands where another one was."""
    ADDED = "added"
    """It was put in by somebody else."""
    TRUNCATED = "truncated"
    """The end was cut off."""
    RECHAINED = "rechained"
    """Something was changed, and everything after it chained anew without the key."""
    FOREIGN = "foreign"
    """A head is signed with another key, or for another chain."""
    UNSIGNED = "unsigned"
    """No head was signed over it, long after one had to be."""


class Subject(StrEnum):
    """What a problem is about."""

    RECORD = "record"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold: which records or heads, and how."""

    kind: Kind
    subject: Subject
    sequence: int
    last_sequence: int
    """As `sequence`, unless it is about all from there to here."""
    words: str

    def __str__(self) -> str:
        return self.words

    def covers(self, subject: Subject, sequence: int) -> bool:
        """Whether it names this record or head."""
        return self.subject is subject and self.sequence <= sequence <= self.last_sequence


@dataclass(frozen=True, slots=True)
class Verification:
    """What walking a chain found."""

    record_count: int
    head_count: int = 0
    signed_sequence: int = 0
    """Up to this record a head was signed that agrees with the chain."""
    problem_count: int = 0
    problems: tuple[Problem, ...] = ()
    """The first of them."""

    @property
    def intact(self) -> bool:
        """Whether everything holds."""
        return self.problem_count == 0


class Findings:
    """Collects problems: the first of them, and how many there are."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.count = 0

    def add(
        self, kind: Kind, subject: Subject, sequence: int, words: str, last: int | None = None
    ) -> None:
        """Takes note of one; `last` where it is about all from `sequence` to there."""
        self.count += 1
        if len(self.problems) < _MOST:
            last = sequence if last is None else last
            self.problems.append(Problem(kind, subject, sequence, last, words))

    def missing(self, first: int, last: int) -> None:
        """The records from `first` to `last` are not there."""
        many = f"records {first} to {last} are" if last > first else f"record {first} is"
        self.add(Kind.MISSING, Subject.RECORD, first, f"{many} missing", last)

    def truncated(self, first: int, end: int, words: str) -> None:
        """The records from `first` to `end` are cut off; once, however it was found out."""
        known = (it for it in self.problems if it.kind is Kind.TRUNCATED)
        if not any(it.last_sequence >= end for it in known):
            words = f"the end of the chain is missing, from record {first} on: {words}"
            self.add(Kind.TRUNCATED, Subject.RECORD, first, words, end)

    def verification(self, records: int, heads: int, signed: int) -> Verification:
        """All of it, with what was read and up to where it is signed."""
        problems = sorted(self.problems, key=lambda it: (it.sequence, it.subject))
        return Verification(records, heads, signed, self.count, tuple(problems))
