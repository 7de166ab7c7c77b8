"""What the catalog can be told at start."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from libs.process import settings
from libs.process.values import number
from services.catalog.domain.settings import Defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of the catalog. Without the requests service it serves, and follows nobody."""

    requests_address: settings.Address | None = None
    """host:port of the requests service."""
    max_lease_seconds: Annotated[float, number(at_least=60, at_most=3650 * 86400)] | None = None
    """The longest lease where neither an entitlement, nor the rules, nor the app limit it; none for
    no limit."""

    @property
    def deployment(self) -> Defaults:
        """What holds where nobody says anything."""
        longest = self.max_lease_seconds
        return Defaults(max_duration=None if longest is None else timedelta(seconds=longest))
