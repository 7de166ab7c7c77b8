"""What the catalog can be told at start."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from libs.process import settings


class Settings(settings.Settings):
    """The settings of the catalog. Without the requests service it serves, and follows nobody."""

    token_file: Path | None = None
    """This service's own token, for its calls to the requests service."""
    requests_address: settings.Address | None = Field(default=None, validate_default=True)
    """host:port of the requests service; with the token file or not at all."""

    @field_validator("requests_address")
    @classmethod
    def _both_or_neither(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "token_file" in info.data and (value is None) != (info.data["token_file"] is None):
            raise PydanticCustomError(
                "together", "is given together with LATCHKEY_TOKEN_FILE, or neither is"
            )
        return value
