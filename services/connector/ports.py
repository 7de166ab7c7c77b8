"""What the handlers and loops need from outside."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment
from services.connector.domain.connection import CheckReport, Connection
from services.connector.domain.delivery import Delivery, Picture
from services.connector.domain.directory import DirectoryPage
from services.connector.domain.lease import Confirmation, Lease
from services.connector.domain.operation import Operation, OperationKind
from services.connector.domain.sync import Sync
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Verdict


class Connections(Protocol):
    """The connections, and what of their tenants must never be written to."""

    async def get(self, connection_id: str) -> Connection | None:
        """The connection with this id."""
        ...

    async def of_tenant(self, entra_tenant_id: str) -> Connection | None:
        """The connection of a tenant."""
        ...

    async def with_secret(self, client_secret_name: str) -> Sequence[Connection]:
        """The connections that use a secret."""
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

    def protecting(self, connection_id: str, ids: Iterable[str]) -> tuple[Write, ...]:
        """What is written for service principals newly found to be Microsoft's own."""
        ...


class Syncs(Protocol):
    """The syncs."""

    async def get(self, sync_id: str) -> Sync | None:
        """The sync with this id."""
        ...

    async def running(self) -> Sequence[Sync]:
        """All that run."""
        ...

    async def running_of(self, connection_id: str) -> Sync | None:
        """The one that runs for a connection."""
        ...

    async def last_succeeded_of(self, connection_id: str) -> Sync | None:
        """The newest of a connection that read everything."""
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
        self, lease_id: str, principal: Principal | None = None, targets: Sequence[Target] = ()
    ) -> Picture:
        """The delivery of a lease with its assignments, and those of a person to targets.

        With them the open deliveries that hang on these assignments, and all of theirs.
        """
        ...

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        """Leases that are on their way in or out, those that changed longest ago first."""
        ...

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        """The assignments of operations, and the open deliveries that hang on them with theirs."""
        ...

    async def due(self, now: datetime, limit: int, busy: frozenset[str]) -> "Sequence[Due]":
        """Operations under way whose next attempt is due, removals first, then the oldest.

        None of those whose person is busy, by object id.
        """
        ...

    async def assignments(self, request: PageRequest, *, user_id: str) -> Page[Assignment]:
        """A page of assignments, oldest first; of one person unless `user_id` is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    async def operations(self, request: PageRequest, *, assignment_id: str) -> Page[Operation]:
        """A page of operations, oldest first; of one assignment unless the id is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def saved(self, before: Picture, after: Picture) -> tuple[Write, ...]:
        """What is written for `after`, which holds only what changed. Stale if `before` is."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """An operation that is due, and whom it is for."""

    operation_id: str
    entra_principal_id: str


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


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the catalog has a sync. `checkpoint` is where reading goes on."""

    last_page_number: int
    checkpoint: str
    completed: bool


@dataclass(frozen=True, slots=True)
class Ingested:
    """What the catalog has of a sync: the last page it committed, and how much it saw so far."""

    last_page_number: int
    seen_count: int


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """A page on its way to the catalog; without one, the message that completes the sync."""

    number: int
    page: DirectoryPage | None


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

    async def checkpoint(self, sync_id: str) -> Checkpoint:
        """How far it has a sync.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def ingest(
        self, sync_id: str, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        """Brings it pages until they end. Nothing may be raised by what gives the pages.

        Raises:
            LatchkeyError: it refuses them.
            Unavailable: it does not answer; some may have been committed.
        """
        ...


class Secrets(Protocol):
    """The secrets folder."""

    async def has(self, name: str) -> bool:
        """Whether there is a secret of this name, and something in it."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt in Entra: what an operation is about to do.

    `number` counts the attempts of the operation, from 1. `entra_assignment_id` is what Entra is
    known to call the assignment, empty when that is not known.
    """

    operation_id: str
    kind: OperationKind
    number: int
    principal: Principal
    target: Target
    entra_assignment_id: str


class Entra(Protocol):
    """The tenants."""

    def clouds(self) -> Sequence[str]:
        """The names of the clouds that are known."""
        ...

    async def check(self, connection: Connection) -> CheckReport:
        """Signs in and tries each thing that must be read; writes nothing, raises nothing."""
        ...

    def read(
        self, connection: Connection, checkpoint: str, count_request: "RequestCounter"
    ) -> AsyncIterator[DirectoryPage]:
        """Reads everything behind a checkpoint; all of it when that is empty.

        Raises:
            ReadFailed: it can't be read.
        """
        ...

    async def provision(self, connection: Connection, attempt: Attempt) -> Verdict:
        """Makes one attempt; whatever goes wrong is in the verdict."""
        ...


class RequestCounter(Protocol):
    """Hears of each request made to Graph."""

    def __call__(self) -> None:
        """One more."""
        ...
