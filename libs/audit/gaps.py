"""Where records are missing while a chain is walked: they may come later, out of their order."""

from collections.abc import Iterator

_MOST = 1000


class Gaps:
    """The gaps that are open, as (first, last) of the records missing in each."""

    def __init__(self) -> None:
        self._gaps: list[tuple[int, int]] = []
        self._moved: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._gaps)

    def __contains__(self, sequence: int) -> bool:
        return any(first <= sequence <= last for first, last in self._gaps)

    def open(self, first: int, last: int) -> bool:
        """These records are not where they should be; False when so many are not that it is no
        longer kept, and they are missing for good."""
        if len(self._gaps) >= _MOST:
            return False
        self._gaps.append((first, last))
        for moved in self._moved:
            if first <= moved <= last:
                self.fill(moved)
        return True

    def fill(self, sequence: int) -> bool:
        """Whether that record was missing; it is found."""
        for number, (first, last) in enumerate(self._gaps):
            if first <= sequence <= last:
                left = [(first, sequence - 1), (sequence + 1, last)]
                self._gaps[number : number + 1] = [it for it in left if it[0] <= it[1]]
                return True
        return False

    def moved(self, sequence: int) -> None:
        """That record stands at another place: it is found, also if its gap is still to come."""
        self.fill(sequence)
        self._moved.add(sequence)
