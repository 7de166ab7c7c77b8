"""Deliveries, assignments and operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment
from services.connector.domain.attempt import AttemptRecord
from services.connector.domain.delivery import Delivery, Picture
from services.connector.domain.operation import Operation, OperationState
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.target import Principal, Target
from services.connector.domain.wave import Due


class Provisioning(Protocol):
    """Deliveries, assignments and operations."""

    async def delivery(self, lease_id: str) -> Delivery | None:
        """What is known of a lease."""
        ...

    async def around_lease(
        self, lease_id: str, principal: Principal | None = None, targets: Sequence[Target] = ()
    ) -> Picture:
        """The delivery of a lease with its assignments, and those of a person to targets.

        With them the open deliveries that hang on these assignments, and all of theirs; there may
        be more of the same person. Not of one moment: whoever writes is guarded by versions.
        """
        ...

    async def shown(self, lease_id: str) -> Picture | None:
        """The delivery of a lease, and the assignments that it hangs on, as of one moment.

        For reading only: without what is under way, and without who holds them.
        """
        ...

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        """Leases that are on their way in or out, those that changed longest ago first."""
        ...

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        """The assignments of operations, and the open deliveries that hang on them with theirs."""
        ...

    async def around_assignments(self, assignment_ids: Sequence[str]) -> Picture:
        """Assignments, and all deliveries that hang on them with theirs, also those not open."""
        ...

    async def expected(
        self, connection_id: str, changed_before: datetime, after: str, limit: int
    ) -> Sequence[ExpectedAssignment]:
        """Assignments of a connection that are in Entra since before then, behind an id."""
        ...

    async def still_expected(
        self, assignment_ids: Sequence[str], changed_before: datetime
    ) -> Sequence[ExpectedAssignment]:
        """Those of these that are in Entra since before then."""
        ...

    async def lost_deliveries(self, changed_before: datetime, limit: int) -> Sequence[str]:
        """Leases that are lost since before then, those that changed longest ago first."""
        ...

    async def due(
        self, connection_id: str, now: datetime, limit: int, busy: frozenset[str]
    ) -> Sequence[Due]:
        """A tenant's operations under way whose next attempt is due: by lanes, the oldest first.

        None of those under way at this moment for somebody who is busy, by object id.
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
