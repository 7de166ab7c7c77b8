"""Where a policy is used."""

from dataclasses import dataclass
from enum import StrEnum


class PolicyUseTier(StrEnum):
    """Who names a policy, in the order of the list."""

    APP = "APP"
    RULES = "RULES"
    ENTITLEMENT = "ENTITLEMENT"


@dataclass(frozen=True, slots=True)
class Audience:
    """An access profile that the rules of an app name."""

    access_profile_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """A place that names a policy. An entitlement is there where it is its override that does."""

    app_id: str
    app_display_name: str
    entitlement_id: str
    entitlement_display_name: str
    tier: PolicyUseTier
    emergency: bool
    audiences: tuple[Audience, ...]
