"""What can be set about this service."""

from pydantic import Field

from libs.process import settings


class Settings(settings.Settings):
    """The settings of the requests service."""

    catalog_address: settings.Address
    """host:port of the catalog."""
    policy_address: settings.Address
    """host:port of policy."""
    connector_address: settings.Address
    """host:port of the connector."""
    repeat_seconds: float = Field(default=2.0, ge=0.05, le=3600)
    """How long a lease may be on its way, in or out, before its delivery is looked up."""
