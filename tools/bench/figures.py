"""What was measured: one figure, how it is summed up, and how it is kept."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class BenchError(Exception):
    """Something went wrong that makes figures worthless; says what."""


def p50(times: Sequence[float]) -> float:
    """The middle, in the unit of the times."""
    return statistics.median(times)


def p99(times: Sequence[float]) -> float:
    """What one in a hundred takes longer than."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * 0.99) - 1)]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: so many calls by so many callers, and what each process spent on them.

    `floor`: the name of the figure of the same run that it stands beside, empty for a floor.
    `times`: seconds of each call, by what was waited for. `cpu_seconds`: by process.
    """

    name: str
    callers: int
    by: str
    seconds: float
    times: Mapping[str, Sequence[float]]
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    floor: str = ""

    @property
    def count(self) -> int:
        """How many calls were made."""
        return max(map(len, self.times.values()), default=0)

    @property
    def per_second(self) -> float:
        """Calls a second."""
        return self.count / self.seconds

    def cpu_microseconds(self) -> dict[str, float]:
        """Of processor time for one call, by process."""
        return {name: spent * 1e6 / self.count for name, spent in self.cpu_seconds.items()}

    def to_json(self) -> dict[str, Any]:
        """For the file: milliseconds and microseconds, not each time."""
        return {
            "name": self.name,
            "callers": self.callers,
            "by": self.by,
            "floor": self.floor,
            "count": self.count,
            "seconds": round(self.seconds, 3),
            "per_second": round(self.per_second, 1),
            "milliseconds": {
                what: {"p50": round(1000 * p50(some), 2), "p99": round(1000 * p99(some), 2)}
                for what, some in self.times.items()
            },
            "cpu_microseconds": {
                name: round(spent) for name, spent in self.cpu_microseconds().items()
            },
        }


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """By which power of the size values grow: the slope through both logarithms; 0 is not at all.

    Raises:
        statistics.StatisticsError: there are fewer than two.
    """
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(value) for value in values]
    ).slope
