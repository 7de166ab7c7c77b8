"""What servers of one's own that are child processes have in common: where, and how they end."""

import signal
import subprocess
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"

_LINES = 20


def end(process: subprocess.Popen[bytes], how: signal.Signals, within: float) -> None:
    """Sends the signal and waits until the process has ended; kills it if that takes longer than
    `within` seconds."""
    process.send_signal(how)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def log_end(log: Path) -> str:
    """The last lines of what a server wrote."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LINES:])
