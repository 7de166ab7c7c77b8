"""Ids."""

import re
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from libs.domain import ids

TENANT = "11111111-2222-3333-4444-555555555555"
PERSON = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def test_new_ids_sort_as_they_were_made() -> None:
    """Sorting by id is sorting by creation, also within one millisecond."""
    made = [ids.new_id("req") for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"req_[0-9a-hjkmnp-tv-z]{26}", one) for one in made)


def test_new_ids_are_unique_over_threads() -> None:
    """Threads that make ids at once never make the same."""
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [ids.new_id("x") for _ in range(2000)], range(8)))
    flat = [one for some in made for one in some]
    assert len(set(flat)) == len(flat)
    assert all(some == sorted(some) for some in made)


def test_new_ids_keep_their_order_when_the_clock_steps_back() -> None:
    """A clock that is set back does not undo the order."""
    sequence = ids._Sequence()
    first = sequence.next()
    with patch("libs.domain.ids.time.time_ns", return_value=1_000_000):
        later = [sequence.next() for _ in range(5000)]
    assert [first, *later] == sorted([first, *later])


def test_new_ids_sort_after_those_of_a_process_whose_clock_is_ahead() -> None:
    """However many that process makes in one millisecond; and an id of ours leads nobody away."""
    ahead = 2_000_000_000_000
    for counter in (0, 5, (1 << 12) - 1):
        other = f"syn_{ids._encode(ids._uuid7(ahead, counter))}"
        made = [other]
        for _ in range(3):
            made.append(ids.new_id_after(made[-1]))
        assert made == sorted(set(made))
        assert all(re.fullmatch(r"syn_[0-9a-hjkmnp-tv-z]{26}", one) for one in made)
    assert ids.new_id("syn") < other
    earlier = ids.new_id("syn")
    assert earlier < ids.new_id_after(earlier) < ids.new_id("syn")


def test_new_ids_are_of_version_7() -> None:
    """The number behind an id is a UUIDv7."""
    number = ids._Sequence().next()
    assert (number >> 76 & 0xF, number >> 62 & 0b11, number >> 128) == (7, 0b10, 0)


def test_derived_ids_are_stable() -> None:
    """The same parts have the same id for ever, in whatever case the directory writes them."""
    assert ids.user_id(TENANT, PERSON) == "usr_2r32qde07cc8w4hc8090xrry3a"
    assert ids.user_id(TENANT.upper(), PERSON.upper()) == ids.user_id(TENANT, PERSON)


def test_derived_ids_tell_parts_apart() -> None:
    """Other parts, another kind or another cut between the parts is another id."""
    made = [
        ids.user_id(TENANT, PERSON),
        ids.user_id(PERSON, TENANT),
        ids.group_id(TENANT, PERSON),
        ids.app_id(TENANT, PERSON),
        ids.membership_entitlement_id(TENANT, PERSON),
        ids.app_role_entitlement_id(TENANT, PERSON, TENANT),
        ids.app_role_entitlement_id(TENANT, TENANT, PERSON),
        ids.derived_id("x", "ab", "c"),
        ids.derived_id("x", "a", "bc"),
    ]
    assert len(set(made)) == len(made)
