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

    def megabytes(self) -> dict[str, dict[str, float]]:
        """Memory by process: resident, and proportional, in which a page that processes share
        counts for each of them in part."""
        return {
            name: {
                kind: round(sum(_megabytes(pid, word) for pid in _family(root)), 1)
                for kind, word in (("resident", "Rss:"), ("proportional", "Pss:"))
            }
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


def _megabytes(pid: int, word: str) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(word):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
