"""What is measured, in which order, with how many calls."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.calls import READS
from tools.bench.drive import Drive
from tools.bench.figures import Figure, p50
from tools.bench.floors import Floors
from tools.bench.measures import Measures
from tools.bench.profiles import profiled
from tools.bench.seed import EACH, fill_requests
from tools.bench.stage import Stage, stage
from tools.bench.tenant import MANAGERS
from tools.dev.issuer import SERVICES
from tools.dev.postgres import PostgresServer

POSTGRESQL, SQLITE = "postgresql", "sqlite"
_GRAPH_CALLS = 200
_WARM_CALLS = 40
_QUIET_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is done: calls by the number of callers, and seconds of what can go on and on."""

    deliver: dict[int, int]
    create: dict[int, int]
    approve: dict[int, int]
    end: dict[int, int]
    seconds: int

    @property
    def people(self) -> int:
        """How many the crowd must be."""
        asked = sum(self.deliver.values()) + sum(self.create.values())
        return MANAGERS + _WARM_CALLS + 1 + _GRAPH_CALLS * len(self.deliver) + asked


WHOLE = Extent(
    deliver={1: 100, 16: 1200, 64: 1500},
    create={1: 200, 16: 1500, 64: 3000},
    approve={1: 100, 16: 500, 64: 800},
    end={1: 50, 16: 400, 64: 600},
    seconds=3,
)
SLOW = Extent(
    deliver={1: 30, 16: 400, 64: 800}, create={}, approve={}, end={1: 20, 16: 200}, seconds=2
)
SMOKE = Extent(deliver={8: 60}, create={8: 80}, approve={}, end={}, seconds=1)
PROFILED = Extent(deliver={16: 600}, create={16: 600}, approve={}, end={}, seconds=1)
_GROWING = Extent(deliver={16: 300}, create={16: 300}, approve={}, end={}, seconds=2)


async def house(
    database: str, delay_seconds: float, extent: Extent, *, profiles: Path | None = None
) -> dict[str, Any]:
    """Everything about one house; of a slow directory only what goes there.

    `profiles`: the folder for profiles of the services, taken while 16 callers are served; the
    figures of that time are not worth much.

    Raises:
        BenchError: something went wrong, or somebody has not what they were told that they have.
    """
    async with _staged(database, extent.people, delay_seconds) as made:
        found: dict[str, Any] = {
            "database": database,
            "directory_milliseconds": round(delay_seconds * 1000),
            "cold_start_seconds": round(made.cold_start_seconds, 2),
            "first_sync_seconds": round(made.first_sync_seconds, 2),
        }
        await asyncio.sleep(_QUIET_SECONDS)
        found["idle_megabytes"] = made.processes.megabytes()
        found["idle_processor_percent"] = await _idle(made)
        drive, readers = Drive(lambda: made.processes), made.everybody[:MANAGERS]
        floors, measures = Floors(made, drive, readers), Measures(made, drive, readers)
        await measures.warm(8, _WARM_CALLS)
        roots = made.processes.roots
        pids = {name: roots[name] for name in SERVICES}
        async with profiled(pids, profiles) if profiles else contextlib.nullcontext():
            await _measure_floors(floors, extent, slow=delay_seconds > 0)
            await _measure(measures, made, extent, slow=delay_seconds > 0)
        found["loaded_megabytes"] = made.processes.megabytes()
        found["delivered"] = await measures.check_delivered()
        found["figures"] = [figure.to_json() for figure in (*floors.figures, *measures.figures)]
        return found


async def _measure_floors(floors: Floors, extent: Extent, *, slow: bool) -> None:
    callers = [*extent.deliver]
    if not slow:
        await floors.echoes(callers, extent.seconds, READS)
    await floors.underneath(callers, extent.seconds, _GRAPH_CALLS)


async def _measure(measures: Measures, made: Stage, extent: Extent, *, slow: bool) -> None:
    for number, count in extent.deliver.items():
        await measures.deliver(number, count)
    for number, count in extent.end.items():
        await measures.end(number, count)
    for number, count in extent.create.items():
        await measures.create(number, count)
    if extent.approve:
        # What is approved would be delivered beside, and that is measured by itself.
        await made.house.kill("connector")
        for number, count in extent.approve.items():
            await measures.approve(number, count)
        await made.house.begin("connector")
        await measures.all_delivered()
    if not slow:
        for read in READS:
            for number in extent.deliver:
                await measures.read(read, number, extent.seconds)
        await measures.sync()


async def growth(database: str, sizes: list[int], say: Callable[[str], None]) -> dict[str, Any]:
    """The same with so many access requests and so many people: p50 in milliseconds, by figure."""
    found: dict[str, list[tuple[int, float]]] = {}

    def note(size: int, figure: Figure) -> None:
        (what, times), *_ = sorted(figure.times.items(), reverse=True)
        name = f"{figure.name} ({what})" if len(figure.times) > 1 else figure.name
        found.setdefault(name, []).append((size, 1000 * p50(times)))

    for size in sizes:
        say(f"{database} with {size:,} access requests and people")
        async with _staged(database, max(size, _GROWING.people + size // EACH), 0) as made:
            measures = Measures(made, Drive(lambda: made.processes), made.everybody[:MANAGERS])
            (past,) = await measures.given_back(1)
            readers = await fill_requests(made, past, size)
            await measures.warm(8, _WARM_CALLS)
            note(size, await measures.deliver(16, _GROWING.deliver[16]))
            note(size, await measures.create(16, _GROWING.create[16]))
            measures.readers = readers[:MANAGERS]
            for read in READS:
                note(size, await measures.read(read, 16, _GROWING.seconds))
            for figure in await measures.sync():
                note(size, figure)
    return found


@asynccontextmanager
async def _staged(database: str, people: int, delay_seconds: float) -> AsyncIterator[Stage]:
    with contextlib.ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="latchkey-bench-"))
        postgres = None
        if database == POSTGRESQL:
            # Durable: what does not wait for the disk would be measured faster than it is.
            postgres = held.enter_context(PostgresServer(durable=True))
        async with stage(Path(folder), people, postgres, delay_seconds) as made:
            yield made


async def _idle(made: Stage) -> dict[str, float]:
    processes = made.processes
    before = processes.cpu_seconds()
    await asyncio.sleep(_QUIET_SECONDS)
    after = processes.cpu_seconds()
    return {name: round(100 * (after[name] - before[name]) / _QUIET_SECONDS, 1) for name in after}
