"""A look at whether Entra still holds what leases brought there, that found something missing."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain import ids
from libs.domain.callers import Caller
from services.connector.domain import errors
from services.connector.domain.connection import RemovedAccessAction

# More than so many, and more than this share of what should be there, is held.
_MOST_MISSING = 20
_MOST_SHARE = 0.1
# How many of the missing ones are shown.
MOST_SHOWN = 100


class ReconciliationState(StrEnum):
    """Where a reconciliation stands."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    DONE = "DONE"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class ExpectedAssignment:
    """An assignment that should be in Entra: whose it is, and what."""

    assignment_id: str
    entra_principal_id: str
    user_id: str
    directory_entitlement_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look saw: how many assignments should be in Entra, and which of them are missing."""

    sync_id: str
    expected_count: int
    missing_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One look. `shown_ids` are the first of the assignments that are missing.

    `action` is what becomes of them, as the connection said then. `confirmed_by` is none when
    nobody had to agree.
    """

    reconciliation_id: str
    connection_id: str
    sync_id: str
    state: ReconciliationState
    expected_count: int
    missing_count: int
    action: RemovedAccessAction
    shown_ids: tuple[str, ...]
    create_time: datetime
    finish_time: datetime | None = None
    confirmed_by: Caller | None = None
    version: int = 1

    @classmethod
    def of(
        cls, connection_id: str, finding: Finding, action: RemovedAccessAction, now: datetime
    ) -> "Reconciliation":
        """A new one, held when too much is missing for nobody to be asked."""
        missing = len(finding.missing_ids)
        too_many = missing > max(_MOST_MISSING, _MOST_SHARE * finding.expected_count)
        return cls(
            ids.new_id("rcn"),
            connection_id,
            finding.sync_id,
            ReconciliationState.HELD if too_many else ReconciliationState.CONFIRMED,
            finding.expected_count,
            missing,
            action,
            tuple(sorted(finding.missing_ids)[:MOST_SHOWN]),
            now,
        )

    @property
    def is_over(self) -> bool:
        """Whether it is in one of its final states."""
        return self.state in (ReconciliationState.DONE, ReconciliationState.SUPERSEDED)

    def says_the_same(
        self, missing_ids: Collection[str], later: Finding, action: RemovedAccessAction
    ) -> bool:
        """Whether a later look saw the same ones missing, with the same to come of it."""
        return self.action is action and later.missing_ids == frozenset(missing_ids)

    def confirmed(self, actor: Caller) -> "Reconciliation":
        """Somebody agrees to what becomes of the missing ones.

        Raises:
            WrongState: RECONCILIATION_NOT_HELD.
        """
        if self.state is not ReconciliationState.HELD:
            raise errors.reconciliation_not_held(self.reconciliation_id, self.state)
        return replace(self, state=ReconciliationState.CONFIRMED, confirmed_by=actor)

    def done(self, now: datetime) -> "Reconciliation":
        """What was missing was acted on."""
        return replace(self, state=ReconciliationState.DONE, finish_time=now)

    def superseded(self, now: datetime) -> "Reconciliation":
        """A later one saw the tenant otherwise."""
        return replace(self, state=ReconciliationState.SUPERSEDED, finish_time=now)
