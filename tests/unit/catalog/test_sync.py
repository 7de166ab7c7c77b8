"""How far a sync is, and which message it takes."""

from typing import Any

import pytest

from libs.domain.errors import Invalid, WrongState
from services.catalog.domain.directory import cleaned
from services.catalog.domain.sync import Message, Sync
from tests.unit.catalog.things import NOW

FIRST = Sync("syn_2", "con_1", "tenant", version=4)


def message(number: int, checkpoint: str = "", **other: Any) -> Message:
    fields: dict[str, Any] = {
        "sync_id": "syn_2",
        "connection_id": "con_1",
        "entra_tenant_id": "tenant",
        "page_number": number,
        "checkpoint": checkpoint,
        "round": 1,
        "run": 1,
        "groups_only": False,
    }
    return Message(**(fields | other))


def test_takes_one_page_after_the_other() -> None:
    """Each with its checkpoint, counting."""
    after = FIRST.take(message(1, "a"), 10, NOW).take(message(2, "b"), 5, NOW)
    assert (after.last_page_number, after.checkpoint, after.seen_count) == (2, "b", 15)
    assert after.version == 6
    assert after.has(message(2))
    assert not after.has(message(3))
    done = after.complete(message(3, "c"), NOW)
    assert (done.completed, done.checkpoint, done.seen_count) == (True, "c", 15)
    assert (after.complete_time, done.complete_time) == (None, NOW)
    assert done.begin(message(1, sync_id="syn_3")).complete_time == NOW


@pytest.mark.parametrize("number", [2, 3])
def test_a_gap_is_refused(number: int) -> None:
    """Pages and completion alike."""
    with pytest.raises(WrongState, match="page 1 comes next"):
        FIRST.take(message(number), 1, NOW)
    with pytest.raises(WrongState, match="page 1 comes next"):
        FIRST.complete(message(number), NOW)


def test_nothing_follows_completion() -> None:
    """A complete sync takes nothing more."""
    with pytest.raises(WrongState) as caught:
        FIRST.complete(message(1), NOW).take(message(2), 1, NOW)
    assert caught.value.reason == "SYNC_PAGE_OUT_OF_ORDER"


def test_a_newer_sync_begins_anew_and_an_older_is_over() -> None:
    """The version and the round go on: they are the connection's."""
    newer = FIRST.take(message(1, round=7), 10, NOW).begin(message(1, sync_id="syn_3"))
    assert (newer.last_page_number, newer.seen_count, newer.version) == (0, 0, 5)
    assert (newer.round, newer.run) == (7, 0)
    assert FIRST.begin(message(1)) is FIRST
    with pytest.raises(WrongState) as caught:
        FIRST.begin(message(1, sync_id="syn_1"))
    assert caught.value.reason == "SYNC_SUPERSEDED"


def test_a_newer_run_fences_the_older_off() -> None:
    """From its first page on, and only behind what the older committed."""
    taken = FIRST.take(message(1), 1, NOW)
    with pytest.raises(WrongState) as caught:
        taken.begin(message(1, run=2)).has(message(1, run=2))
    assert caught.value.reason == "SYNC_PAGE_OUT_OF_ORDER"
    assert not taken.begin(message(2, run=2)).has(message(2, run=2))
    taken = taken.take(message(2, run=2), 1, NOW)
    assert taken.run == 2
    for number in (1, 2, 3):
        with pytest.raises(WrongState) as caught:
            taken.begin(message(number))
        assert caught.value.reason == "SYNC_SUPERSEDED"
        assert caught.value.facts["newer_run"] == "2"
    assert taken.begin(message(2, run=2)).has(message(2, run=2))


def test_rounds_never_go_back() -> None:
    """Not within a sync nor from one to the next; what was committed is still passed over."""
    taken = FIRST.take(message(1, round=2), 1, NOW).take(message(2, round=5), 1, NOW)
    assert taken.has(message(1, round=2))
    with pytest.raises(Invalid, match="round: is 4"):
        taken.take(message(3, round=4), 1, NOW)
    later = message(1, round=4, sync_id="syn_3")
    with pytest.raises(Invalid, match="round: is 4"):
        taken.begin(later).take(later, 1, NOW)


def test_the_mode_is_that_of_the_last_message() -> None:
    """Of a page or of the completion."""
    after = FIRST.take(message(1, groups_only=True), 1, NOW)
    assert after.groups_only
    assert not after.complete(message(2), NOW).groups_only


def test_a_sync_stays_in_its_tenant() -> None:
    """A page of another tenant is a mistake."""
    with pytest.raises(Invalid, match="entra_tenant_id"):
        FIRST.begin(message(1, entra_tenant_id="another"))


@pytest.mark.parametrize(
    ("text", "lines", "kept"),
    [
        ("plain", False, "plain"),
        ("\x00a\x07b\x7f", False, "a b"),
        (" a\nb\tc ", False, "a b c"),
        (" a\nb\tc\x00", True, "a\nb\tc"),
        ("abcdefgh ijk", False, "abcdefgh"),
        ("\x00\x01", False, ""),
    ],
)
def test_cleans_texts(text: str, lines: bool, kept: str) -> None:
    """No control characters, no blanks around, at most so long."""
    assert cleaned(text, 9, lines=lines) == kept
