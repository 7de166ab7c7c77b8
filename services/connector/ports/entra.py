"""The tenants, and which of them this process works on."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.connector.domain.assignment import Assignment
from services.connector.domain.connection import CheckReport, Connection
from services.connector.domain.directory import (
    AppsInScope,
    DirectoryEnd,
    DirectoryPage,
    Phase,
    ReadingStart,
)
from services.connector.domain.operation import Operation, OperationKind
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Refused, Verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt in Entra: what is to be done, and what it is known by.

    `number` counts the attempts of the operation, from 1. `entra_assignment_id` is what Entra is
    known to call the assignment, empty when that is not known. `looks_first`: an attempt before
    this one may have had its effect, or what is found there is ours. `takes_over`: it is, whoever
    put it there; so a removal also removes what has come to have another id. With a `refusal`
    nothing is written: that is what it comes to when the look finds nothing.
    """

    operation_id: str
    kind: OperationKind
    number: int
    principal: Principal
    target: Target
    entra_assignment_id: str
    looks_first: bool
    client_request_id: str
    takes_over: bool = False
    refusal: Refused | None = None

    @classmethod
    def of(cls, assignment: Assignment, operation: Operation, client_request_id: str) -> "Attempt":
        """The one that an operation of an assignment has just been noted for."""
        adds = operation.kind is OperationKind.ADD
        return cls(
            operation_id=operation.operation_id,
            kind=operation.kind,
            number=operation.attempt_count,
            principal=assignment.principal,
            target=assignment.target,
            entra_assignment_id=assignment.entra_assignment_id,
            # This one counts already. A new operation looks only for what is taken over, which may
            # be there though Entra would refuse to write it: after a removal of unknown outcome a
            # replica that lags would show what is gone, while Entra's answer to a write is certain.
            looks_first=adds
            and (assignment.taken_over or (operation.attempt_count > 1 and assignment.tries > 1)),
            client_request_id=client_request_id,
            takes_over=assignment.taken_over,
        )


class Gate(Protocol):
    """What one tenant lets through."""

    @property
    def closed_for(self) -> float:
        """For how many seconds the tenant is not to be called; 0 when it is open."""
        ...

    def close_for(self, pause: timedelta) -> None:
        """Lets nothing through for this long, or longer where that was so already."""
        ...

    def on_throttled(self, listener: Callable[[timedelta], None]) -> None:
        """Has `listener` told how long the tenant is not to be called, whenever that changes."""
        ...

    def writes_ready(self) -> int:
        """How many writes may go now."""
        ...

    def take_writes(self, count: int) -> None:
        """So many writes are about to go."""
        ...


class Entra(Protocol):
    """The tenants."""

    def clouds(self) -> Sequence[str]:
        """The names of the clouds that are known."""
        ...

    async def check(self, connection: Connection) -> CheckReport:
        """Signs in and tries each thing that must be read; writes nothing, raises nothing."""
        ...

    def read(
        self,
        connection: Connection,
        start: ReadingStart,
        apps: AppsInScope,
        count_request: "RequestCounter",
    ) -> AsyncIterator[Phase | DirectoryPage | DirectoryEnd]:
        """Reads everything behind where it starts; each phase is named before its pages.

        Raises:
            ReadFailed: it can't be read.
        """
        ...

    def gate(self, connection: Connection) -> Gate:
        """The gate of a tenant: the same one each time."""
        ...

    async def provision(
        self, connection: Connection, attempts: Sequence[Attempt]
    ) -> Sequence[Verdict]:
        """Makes attempts together, in as few calls as there can be; what each came to, in order.

        Whatever goes wrong is in the verdicts.
        """
        ...


class RequestCounter(Protocol):
    """Hears of each request made to Graph."""

    def __call__(self) -> None:
        """One more."""
        ...


class Serving(Protocol):
    """Which tenants this process works on; no other process works on them meanwhile."""

    def serves(self, connection_id: str) -> bool:
        """Whether this process works on the tenant. Asked right before each call of it."""
        ...

    def connection_ids(self) -> frozenset[str]:
        """The connections of all tenants that this process works on."""
        ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Has `listener` told, on the event loop, when a tenant came or went."""
        ...
