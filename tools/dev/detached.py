"""A house that outlives the command that started it: `up` and `down`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.dev.child import ROOT
from tools.dev.claim import Claim, Claimed
from tools.dev.house import House
from tools.dev.issuer import SERVICES

FOLDER = ROOT / ".latchkey"
_UP_SECONDS = 60.0
_DOWN_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Running:
    """A house that runs, as it wrote itself down."""

    pid: int
    addresses: dict[str, str]
    nats_url: str
    simulator_url: str

    @classmethod
    def of(cls, house: House) -> "Running":
        """What to write down of a house of this process."""
        return cls(
            pid=os.getpid(),
            addresses={service: house.address(service) for service in SERVICES},
            nats_url=house.nats_url,
            simulator_url=house.simulator_url,
        )

    def write(self, folder: Path) -> None:
        """Says that the house in this folder is up."""
        partial = folder / "house.partial"
        partial.write_text(json.dumps(asdict(self), indent=2))
        partial.replace(_file(folder))


def _file(folder: Path) -> Path:
    return folder / "house.json"


def running(folder: Path = FOLDER) -> Running | None:
    """The house of a folder, if it is up."""
    try:
        found = Running(**json.loads(_file(folder).read_text()))
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError, json.JSONDecodeError):
        return None
    # The number may have gone to somebody else's process since a crash.
    command = Path(f"/proc/{found.pid}/cmdline")
    if command.exists() and b"tools.dev" not in command.read_bytes():
        return None
    return found


def up(folder: Path = FOLDER) -> Running:
    """Starts the house unless it is up, and returns when it is.

    Raises:
        SystemExit: it did not start; shows the end of its log.
    """
    if (found := running(folder)) is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    _file(folder).unlink(missing_ok=True)
    log = folder / "house.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.dev", "run", "--folder", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    _wait(lambda: process.poll() is not None or running(folder) is not None, _UP_SECONDS)
    if (found := running(folder)) is None:
        process.terminate()
        end = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
        raise SystemExit(f"The house did not start. The end of {log}:\n{end}")
    return found


def down(folder: Path = FOLDER) -> bool:
    """Stops the house of a folder, or what is left of it; says whether there was one. What it keeps
    stays."""
    if (found := running(folder)) is None:
        return _clear(folder)
    os.kill(found.pid, signal.SIGTERM)
    if not _wait(lambda: running(folder) is None, _DOWN_SECONDS):
        raise SystemExit(f"The house (process {found.pid}) does not stop.")
    _file(folder).unlink(missing_ok=True)
    return True


def _clear(folder: Path) -> bool:
    """Ends what a house that was killed left running; says whether there was any."""
    if not folder.exists():
        return False
    try:
        claim = Claim(folder)
    except Claimed as claimed:
        raise SystemExit(str(claimed)) from claimed
    claim.release()
    return claim.found_leftovers


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.05)
    return False
