"""The time, in the hand of a test."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """The port `Clock`: it stands still until a test moves it."""

    time: datetime = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        """Moves on."""
        self.time += by


class MachineClock:
    """The port `Clock`: it runs, as the machine's does."""

    def now(self) -> datetime:
        return datetime.now(UTC)
