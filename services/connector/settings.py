"""What can be set about this service."""

from pathlib import Path

from pydantic import Field, model_validator

from libs.process import settings


class Settings(settings.Settings):
    """The settings of the connector."""

    catalog_address: settings.Address
    """host:port of the catalog."""
    requests_address: settings.Address
    """host:port of the requests service."""
    secrets_dir: Path
    """The folder of the files that hold secrets. Their names are in the connections."""
    writes_per_second: float = Field(default=20, gt=0, le=10_000)
    """How many writes a second go to one tenant at most. Microsoft allows an application 3,000 in
    150 seconds in a tenant, which is 20 a second."""
    units_per_second: float = Field(default=175, gt=0, le=10_000)
    """How many resource units a second are asked of one tenant at most. Microsoft allows an
    application 3,500 in ten seconds in a tenant of fewer than 50 users, 5,000 up to 500 users and
    8,000 above; this is half of the first."""
    simulator_url: str | None = Field(default=None, pattern=r"^https://[^/]+$")
    """Adds the cloud "simulator": where its login endpoint and its Graph answer."""
    simulator_ca_file: Path | None = None
    """The certificate authority of the simulator's certificate."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Settings":
        if (self.simulator_url is None) != (self.simulator_ca_file is None):
            raise ValueError("simulator_url and simulator_ca_file are given together or not at all")
        return self
