"""What the handlers and loops need from outside."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment
from services.connector.domain.attempt import AttemptRecord
from services.connector.domain.connection import CheckReport, Connection, Credential
from services.connector.domain.delivery import Delivery, Picture
from services.connector.domain.directory import (
    AppInScope,
    AppsInScope,
    DirectoryEnd,
    DirectoryPage,
    Phase,
    ReadingStart,
)
from services.connector.domain.lease import Confirmation, Lease
from services.connector.domain.operation import Operation, OperationKind, OperationState
from services.connector.domain.sync import Checkpoint, History, Ingested, NumberedPage, Sync
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Verdict
from services.connector.domain.wave import Due


class Connections(Protocol):
    """The connections, and what of their tenants must never be written to."""

    async def get(self, connection_id: str) -> Connection | None:
        """The connection with this id."""
        ...

    async def of_tenant(self, entra_tenant_id: str) -> Connection | None:
        """The connection of a tenant."""
        ...

    async def with_credential(self, name: str) -> Sequence[Connection]:
        """The connections that sign in with a file of the secrets folder."""
        ...

    async def page(self, request: PageRequest) -> Page[Connection]:
        """A page of all connections, oldest first.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    async def protected(self, connection_id: str) -> frozenset[str]:
        """The service principals of its tenant that were found to be Microsoft's own."""
        ...

    def added(self, connection: Connection) -> tuple[Write, ...]:
        """What is written for a new one. It is stale if the tenant was connected meanwhile."""
        ...

    def updated(self, connection: Connection) -> tuple[Write, ...]:
        """What is written for a changed one. Stale if it is not the version before any more."""
        ...

    def protecting(self, connection_id: str, ids: Iterable[str]) -> tuple[Write, ...]:
        """What is written for service principals newly found to be Microsoft's own."""
        ...


class Syncs(Protocol):
    """The syncs."""

    async def get(self, sync_id: str) -> Sync | None:
        """The sync with this id."""
        ...

    async def running(self) -> Sequence[Sync]:
        """All that run; not those that are held."""
        ...

    async def running_of(self, connection_id: str) -> Sync | None:
        """The one that runs, or is held, for a connection."""
        ...

    async def last_succeeded_of(self, connection_id: str) -> Sync | None:
        """The newest of a connection that succeeded."""
        ...

    async def history_of(self, connection_id: str) -> History:
        """What is known of a connection's syncs."""
        ...

    async def page(self, request: PageRequest, *, connection_id: str) -> Page[Sync]:
        """A page of syncs, newest first; of one connection unless `connection_id` is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def added(self, sync: Sync) -> tuple[Write, ...]:
        """What is written for a new one. It is stale if another was started meanwhile."""
        ...

    def updated(self, sync: Sync) -> tuple[Write, ...]:
        """What is written for a change. It is stale if the sync has changed since `version`."""
        ...


class Provisioning(Protocol):
    """Deliveries, assignments and operations."""

    async def delivery(self, lease_id: str) -> Delivery | None:
        """What is known of a lease."""
        ...

    async def around_lease(
        self,
        lease_id: str,
        principal: Principal | None = None,
        targets: Sequence[Target] = (),
        *,
        at_once: bool = False,
    ) -> Picture:
        """The delivery of a lease with its assignments, and those of a person to targets.

        With them the open deliveries that hang on these assignments, and all of theirs. `at_once`:
        as of one moment, which whoever writes guards by versions instead.
        """
        ...

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        """Leases that are on their way in or out, those that changed longest ago first."""
        ...

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        """The assignments of operations, and the open deliveries that hang on them with theirs."""
        ...

    async def due(
        self, connection_id: str, now: datetime, limit: int, busy: frozenset[str]
    ) -> Sequence[Due]:
        """A tenant's operations under way whose next attempt is due: by lanes, the oldest first.

        None of those whose person is busy, by object id.
        """
        ...

    async def operation(self, operation_id: str) -> "Recorded | None":
        """An operation with its attempts."""
        ...

    async def assignments(self, request: PageRequest, *, user_id: str) -> Page[Assignment]:
        """A page of assignments, oldest first; of one person unless `user_id` is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    async def operations(
        self, request: PageRequest, *, assignment_id: str, state: OperationState | None
    ) -> Page[Operation]:
        """A page of operations, oldest first; of one assignment unless the id is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def saved(self, before: Picture, after: Picture) -> tuple[Write, ...]:
        """What is written for `after`, which holds only what changed. Stale if `before` is."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """An operation, and its attempts, oldest first."""

    operation: Operation
    attempts: tuple[AttemptRecord, ...]


class Throttles(Protocol):
    """Until when tenants asked not to be called."""

    async def until(self, connection_id: str) -> datetime | None:
        """When the last such time of a tenant is over, or was."""
        ...

    async def note(self, connection_id: str, until: datetime) -> None:
        """Keeps it, for whoever works on the tenant next.

        Raises:
            Unavailable: the database does not answer.
        """
        ...


class Requests(Protocol):
    """The requests service."""

    async def lease(self, lease_id: str) -> Lease:
        """A lease.

        Raises:
            NotFound: there is no such lease.
            Unavailable: requests does not answer.
        """
        ...

    async def ending(self) -> Sequence[str]:
        """The leases that are on their way out of Entra.

        Raises:
            Unavailable: requests does not answer.
        """
        ...

    async def granted(self) -> Sequence[str]:
        """The leases that are on their way into Entra.

        Raises:
            Unavailable: requests does not answer.
        """
        ...


class Catalog(Protocol):
    """The catalog service."""

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        """What the catalog says of targets.

        Raises:
            NotFound: it has no such entitlement or person.
            Unavailable: it does not answer.
        """
        ...

    async def checkpoint(self, connection_id: str) -> Checkpoint:
        """How far it has the newest sync of a connection.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def ingest(
        self, sync: Sync, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        """Brings it pages until they end. Nothing may be raised by what gives the pages.

        Raises:
            LatchkeyError: it refuses them.
            Unavailable: it does not answer; some may have been committed.
        """
        ...

    async def apps_in_scope(self, connection_id: str) -> Sequence[AppInScope]:
        """The apps of a connection, by their ids.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class Secrets(Protocol):
    """The secrets folder."""

    async def check(self, credential: Credential) -> None:
        """Whether a credential can be signed in with, as far as can be told here.

        Raises:
            WrongState: SECRET_NOT_FOUND, SECRET_UNUSABLE.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt in Entra: what is to be done, and what it is known by.

    `number` counts the attempts of the operation, from 1. `entra_assignment_id` is what Entra is
    known to call the assignment, empty when that is not known. `looks_first`: an attempt before
    this one may have had its effect.
    """

    operation_id: str
    kind: OperationKind
    number: int
    principal: Principal
    target: Target
    entra_assignment_id: str
    looks_first: bool
    client_request_id: str


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
