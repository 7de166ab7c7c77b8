"""A change as a value.

A use case loads, asks the domain, and returns what shall be written: the writes that its store
made, the facts that happened, the audit record. Nothing of it is in the database yet; one
committer per process takes it there, whole or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from libs.domain.callers import Caller
from libs.domain.errors import LatchkeyError

T = TypeVar("T")


class Write:
    """Something for the database. Made by a store; opaque to everybody else."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to one resource. `body` is the domain's own record of it."""

    resource_id: str
    resource_version: int
    body: object


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which resource and why. `details` hold JSON's own types only."""

    actor: Caller
    action: str
    resource_id: str
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that one use case writes. There is no change without an audit record.

    `also` are the records of further resources, where one call changes several. `after` are
    resources as they are then, by their ids, as far as somebody may be waiting to see them.
    """

    audit: AuditEntry
    writes: tuple[Write, ...]
    facts: tuple[Fact, ...] = ()
    also: tuple[AuditEntry, ...] = ()
    after: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a use case answers, and what has to be written for it to be true."""

    result: T
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A use case that refuses its caller, and keeps that it did.

    Most refusals leave nothing behind. This is for those that do: the change is committed, and then
    the caller is told the error.
    """

    error: LatchkeyError
    change: Change
