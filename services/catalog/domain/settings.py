"""What holds for an entitlement, and which tier says so.

Four tiers are asked in this order, and the first that says something wins, for each setting by
itself: the entitlement's override, the rules of its app while they govern it, the app, the
deployment. Whether it may be asked for is another matter: the rules have to say yes, and the
override can only say no.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum


class SettingTier(StrEnum):
    """Where the value of a setting comes from, first the one that is asked first."""

    ENTITLEMENT = "ENTITLEMENT"
    RULES = "RULES"
    APP = "APP"
    DEPLOYMENT = "DEPLOYMENT"


class UnmanagedAccessAction(StrEnum):
    """What becomes of access that came from outside Latchkey; it stays where nothing is said."""

    UNSPECIFIED = "UNSPECIFIED"
    REPORT = "REPORT"
    ADOPT = "ADOPT"
    REMOVE = "REMOVE"


@dataclass(frozen=True, slots=True)
class EmergencySettings:
    """How something may be asked for in an emergency; not at all with a length of 0."""

    policy_id: str
    max_duration: timedelta

    @property
    def enabled(self) -> bool:
        """Whether it may be asked for then."""
        return self.max_duration > timedelta()

    def within(self, limit: timedelta | None) -> "EmergencySettings":
        """The same, but for no longer than a lease may be without an emergency."""
        if limit is None or self.max_duration <= limit:
            return self
        return EmergencySettings(self.policy_id, limit)


NO_EMERGENCIES = EmergencySettings("", timedelta())


@dataclass(frozen=True, slots=True)
class Defaults:
    """What one tier says. Empty and none: it says nothing of that.

    What becomes of access from outside is for the app only to say.
    """

    policy_id: str = ""
    max_duration: timedelta | None = None
    emergency: EmergencySettings | None = None
    unmanaged_access_action: UnmanagedAccessAction = UnmanagedAccessAction.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class EntitlementOverride:
    """What an entitlement says for itself. Empty and none: it says nothing of that.

    While `locked`, rules leave it as it is.
    """

    policy_id: str = ""
    max_duration: timedelta | None = None
    emergency: EmergencySettings | None = None
    not_requestable: bool = False
    locked: bool = False

    @property
    def says_something(self) -> bool:
        """Whether anything would be another without it."""
        return self.says != Defaults() or self.not_requestable

    @property
    def says(self) -> Defaults:
        """What it says of policy, length and emergencies."""
        return Defaults(self.policy_id, self.max_duration, self.emergency)

    @property
    def cleared_by_rules(self) -> bool:
        """Whether rules that clear overrides would change it."""
        return self.says_something and not self.locked


NO_OVERRIDE = EntitlementOverride()


@dataclass(frozen=True, slots=True)
class EntitlementSettings:
    """What holds for an entitlement.

    An empty policy is the deployment's default, no `max_duration` is no limit. With an
    `unprovisionable_reason` nobody may ask for it, whatever tiers say.
    """

    policy_id: str
    policy_tier: SettingTier
    max_duration: timedelta | None
    max_duration_tier: SettingTier
    emergency: EmergencySettings
    emergency_tier: SettingTier
    emergency_max_duration_tier: SettingTier
    requestable: bool
    requestable_tier: SettingTier
    unmanaged_access_action: UnmanagedAccessAction = UnmanagedAccessAction.UNSPECIFIED
    unprovisionable_reason: str = ""

    def where_unprovisionable(self, reason: str) -> "EntitlementSettings":
        """The same where for this reason nobody can be given it; an empty one says they can."""
        return replace(
            self, requestable=self.requestable and not reason, unprovisionable_reason=reason
        )


def settle(
    override: EntitlementOverride, rules: Defaults | None, app: Defaults, deployment: Defaults
) -> EntitlementSettings:
    """What holds for an entitlement. `rules`: what those of its app say, none without any for it.

    No emergency is longer than a lease may be otherwise, whichever tiers say the two.
    """
    tiers = (
        (SettingTier.ENTITLEMENT, override.says),
        (SettingTier.RULES, rules or Defaults()),
        (SettingTier.APP, app),
        (SettingTier.DEPLOYMENT, deployment),
    )
    policy_id, policy_tier = "", SettingTier.DEPLOYMENT
    limit, limit_tier = deployment.max_duration, SettingTier.DEPLOYMENT
    emergency, emergency_tier = NO_EMERGENCIES, SettingTier.DEPLOYMENT
    # From the last that is asked to the first, so that the first has the last word.
    for tier, says in reversed(tiers):
        if says.policy_id:
            policy_id, policy_tier = says.policy_id, tier
        if says.max_duration is not None:
            limit, limit_tier = says.max_duration, tier
        if says.emergency is not None:
            emergency, emergency_tier = says.emergency, tier
    refused, allowed = override.not_requestable, emergency.within(limit)
    return EntitlementSettings(
        policy_id=policy_id,
        policy_tier=policy_tier,
        max_duration=limit,
        max_duration_tier=limit_tier,
        emergency=allowed,
        emergency_tier=emergency_tier,
        emergency_max_duration_tier=emergency_tier if allowed == emergency else limit_tier,
        requestable=rules is not None and not refused,
        requestable_tier=SettingTier.ENTITLEMENT if refused else SettingTier.RULES,
        unmanaged_access_action=app.unmanaged_access_action,
    )
