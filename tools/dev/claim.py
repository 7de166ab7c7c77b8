"""One house in a folder at a time, also after a house that was killed and left its parts behind.

Two connectors on one database, or two nats-servers on one store, would each undo the other's work.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

_GONE_SECONDS = 10.0


class Claimed(Exception):
    """Another house is in the folder."""


class Claim:
    """A folder that is this process's own until the process ends or lets go of it."""

    def __init__(self, folder: Path) -> None:
        """Ends what a house that was killed has left running in the folder.

        Raises:
            Claimed: another house is in the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "parts.json"
        # The lock goes with the process, however that ends; children do not inherit it.
        self._lock: IO[str] = (folder / "house.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise Claimed(f"Another house is up in {folder}, or on its way.") from error
        self.found_leftovers = self._end_leftovers()

    def note(self, pids: Mapping[str, int | None]) -> None:
        """Writes down which processes are the house's."""
        born = {pid: _born(pid) for pid in pids.values() if pid}
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(born))
        partial.replace(self._file)

    def release(self) -> None:
        """Lets go of the folder, whose parts have ended."""
        self._file.unlink(missing_ok=True)
        self._lock.close()

    def _end_leftovers(self) -> bool:
        # By SIGKILL: what they have acknowledged is kept, whenever they die.
        try:
            noted: dict[str, str] = json.loads(self._file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        # A number may have gone to somebody else's process since.
        left = [int(pid) for pid, born in noted.items() if born and _born(int(pid)) == born]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _GONE_SECONDS
        while any(map(_born, left)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return bool(left)


def _born(pid: int) -> str:
    """When a process began, which no later one of the same number did; nothing of a dead one."""
    if Path("/proc/self/stat").exists():
        try:
            fields = (
                Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            )
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
