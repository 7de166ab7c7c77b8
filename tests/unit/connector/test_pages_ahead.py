"""What is read ahead of the catalog is bounded by how much it is."""

import asyncio

from services.connector.domain.directory import DirectoryEnd, DirectoryPage, Membership, Phase
from services.connector.loops.syncs.ahead import PagesAhead


def _page(count: int) -> DirectoryPage:
    members = [Membership("g", str(number)) for number in range(count)]
    return DirectoryPage(Phase.GROUPS, "c", 1, memberships=members)


async def test_reading_waits_for_room() -> None:
    """However many pages there are; one that is too large goes in alone."""
    ahead = PagesAhead(100)
    for _ in range(10):
        await ahead.put(_page(10))
    waiting = asyncio.create_task(ahead.put(_page(1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    await ahead.get()
    await asyncio.wait_for(waiting, 1)
    for _ in range(10):
        await ahead.get()
    await asyncio.wait_for(ahead.put(_page(500)), 1)
    too_much = asyncio.create_task(ahead.put(_page(1)))
    await asyncio.sleep(0)
    assert not too_much.done()
    await ahead.get()
    await asyncio.wait_for(too_much, 1)


async def test_a_reader_that_is_cancelled_takes_nothing_along() -> None:
    """What it waited for is the next one's."""
    ahead = PagesAhead(100)
    waiting = asyncio.create_task(ahead.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    end = DirectoryEnd("c", "h", 1, ())
    await ahead.put(end)
    assert await asyncio.wait_for(ahead.get(), 1) is end
