"""What can be set about this service."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from libs.process import settings
from libs.process.trust import Trust
from libs.process.values import number, text

_URL = text(r"https://[^/]+", must="must be https://host:port")
_Rate = Annotated[float, number(above=0, at_most=10_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of the connector."""

    catalog_address: settings.Address
    """host:port of the catalog."""
    requests_address: settings.Address
    """host:port of the requests service."""
    secrets_dir: Path
    """The folder of the files that hold secrets. Their names are in the connections."""
    writes_per_second: _Rate = 20
    """How many writes a second go to one tenant at most. Microsoft allows an application 3,000 in
    150 seconds in a tenant, which is 20 a second."""
    units_per_second: _Rate = 175
    """How many resource units a second are asked of one tenant at most. Microsoft allows an
    application 3,500 in ten seconds in a tenant of fewer than 50 users, 5,000 up to 500 users and
    8,000 above; this is half of the first."""
    simulator_url: Annotated[str, _URL] | None = None
    """Adds the cloud "simulator": where its login endpoint and its Graph answer."""
    simulator_ca_file: Path | None = None
    """The certificate authority of the simulator's certificate."""

    def problems(self, given: Collection[str]) -> list[str]:
        """What is wrong with the settings together."""
        # Not `super()`: it does not know the class that `slots` makes.
        found = Trust.problems(self, given)
        if (self.simulator_url is None) != (self.simulator_ca_file is None):
            names = f"{settings.PREFIX}SIMULATOR_URL and {settings.PREFIX}SIMULATOR_CA_FILE"
            found.append(f"{names} are given together or not at all")
        return found
