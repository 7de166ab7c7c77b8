"""A child process whose lines are passed on, and which can be killed and begun again."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 15.0

Lines = Callable[[str, str], None]


class Child:
    """One program of the house, by name."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], lines: Lines
    ) -> None:
        self.name = name
        self._arguments = arguments
        # What the house was started with must not leak into a service that refuses unknown keys.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LATCHKEY_")}
        self._environment = {**inherited, "PYTHONUNBUFFERED": "1", **environment}
        self._lines = lines
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.first_line: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the program; returns at once."""
        self.first_line = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            cwd=ROOT,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1024 * 1024,
            # Ctrl-C in a terminal is for the house, which decides what stops first.
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read(self._process))

    async def finish(self) -> int:
        """Waits until the program ends by itself, and returns its status."""
        assert self._process is not None and self._reader is not None, "it was not started"
        await self._reader
        return await self._process.wait()

    async def stop(self) -> None:
        """Asks the program to stop, waits until it has, and ends it if it does not."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Ends the program at once, as a crash would."""
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(how)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                self._lines(self.name, f"does not stop within {_STOP_SECONDS:.0f} s; killed")
                process.kill()
                await process.wait()
        if self._reader is not None:
            await self._reader
        self._process = None

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            text = line.decode(errors="replace").rstrip("\n")
            if not self.first_line.done():
                self.first_line.set_result(text)
            self._lines(self.name, text)
        if not self.first_line.done():
            self.first_line.set_exception(RuntimeError(f"{self.name} ended without a word"))
            self.first_line.exception()
