"""What the catalog can be told at start."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from libs.process import settings
from services.catalog.domain.settings import Defaults


class Settings(settings.Settings):
    """The settings of the catalog. Without the requests service it serves, and follows nobody."""

    token_file: Path | None = None
    """This service's own token, for its calls to the requests service."""
    requests_address: settings.Address | None = Field(default=None, validate_default=True)
    """host:port of the requests service; with the token file or not at all."""
    max_lease_seconds: float | None = Field(default=None, ge=60, le=3650 * 86400)
    """The longest lease where neither an entitlement, nor the rules, nor the app limit it; none for
    no limit."""

    @property
    def deployment(self) -> Defaults:
        """What holds where nobody says anything."""
        longest = self.max_lease_seconds
        return Defaults(max_duration=None if longest is None else timedelta(seconds=longest))

    @field_validator("requests_address")
    @classmethod
    def _both_or_neither(cls, value: str | None, info: ValidationInfo) -> str | None:
        return settings.with_token_file(value, info)
