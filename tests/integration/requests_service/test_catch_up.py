"""A subscriber that missed events rebuilds exactly: the program that docs/events.md shows, run as a
process of its own against the service and a broker that loses things."""

import asyncio
import os
import re
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.js.errors import NotFoundError

from libs.domain.callers import AUDITOR
from tests.integration.requests_service.house import House
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer
from tests.support.nats import NatsServer

_ROOT = Path(__file__).parents[3]
_PAGE = _ROOT / "docs" / "events.md"


class Subscriber:
    """The program of the page, with a folder of its own."""

    def __init__(self, house: House, nats_url: str, folder: Path) -> None:
        (program,) = re.findall(r"^```python\n(.*?)^```$", _PAGE.read_text(), re.M | re.S)
        self._program = folder / "subscriber.py"
        self._program.write_text(program)
        self._folder = folder
        self._environment = os.environ | {
            "PYTHONPATH": str(_ROOT / "libs" / "contracts"),
            "REQUESTS": f"127.0.0.1:{house.port}",
            "NATS_URL": nats_url,
            "TOKEN": house.issuer.named("Audrey", [AUDITOR]),
        }
        self._house = house

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While it runs; then it is killed, whatever it is doing."""
        with (self._folder / "effects.txt").open("ab") as effects:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-u",
                str(self._program),
                cwd=self._folder,
                env=self._environment,
                stdout=effects,
            )
        try:
            yield
            assert process.returncode is None, "it goes on whatever happens"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def taken(self) -> set[str]:
        """The ids of the events that it has taken in."""
        if not (self._folder / "subscriber.db").exists():
            return set()
        with sqlite3.connect(self._folder / "subscriber.db") as db:
            # It makes its table right after the file.
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master")]
            rows = db.execute("SELECT event_id FROM inbox") if "inbox" in tables else ()
            return {row[0] for row in rows}

    def effects(self) -> Counter[str]:
        """How often each event had its effect."""
        return Counter(
            re.findall(r"^(evt_\w+) latchkey", (self._folder / "effects.txt").read_text(), re.M)
        )

    async def has_all(self) -> None:
        """Waits until it has taken in what the service has ever published, and nothing else."""

        async def look() -> bool:
            everything = {event.event_id for event in await self._house.events()}
            return bool(everything) and self.taken() == everything

        await eventually(look, 30)


@pytest.fixture
async def told(
    issuer: TestIssuer, tmp_path: Path, nats_server: NatsServer
) -> AsyncIterator[tuple[House, Subscriber]]:
    """The service and its subscriber."""
    database_url = f"sqlite:///{tmp_path}/requests.db"
    async with House(issuer, database_url, nats_server.url) as house:
        folder = tmp_path / "subscriber"
        folder.mkdir()
        yield house, Subscriber(house, nats_server.url, folder)


async def test_whatever_it_missed_it_rebuilds_exactly(
    told: tuple[House, Subscriber], nats_server: NatsServer
) -> None:
    """Away while much happened, its consumer gone, and a broker that comes back with a new stream:
    each event has had its effect, and a kill in the middle repeats at most the one it was at."""
    house, subscriber = told

    async def something(*names: str) -> None:
        await asyncio.gather(*(house.person(name).create() for name in names))

    async with subscriber.running():
        await something("Ada", "Ben")
        await subscriber.has_all()

    # Away: what happened meanwhile is in the stream, and what is not there is in the database.
    await something(*(f"P{number}" for number in range(60)))
    async with subscriber.running():
        await subscriber.has_all()

        # Without its consumer NATS brings it nothing any more.
        client = await nats.connect(nats_server.url)

        async def deleted() -> bool:
            try:
                return await client.jetstream().delete_consumer("LATCHKEY", "example")
            except NotFoundError:  # it has not come to that yet
                return False

        await eventually(deleted)
        await client.close()
        await something("Cleo", "Dan")
        await subscriber.has_all()

        # The broker has lost everything, and what it acknowledged.
        nats_server.kill()
        await something("Eve")
        shutil.rmtree(nats_server.folder / "store")
        nats_server.start()
        await something("Fay")
        await subscriber.has_all()

    # A new stream brings everything once more, to who begins anew too.
    async with subscriber.running():
        await something("Gus")
        await subscriber.has_all()
    repeated = [count for count in subscriber.effects().values() if count > 1]
    assert sum(repeated) - len(repeated) <= 2, "each kill can repeat the event it was at"
    assert set(subscriber.effects()) <= subscriber.taken()
