"""How much is removed without being asked."""

import pytest

from services.catalog.domain.directory import DirectoryKind
from services.catalog.domain.removal import HeldRemoval, held, in_question

USER, GROUP = DirectoryKind.USER, DirectoryKind.GROUP


@pytest.mark.parametrize(
    ("gone", "total", "is_held"),
    [
        (0, 0, False),
        (20, 20, False),
        (21, 21, True),
        (21, 104, True),
        (21, 105, False),
        (200, 1000, False),
        (201, 1000, True),
    ],
)
def test_more_than_twenty_and_more_than_a_fifth(gone: int, total: int, is_held: bool) -> None:
    """Both, of the one kind; how many there are is not asked of few."""
    assert in_question({USER: gone}) == ((USER,) if gone > 20 else ())
    found = held({USER: gone}, {USER: total})
    assert found == ((HeldRemoval(USER, gone, total),) if is_held else ())


def test_each_kind_is_judged_by_itself() -> None:
    """Many of one are not few of both."""
    gone, totals = {USER: 30, GROUP: 30}, {USER: 100, GROUP: 1000}
    assert held(gone, totals) == (HeldRemoval(USER, 30, 100),)
