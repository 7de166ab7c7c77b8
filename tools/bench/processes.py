"""What processes cost, as Linux counts it: processor time and memory."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes by name; each with all that it started, as PostgreSQL starts one a connection."""

    roots: Mapping[str, int]

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time so far. What a child used is lost when it ends before it is read."""
        return {
            name: sum(_cpu_seconds(pid) for pid in _family(root))
            for name, root in self.roots.items()
        }

    def resident_megabytes(self) -> dict[str, float]:
        """Resident memory. PostgreSQL's shared pages count once for each of its processes."""
        return {
            name: sum(_resident_megabytes(pid) for pid in _family(root))
            for name, root in self.roots.items()
        }


def _family(root: int) -> Iterable[int]:
    yield root
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _cpu_seconds(pid: int) -> float:
    try:
        # The name is in brackets and may hold spaces; the times are the 14th and 15th field.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_megabytes(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
