"""A sync: one run that brings the tenant into the catalog."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.connector.domain import errors

COMPLETING = "completing"
DONE = "done"
MOST_IN_PROBLEM = 2000


class SyncState(StrEnum):
    """Where a sync stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is. Counts only grow."""

    phase: str
    page_count: int = 0
    object_count: int = 0
    request_count: int = 0


@dataclass(frozen=True, slots=True)
class Sync:
    """One run."""

    sync_id: str
    connection_id: str
    state: SyncState
    progress: Progress
    problem: str
    create_time: datetime
    finish_time: datetime | None = None
    version: int = 1

    @property
    def is_over(self) -> bool:
        """Whether it is in one of its final states."""
        return self.state is not SyncState.RUNNING

    def progressed(self, progress: Progress) -> "Sync":
        """Has come further."""
        self._must_run()
        return replace(self, progress=progress)

    def succeeded(self, progress: Progress, now: datetime) -> "Sync":
        """Has read everything, and the catalog has it."""
        self._must_run()
        return replace(
            self,
            state=SyncState.SUCCEEDED,
            progress=replace(progress, phase=DONE),
            finish_time=now,
        )

    def failed(self, problem: str, now: datetime) -> "Sync":
        """Is given up."""
        self._must_run()
        return replace(
            self, state=SyncState.FAILED, problem=problem[:MOST_IN_PROBLEM], finish_time=now
        )

    def cancelled(self, now: datetime) -> "Sync":
        """Is stopped."""
        self._must_run()
        return replace(self, state=SyncState.CANCELLED, finish_time=now)

    def _must_run(self) -> None:
        if self.is_over:
            raise errors.sync_finished(self.sync_id, self.state)
