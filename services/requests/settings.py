"""What can be set about this service."""

from dataclasses import dataclass
from typing import Annotated

from libs.process import settings
from libs.process.values import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of the requests service."""

    catalog_address: settings.Address
    """host:port of the catalog."""
    policy_address: settings.Address
    """host:port of policy."""
    connector_address: settings.Address
    """host:port of the connector."""
    repeat_seconds: Annotated[float, number(at_least=0.05, at_most=3600)] = 2.0
    """How long a lease may be on its way, in or out, before its delivery is looked up."""
