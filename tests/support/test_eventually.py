"""Waiting with a deadline."""

import asyncio

import pytest

from tests.support.eventually import eventually


async def test_returns_the_first_true_answer() -> None:
    """Falsy answers mean "not yet"."""
    answers = iter([None, 0, "", "there"])
    assert await eventually(lambda: next(answers)) == "there"


async def test_takes_async_predicates_with_asserts() -> None:
    """A failed assert inside the predicate is "not yet", too."""
    tries = 0

    async def third_time() -> bool:
        nonlocal tries
        tries += 1
        assert tries == 3
        return True

    assert await eventually(third_time)


async def test_says_at_the_deadline_what_it_last_saw() -> None:
    """The failure holds the last answer."""
    with pytest.raises(AssertionError, match=r"not within 0\.05 s; at last: \[\]"):
        await eventually(lambda: [], timeout=0.05)


async def test_ends_a_predicate_that_hangs() -> None:
    """The deadline holds for the predicate as well."""
    with pytest.raises(AssertionError, match="no answer yet"):
        await eventually(asyncio.Event().wait, timeout=0.05)
