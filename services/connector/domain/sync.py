"""A sync: one run that brings the tenant into the catalog."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.domain import ids
from services.connector.domain import errors
from services.connector.domain.connection import SyncSchedule
from services.connector.domain.directory import DirectoryEnd, DirectoryPage, Phase

COMPLETING = "completing"
DONE = "done"
MOST_IN_PROBLEM = 2000


class SyncKind(StrEnum):
    """How much a sync reads."""

    INCREMENTAL = "INCREMENTAL"
    FULL = "FULL"


class SyncState(StrEnum):
    """Where a sync stands."""

    RUNNING = "RUNNING"
    HELD = "HELD"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


_UNDER_WAY = (SyncState.RUNNING, SyncState.HELD)


class TakenOver(Exception):
    """Another process has taken the sync up: what this one does of it counts no more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is. Counts only grow. The rate is of the last seconds."""

    phase: str
    page_count: int = 0
    object_count: int = 0
    request_count: int = 0
    objects_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class HeldRemoval:
    """More of a kind than is removed without being confirmed. `kind` is a word for people."""

    kind: str
    removed_count: int
    total_count: int

    def __str__(self) -> str:
        what = self.kind.replace("_", " ")
        return f"{self.removed_count:,} of {self.total_count:,} {what}"


@dataclass(frozen=True, slots=True)
class Sync:
    """One run.

    `run` counts the processes that took it up. `expected_count` is how many objects the reading
    that it is compared with had, 0 when there is none.
    """

    sync_id: str
    connection_id: str
    state: SyncState
    progress: Progress
    problem: str
    create_time: datetime
    finish_time: datetime | None = None
    version: int = 1
    kind: SyncKind = SyncKind.INCREMENTAL
    run: int = 0
    expected_count: int = 0
    removed_count: int = 0
    held_removals: tuple[HeldRemoval, ...] = ()
    removals_confirmed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it is in one of its final states."""
        return self.state not in _UNDER_WAY

    @property
    def estimated_rest(self) -> timedelta | None:
        """How long it may still take, were it like the one it is compared with; None if unknown."""
        rest = self.expected_count - self.progress.object_count
        rate = self.progress.objects_per_second
        if self.state is not SyncState.RUNNING or rest <= 0 or rate <= 0:
            return None
        return timedelta(seconds=round(rest / rate))

    def taken_up(self) -> "Sync":
        """A process begins to work on it, in the place of any that did before."""
        self._must_run(self.run)
        return replace(self, run=self.run + 1)

    def progressed(self, run: int, progress: Progress) -> "Sync":
        """Has come further."""
        self._must_run(run)
        return replace(self, progress=progress)

    def held(self, run: int, progress: Progress, removals: Sequence[HeldRemoval]) -> "Sync":
        """Has read everything, and would remove too much for nobody to be asked."""
        self._must_run(run)
        return replace(
            self,
            state=SyncState.HELD,
            progress=replace(progress, objects_per_second=0.0),
            held_removals=tuple(removals),
            removals_confirmed=False,
            problem=f"it would remove {_listed(removals)}: ConfirmSync agrees to that, "
            "CancelSync leaves everything as it is",
        )

    def confirmed(self) -> "Sync":
        """Somebody agrees to what it removes.

        Raises:
            WrongState: SYNC_NOT_HELD.
        """
        if self.state is not SyncState.HELD:
            raise errors.sync_not_held(self.sync_id, self.state)
        return replace(
            self,
            state=SyncState.RUNNING,
            held_removals=(),
            removals_confirmed=True,
            problem="",
        )

    def succeeded(self, run: int, progress: Progress, removed_count: int, now: datetime) -> "Sync":
        """Has read everything, and the catalog has it."""
        self._must_run(run)
        return replace(
            self,
            state=SyncState.SUCCEEDED,
            progress=replace(progress, phase=DONE, objects_per_second=0.0),
            removed_count=removed_count,
            finish_time=now,
        )

    def failed(self, run: int, problem: str, now: datetime) -> "Sync":
        """Is given up."""
        self._must_run(run)
        return self._over(SyncState.FAILED, now, problem[:MOST_IN_PROBLEM])

    def cancelled(self, now: datetime) -> "Sync":
        """Is stopped, also while it is held."""
        if self.is_over:
            raise errors.sync_finished(self.sync_id, self.state)
        return replace(self._over(SyncState.CANCELLED, now, self.problem), held_removals=())

    def _over(self, state: SyncState, now: datetime, problem: str) -> "Sync":
        progress = replace(self.progress, objects_per_second=0.0)
        return replace(self, state=state, progress=progress, problem=problem, finish_time=now)

    def _must_run(self, run: int) -> None:
        if self.is_over:
            raise errors.sync_finished(self.sync_id, self.state)
        if self.run != run or self.state is not SyncState.RUNNING:
            raise TakenOver(f"{self.sync_id} is in run {self.run}, and {self.state}")


def _listed(removals: Sequence[HeldRemoval]) -> str:
    texts = [str(removal) for removal in removals]
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a connection's syncs, to tell whether one is due.

    `last_full` is the newest full one, whatever became of it. `last_whole` is the newest that
    succeeded and read everything, as the first that succeeded did, whatever its kind.
    """

    last: Sync | None
    last_full: Sync | None
    last_whole: Sync | None

    def next(self, connection_id: str, kind: SyncKind, now: datetime) -> Sync:
        """A sync that begins now."""
        # Only a sync that reads everything can be guessed from one that did.
        like = self.last_whole if kind is SyncKind.FULL else None
        # Whichever process starts it: the catalog tells by the id which of two syncs is newer.
        return Sync(
            ids.new_id("syn") if self.last is None else ids.new_id_after(self.last.sync_id),
            connection_id,
            SyncState.RUNNING,
            first_progress(),
            "",
            now,
            kind=kind,
            expected_count=0 if like is None else like.progress.object_count,
        )

    def due(self, schedule: SyncSchedule, now: datetime) -> SyncKind | None:
        """What is due now; None when nothing is.

        The first sync is a person's to start. The next try of one that failed is an incremental
        interval away, whatever its kind.
        """
        whole, last = self.last_whole, self.last
        if schedule.paused or whole is None or last is None or not last.is_over:
            return None
        if now - whole.create_time >= schedule.full_interval and not self._has_just_tried(
            schedule, now
        ):
            return SyncKind.FULL
        if now - last.create_time >= schedule.incremental_interval:
            return SyncKind.INCREMENTAL
        return None

    def _has_just_tried(self, schedule: SyncSchedule, now: datetime) -> bool:
        """Whether a full one came to nothing a moment ago: it may have taken hours."""
        tried = self.last_full
        if tried is None or tried.state is SyncState.SUCCEEDED or tried.finish_time is None:
            return False
        return now - tried.finish_time < schedule.incremental_interval


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the catalog has the newest sync of a connection, whichever that is.

    `checkpoint` is where reading goes on, `round` the highest that anything was seen in.
    `removed_count` is 0 until it is `completed`.
    """

    sync_id: str = ""
    last_page_number: int = 0
    checkpoint: str = ""
    completed: bool = False
    round: int = 0
    seen_count: int = 0
    removed_count: int = 0


@dataclass(frozen=True, slots=True)
class Ingested:
    """What the catalog has of a sync: the last page it committed, and how much it saw so far.

    Not empty `held_removals`: it holds the completing message until the removals are confirmed.
    """

    last_page_number: int
    seen_count: int
    completed: bool = False
    removed_count: int = 0
    held_removals: tuple[HeldRemoval, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """A page on its way to the catalog, or the message that completes the sync."""

    number: int
    content: DirectoryPage | DirectoryEnd

    @property
    def is_end(self) -> bool:
        """Whether it completes the sync."""
        return isinstance(self.content, DirectoryEnd)

    @property
    def entry_count(self) -> int:
        """How much it brings."""
        return 0 if isinstance(self.content, DirectoryEnd) else self.content.entry_count


def first_progress() -> Progress:
    """How far a sync is that has just begun."""
    return Progress(Phase.USERS)
