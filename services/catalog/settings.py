"""What the catalog can be told at start."""

from datetime import timedelta

from pydantic import Field

from libs.process import settings
from services.catalog.domain.settings import Defaults


class Settings(settings.Settings):
    """The settings of the catalog. Without the requests service it serves, and follows nobody."""

    requests_address: settings.Address | None = None
    """host:port of the requests service."""
    max_lease_seconds: float | None = Field(default=None, ge=60, le=3650 * 86400)
    """The longest lease where neither an entitlement, nor the rules, nor the app limit it; none for
    no limit."""

    @property
    def deployment(self) -> Defaults:
        """What holds where nobody says anything."""
        longest = self.max_lease_seconds
        return Defaults(max_duration=None if longest is None else timedelta(seconds=longest))
