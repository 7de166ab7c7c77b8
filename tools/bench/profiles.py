"""Profiles of the services under load, by py-spy: which functions their time goes to."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tools.bench.figures import BenchError

_PROGRAM = Path(sys.executable).parent / "py-spy"
_TOLD = 40


@asynccontextmanager
async def profiled(pids: Mapping[str, int], folder: Path) -> AsyncIterator[None]:
    """Profiles processes while the block lasts.

    For each it writes `profile-<name>.folded`, which flame graph programs read, and
    `profile-<name>.txt`: by how much of the samples a function was in.
    """
    processes = {}
    try:
        for name, pid in pids.items():
            processes[name] = await asyncio.create_subprocess_exec(
                *(str(_PROGRAM), "record", "--pid", str(pid), "--rate", "100"),
                # Who has the interpreter. Were the process not stopped for a moment each time, the
                # stacks would be of several moments, and show functions that took no time.
                *("--format", "raw", "--gil", "--duration", "600"),
                *("--output", str(folder / f"profile-{name}.folded")),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        await asyncio.sleep(1)  # it reads the symbols first
        yield
    finally:
        for process in processes.values():
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()
    for name in processes:
        folded = folder / f"profile-{name}.folded"
        if not folded.exists():
            raise BenchError(f"py-spy wrote no profile of {name}; it needs the right to trace")
        folded.with_suffix(".txt").write_text(shares(folded.read_text()))


def shares(folded: str) -> str:
    """The functions by the share of samples that they were in, and by that of their own."""
    total = 0
    within: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        total += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    told = [f"{total} samples"]
    for title, found in (("within", within), ("own", own)):
        told.append(f"\n{title}")
        told += [f"{100 * n / total:5.1f} %  {frame}" for frame, n in found.most_common(_TOLD)]
    return "\n".join(told) + "\n"
