"""What can be set about this service."""

from pathlib import Path

from pydantic import Field, model_validator

from libs.process import settings


class Settings(settings.Settings):
    """The settings of the connector."""

    token_file: Path
    """This service's own token, for its calls to the others."""
    catalog_address: settings.Address
    """host:port of the catalog."""
    requests_address: settings.Address
    """host:port of the requests service."""
    secrets_dir: Path
    """The folder of the files that hold client secrets. Their names are in the connections."""
    simulator_url: str | None = Field(default=None, pattern=r"^https://[^/]+$")
    """Adds the cloud "simulator": where its login endpoint and its Graph answer."""
    simulator_ca_file: Path | None = None
    """The certificate authority of the simulator's certificate."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Settings":
        if (self.simulator_url is None) != (self.simulator_ca_file is None):
            raise ValueError("simulator_url and simulator_ca_file are given together or not at all")
        return self
