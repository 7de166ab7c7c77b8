"""How a call can fail, in words of the domain.

    LatchkeyError
    ├── Invalid          the caller must send something else
    ├── NotFound         there is no such thing, or not for this caller
    ├── AlreadyExists    there is one already
    ├── WrongState       not as things are now
    ├── NotAllowed       not this caller
    ├── Unauthenticated  nobody we know
    ├── Conflict         somebody else was first
    └── Unavailable      something we need does not answer

Which gRPC code a class becomes is written once, in `libs.rpc.errors`. A reason is a value of the
service's `ErrorReason` without its prefix, and `facts` are the values that the message mentions.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field of a request, named by its path."""

    field: str
    problem: str


class LatchkeyError(Exception):
    """A failure that the caller is told about."""

    def __init__(self, reason: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.facts = {name: str(value) for name, value in facts.items()}


class Invalid(LatchkeyError):
    """The request can't be meant as it was sent."""

    def __init__(
        self,
        violations: Sequence[Violation],
        *,
        reason: str = "FIELD_INVALID",
        message: str | None = None,
        **facts: object,
    ) -> None:
        text = message or "; ".join(f"{v.field}: {v.problem}" for v in violations)
        super().__init__(reason, text, **facts)
        self.violations = tuple(violations)

    @classmethod
    def field(
        cls, field: str, problem: str, *, reason: str = "FIELD_INVALID", **facts: object
    ) -> "Invalid":
        """One field is wrong."""
        return cls([Violation(field, problem)], reason=reason, message=None, **facts)


class NotFound(LatchkeyError):
    """There is no such thing, or not for this caller: the two are told apart by nobody."""


class AlreadyExists(LatchkeyError):
    """There is one already."""


class WrongState(LatchkeyError):
    """The request is fine, and can't be done as things are now."""


class NotAllowed(LatchkeyError):
    """The caller is known and may not do this."""


class Unauthenticated(LatchkeyError):
    """Nobody we know is calling."""

    def __init__(self, problem: str) -> None:
        super().__init__("CALLER_UNKNOWN", f"Who calls is not known: {problem}.", problem=problem)

    @classmethod
    def for_another(cls, problem: str) -> "Unauthenticated":
        """A service is known, and the person for whom it says it calls is not."""
        error = cls(problem)
        error.message = f"For whom the call is made is not known: {problem}."
        error.facts = {"problem": problem, "whose": "person"}
        return error


class Conflict(LatchkeyError):
    """Somebody else changed the same thing first."""

    @classmethod
    def stale_etag(cls, resource_id: str) -> "Conflict":
        """The caller decided on something that has changed since."""
        return cls(
            "ETAG_MISMATCH",
            f"{resource_id} has changed since its etag was read. Read it again and decide again.",
            resource_id=resource_id,
        )


class Unavailable(LatchkeyError):
    """Something that is needed does not answer."""

    def __init__(self, dependency: str, problem: str) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"{dependency} does not answer: {problem}. Try again.",
            dependency=dependency,
        )

    @classmethod
    def refused(cls, dependency: str, error: LatchkeyError) -> "Unavailable | Unauthenticated":
        """What an error of a dependency is to our caller, who has done nothing wrong; unless it is
        their own token, which we have passed on, that is good no more."""
        if isinstance(error, Unavailable | Unauthenticated):
            return error
        return cls(dependency, f"it refuses with {error.reason}")
