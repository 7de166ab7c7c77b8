"""What can be set for the policy service."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from libs.process import settings
from services.policy.domain.policy import AUTO_APPROVE


class Settings(settings.Settings):
    """The policy service's settings. Without the catalog it serves, and deletes nothing."""

    default_policy_id: str = AUTO_APPROVE
    """The policy that is evaluated where none is named."""
    token_file: Path | None = None
    """This service's own token, for its calls to the catalog."""
    catalog_address: settings.Address | None = Field(default=None, validate_default=True)
    """host:port of the catalog; with the token file or not at all."""

    @field_validator("catalog_address")
    @classmethod
    def _both_or_neither(cls, value: str | None, info: ValidationInfo) -> str | None:
        return settings.with_token_file(value, info)
