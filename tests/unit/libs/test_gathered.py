"""Reads of single things, put together."""

import asyncio
import contextvars
from collections.abc import Mapping, Sequence

import pytest

from libs.db.gathered import Gathered, padded


class Shelf:
    """What there is, read when the test says so."""

    def __init__(self) -> None:
        self.there = {"a": 1, "b": 2, "c": 3}
        self.reads: list[Sequence[str]] = []
        self.go = asyncio.Semaphore(0)
        self.broken = False

    async def read(self, keys: Sequence[str]) -> Mapping[str, int]:
        """As they are when the read ends."""
        self.reads.append(keys)
        await self.go.acquire()
        if self.broken:
            raise OSError("gone")
        return {key: self.there[key] for key in keys if key in self.there}


async def test_who_comes_meanwhile_goes_together() -> None:
    """The first read is of one; those who ask while it lasts are one more, each key once, and see
    what was changed after the first began."""
    shelf = Shelf()
    gathered = Gathered(shelf.read)
    first = asyncio.ensure_future(gathered.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    more = [asyncio.ensure_future(gathered.get(key)) for key in ("a", "b", "none", "b")]
    await asyncio.sleep(0)
    shelf.go.release()
    assert await first == 1
    shelf.there["a"] = 10
    shelf.go.release()
    assert await asyncio.gather(*more) == [10, 2, None, 2]
    assert shelf.reads == [["a"], ["a", "b", "none", "none"]]


async def test_no_more_than_so_many_at_once() -> None:
    """What is over the bound goes into the next read."""
    shelf = Shelf()
    gathered = Gathered(shelf.read, most=2)
    asked = [asyncio.ensure_future(gathered.get(key)) for key in "abc"]
    shelf.go.release()
    shelf.go.release()
    assert await asyncio.gather(*asked) == [1, 2, 3]
    assert shelf.reads == [["a", "b"], ["c"]]


async def test_failure_is_of_those_who_asked() -> None:
    """A read that fails fails for those in it, and the next ones are read again; who no longer
    waits is in nobody's way."""
    shelf = Shelf()
    gathered = Gathered(shelf.read)
    shelf.broken = True
    asked = [asyncio.ensure_future(gathered.get(key)) for key in "ab"]
    await asyncio.sleep(0)
    asked[0].cancel()
    shelf.go.release()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    with pytest.raises(OSError):
        await asked[1]
    shelf.broken = False
    shelf.go.release()
    assert await gathered.get("c") == 3


def test_padded_to_a_power_of_two() -> None:
    """So that few statements differ in nothing but their number of keys."""
    assert [len(padded(range(n))) for n in (0, 1, 2, 3, 4, 5, 9)] == [0, 1, 2, 4, 4, 8, 16]
    assert padded(("a", "b", "c")) == ["a", "b", "c", "c"]


async def test_read_is_in_nobodys_name() -> None:
    """What belongs to the one who asked first, as who they are, is not seen by the read: it is for
    others too."""
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody")

    async def read(keys: Sequence[str]) -> Mapping[str, str]:
        return {key: whose.get() for key in keys}

    gathered = Gathered(read)
    whose.set("ada")
    assert await gathered.get("a") == "nobody"
