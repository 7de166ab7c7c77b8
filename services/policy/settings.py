"""What can be set for the policy service."""

from dataclasses import dataclass

from libs.process import settings
from services.policy.domain.policy import AUTO_APPROVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(settings.Settings):
    """The policy service's settings. Without the catalog it serves, and deletes nothing."""

    default_policy_id: str = AUTO_APPROVE
    """The policy that is evaluated where none is named."""
    catalog_address: settings.Address | None = None
    """host:port of the catalog."""
