"""A sync's states, its guesses, and when the next one is due."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.domain.errors import WrongState
from services.connector.domain.connection import SyncSchedule
from services.connector.domain.sync import (
    HeldRemoval,
    History,
    Progress,
    Sync,
    SyncKind,
    SyncState,
    TakenOver,
    first_progress,
)
from services.connector.loops.syncs.rate import Rate

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RUNNING = Sync("syn_1", "con_1", SyncState.RUNNING, first_progress(), "", NOW, run=1)
REMOVALS = (HeldRemoval("users", 431, 2000), HeldRemoval("app_role_assignments", 30, 40))


def test_a_held_sync_says_what_it_would_remove() -> None:
    """In words, and what can be done about it; then it is as it was."""
    held = RUNNING.held(1, Progress("completing", 3, 9, 4, 2.5), REMOVALS)
    assert held.state is SyncState.HELD and not held.is_over
    assert held.problem == (
        "it would remove 431 of 2,000 users and 30 of 40 app role assignments: ConfirmSync agrees "
        "to that, CancelSync leaves everything as it is"
    )
    again = held.confirmed()
    assert again.state is SyncState.RUNNING and again.removals_confirmed
    assert not again.problem and not again.held_removals
    with pytest.raises(WrongState) as raised:
        again.confirmed()
    assert raised.value.reason == "SYNC_NOT_HELD"
    assert held.cancelled(NOW).state is SyncState.CANCELLED


def test_only_the_newest_run_moves_it() -> None:
    """What an earlier one still does counts no more; a final state is final for all."""
    taken = RUNNING.taken_up()
    assert taken.run == 2
    late_moves: tuple[Callable[[], Sync], ...] = (
        lambda: taken.progressed(1, first_progress()),
        lambda: taken.failed(1, "x", NOW),
        lambda: taken.succeeded(1, first_progress(), 0, NOW),
        lambda: taken.held(1, first_progress(), REMOVALS),
        lambda: taken.held(2, first_progress(), REMOVALS).progressed(2, first_progress()),
    )
    for late in late_moves:
        with pytest.raises(TakenOver):
            late()
    done = taken.succeeded(2, first_progress(), 7, NOW)
    assert done.removed_count == 7 and done.progress.phase == "done"
    moves: tuple[Callable[[], Sync], ...] = (
        done.taken_up,
        lambda: done.progressed(2, first_progress()),
        lambda: done.cancelled(NOW),
    )
    for move in moves:
        with pytest.raises(WrongState) as raised:
            move()
        assert raised.value.reason == "SYNC_FINISHED"


@pytest.mark.parametrize(
    ("expected", "count", "rate", "rest"),
    [
        (1000, 400, 100.0, timedelta(seconds=6)),
        (0, 400, 100.0, None),
        (1000, 400, 0.0, None),
        (1000, 1200, 100.0, None),
    ],
)
def test_the_rest_is_guessed(
    expected: int, count: int, rate: float, rest: timedelta | None
) -> None:
    """From the sync before and the rate now; not at all without one of them."""
    sync = replace(RUNNING, expected_count=expected, progress=Progress("users", 1, count, 1, rate))
    assert sync.estimated_rest == rest
    assert replace(sync, state=SyncState.HELD).estimated_rest is None


def test_a_rate_is_of_the_last_seconds() -> None:
    """What was long before counts no more; before two looks there is none."""
    rate = Rate()
    assert rate.per_second() == 0
    rate.note(0.0, 0)
    assert rate.per_second() == 0
    rate.note(5.0, 1000)
    assert rate.per_second() == 200
    rate.note(14.0, 1000)
    rate.note(18.0, 1000)
    assert rate.per_second() == 0


_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_SCHEDULE = SyncSchedule(15 * _MINUTE, 7 * _DAY)


def _sync(
    ago: timedelta,
    state: SyncState = SyncState.SUCCEEDED,
    kind: SyncKind = SyncKind.INCREMENTAL,
) -> Sync:
    sync = replace(RUNNING, state=state, kind=kind, create_time=NOW - ago)
    return replace(sync, finish_time=NOW - ago) if sync.is_over else sync


_FIRST = _sync(2 * _DAY)
_LONG_TRY = replace(_sync(_DAY, SyncState.CANCELLED, SyncKind.FULL), finish_time=NOW - 14 * _MINUTE)


@pytest.mark.parametrize(
    ("why", "history", "schedule", "due"),
    [
        ("nothing was synced yet", History(None, None, None), _SCHEDULE, None),
        (
            "the first sync failed: somebody must look",
            History(_sync(_DAY, SyncState.FAILED), None, None),
            _SCHEDULE,
            None,
        ),
        ("a minute too early", History(_sync(14 * _MINUTE), None, _FIRST), _SCHEDULE, None),
        ("it is time", History(_sync(15 * _MINUTE), None, _FIRST), _SCHEDULE, SyncKind.INCREMENTAL),
        (
            "one runs",
            History(_sync(_DAY, SyncState.RUNNING), None, _FIRST),
            _SCHEDULE,
            None,
        ),
        ("one is held", History(_sync(_DAY, SyncState.HELD), None, _FIRST), _SCHEDULE, None),
        (
            "a failure waits like a success",
            History(_sync(14 * _MINUTE, SyncState.FAILED), None, _FIRST),
            _SCHEDULE,
            None,
        ),
        (
            "and is followed like one",
            History(_sync(16 * _MINUTE, SyncState.CANCELLED), None, _FIRST),
            _SCHEDULE,
            SyncKind.INCREMENTAL,
        ),
        (
            "the first sync was a full one of its kind, and is old",
            History(_sync(_MINUTE), None, _sync(7 * _DAY)),
            _SCHEDULE,
            SyncKind.FULL,
        ),
        (
            "a full one since then",
            History(
                _sync(_MINUTE), _sync(_DAY, kind=SyncKind.FULL), _sync(_DAY, kind=SyncKind.FULL)
            ),
            _SCHEDULE,
            None,
        ),
        (
            "a full one that failed is tried again soon",
            History(
                _sync(_MINUTE),
                _sync(16 * _MINUTE, SyncState.FAILED, SyncKind.FULL),
                _sync(7 * _DAY),
            ),
            _SCHEDULE,
            SyncKind.FULL,
        ),
        (
            "but not at once, also when it took long",
            History(_sync(_MINUTE), _LONG_TRY, _sync(7 * _DAY)),
            _SCHEDULE,
            None,
        ),
        (
            "and what has changed is brought meanwhile",
            History(_LONG_TRY, _LONG_TRY, _sync(7 * _DAY)),
            _SCHEDULE,
            SyncKind.INCREMENTAL,
        ),
        (
            "one that failed before the newest that did not",
            History(
                _sync(_MINUTE),
                _sync(8 * _DAY, SyncState.FAILED, SyncKind.FULL),
                _sync(6 * _DAY),
            ),
            _SCHEDULE,
            None,
        ),
        (
            "paused",
            History(_sync(_DAY), None, _sync(70 * _DAY)),
            replace(_SCHEDULE, paused=True),
            None,
        ),
    ],
)
def test_what_is_due(
    why: str, history: History, schedule: SyncSchedule, due: SyncKind | None
) -> None:
    """By what the database says of the connection's syncs."""
    assert history.due(schedule, NOW) is due, why
