"""How fast a sync is."""

from collections import deque

_WINDOW_SECONDS = 10.0


class Rate:
    """A rate over the last seconds, from counts at times."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, at: float, count: int) -> None:
        """So many there were at this time, in seconds of a clock that only goes forward."""
        self._samples.append((at, count))
        while len(self._samples) > 2 and at - self._samples[0][0] > _WINDOW_SECONDS:
            self._samples.popleft()

    def per_second(self) -> float:
        """The rate; 0 as long as there is nothing to tell it from."""
        if len(self._samples) < 2:
            return 0.0
        (begin, least), (end, most) = self._samples[0], self._samples[-1]
        return max(most - least, 0) / (end - begin) if end > begin else 0.0
