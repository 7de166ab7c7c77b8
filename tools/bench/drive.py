"""Has the load generator make calls, and looks at what they cost.

h2load makes those that are the same for every caller, where it is installed: it is C, and leaves
the processors to what is measured. It can't vary a message or a token from call to call, so
those that each somebody else makes go by our own grpc.aio client.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tools.bench.calls import answer_of
from tools.bench.figures import BenchError, Figure
from tools.bench.processes import Processes
from tools.dev.child import ROOT

H2LOAD = "h2load"
PYTHON = "grpc.aio"
Call = tuple[str, bytes]


class Drive:
    """Measures with what is running."""

    def __init__(self, processes: Callable[[], Processes]) -> None:
        """`processes` tells what runs now."""
        self._processes = processes
        self.h2load = shutil.which(H2LOAD)

    async def each_once(
        self, name: str, kind: str, callers: int, calls: Sequence[Any], **plan: Any
    ) -> Figure:
        """Makes each call once."""
        return await self._measured(name, callers, {"kind": kind, "calls": calls, **plan})

    async def again(
        self, name: str, callers: int, address: str, path: str, calls: Sequence[Call], seconds: int
    ) -> Figure:
        """Makes calls that change nothing, for so many seconds; the answers are tried before."""
        token, message = calls[0]
        # h2load does not see the status of gRPC.
        await answer_of(address, path, token, message)
        if self.h2load is not None:
            return await self._h2load(name, callers, address, path, calls[0], seconds)
        return await self.floor(
            name, "unary", callers, of(calls), seconds, address=address, path=path
        )

    async def floor(
        self, name: str, kind: str, callers: int, calls: Sequence[Any], seconds: float, **plan: Any
    ) -> Figure:
        """Makes calls again and again, for so many seconds, with our own client."""
        again = {"again": True, "seconds": seconds}
        return await self._measured(name, callers, {"kind": kind, "calls": calls, **again, **plan})

    async def _measured(self, name: str, callers: int, plan: dict[str, Any]) -> Figure:
        processes = self._processes()
        before = processes.cpu_seconds()
        plan = {"again": False, "seconds": 0, "callers": callers, **plan}
        answer = json.loads(
            await _finished([sys.executable, "-m", "tools.bench.load"], json.dumps(plan).encode())
        )
        if answer["failures"]:
            raise BenchError(f"{name}, {callers} callers: {answer['failures']}")
        spent = _spent(before, processes.cpu_seconds())
        spent["load"] = answer["cpu_seconds"]
        return Figure(name, callers, PYTHON, answer["seconds"], answer["times"], spent)

    async def _h2load(
        self, name: str, callers: int, address: str, path: str, call: Call, seconds: int
    ) -> Figure:
        token, message = call
        with tempfile.TemporaryDirectory(prefix="latchkey-h2load-") as folder:
            body, log = Path(folder) / "body", Path(folder) / "log"
            # gRPC's frame: not compressed, and the length.
            body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
            processes = self._processes()
            before = processes.cpu_seconds()
            await _finished(
                [
                    *(str(self.h2load), "-c", str(callers), "-m", "1", "-t", "1"),
                    *("-D", str(seconds), "--log-file", str(log), "-d", str(body)),
                    *("-H", "content-type: application/grpc", "-H", "te: trailers"),
                    *("-H", f"authorization: Bearer {token}", f"http://{address}{path}"),
                ]
            )
            spent = _spent(before, processes.cpu_seconds())
            lines = [line.split("\t") for line in log.read_text().splitlines()]
        if wrong := {status for _, status, _ in lines} - {"200"}:
            raise BenchError(f"{name}, {callers} callers: HTTP {', '.join(sorted(wrong))}")
        times = [int(took) / 1e6 for _, _, took in lines]
        return Figure(name, callers, H2LOAD, seconds, {"answered": times}, spent)


def of(calls: Sequence[Call]) -> list[tuple[str, str]]:
    """Calls as a plan holds them."""
    return [(token, message.hex()) for token, message in calls]


def _spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: max(0.0, after[name] - before[name]) for name in after}


async def _finished(command: Sequence[str], given: bytes = b"") -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    try:
        async with asyncio.timeout(300):
            out, problem = await process.communicate(given)
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise BenchError(f"{command[0]}: {problem.decode(errors='replace')[-2000:]}")
    return out
