"""How far a sync is, and which page it takes."""

import pytest

from libs.domain.errors import Invalid, WrongState
from services.catalog.domain.directory import cleaned
from services.catalog.domain.sync import Sync

FIRST = Sync("syn_2", "con_1", "tenant", version=4)


def test_takes_one_page_after_the_other() -> None:
    """Each with its checkpoint, counting."""
    after = FIRST.take(1, "a", 10).take(2, "b", 5)
    assert (after.last_page_number, after.checkpoint, after.seen_count) == (2, "b", 15)
    assert after.version == 6
    assert after.has(2)
    assert not after.has(3)
    done = after.complete(3, "", 7)
    assert (done.completed, done.removed_count, done.seen_count) == (True, 7, 15)


@pytest.mark.parametrize("number", [2, 3])
def test_a_gap_is_refused(number: int) -> None:
    """Pages and completion alike."""
    with pytest.raises(WrongState, match="page 1 comes next"):
        FIRST.take(number, "", 1)
    with pytest.raises(WrongState, match="page 1 comes next"):
        FIRST.complete(number, "", 1)


def test_nothing_follows_completion() -> None:
    """A complete sync takes nothing more."""
    with pytest.raises(WrongState) as caught:
        FIRST.complete(1, "", 0).take(2, "", 1)
    assert caught.value.reason == "SYNC_PAGE_OUT_OF_ORDER"


def test_a_newer_sync_begins_anew_and_an_older_is_over() -> None:
    """The version goes on: it counts for the connection."""
    newer = FIRST.take(1, "a", 10).begin("syn_3", "tenant")
    assert (newer.last_page_number, newer.seen_count, newer.version) == (0, 0, 5)
    assert FIRST.begin("syn_2", "tenant") is FIRST
    with pytest.raises(WrongState) as caught:
        FIRST.begin("syn_1", "tenant")
    assert caught.value.reason == "SYNC_SUPERSEDED"


def test_a_sync_stays_in_its_tenant() -> None:
    """A page of another tenant is a mistake."""
    with pytest.raises(Invalid, match="entra_tenant_id"):
        FIRST.begin("syn_2", "another")


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
