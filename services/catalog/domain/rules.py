"""What of an app may be asked for, by whom, under which policy."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from libs.domain.errors import Conflict
from services.catalog.domain import errors
from services.catalog.domain.settings import (
    NO_OVERRIDE,
    Defaults,
    EmergencySettings,
    EntitlementSettings,
    settle,
)
from services.catalog.domain.shown_entitlement import ShownEntitlement


@dataclass(frozen=True, slots=True)
class EntitlementRules:
    """The rules of one app. Version 0 are those before the first apply.

    Without `emergency` there are none.
    """

    app_id: str
    enabled: bool = False
    resource_type_ids: tuple[str, ...] = ()
    access_profile_ids: tuple[str, ...] = ()
    policy_id: str = ""
    max_duration: timedelta | None = None
    emergency: EmergencySettings | None = None
    version: int = 0

    def for_type(self, resource_type_id: str) -> Defaults | None:
        """What they say of a resource type's entitlements; none where they do not govern those."""
        if not self.enabled or resource_type_id not in self.resource_type_ids:
            return None
        return Defaults(self.policy_id, self.max_duration, self.emergency)

    def replaced_by(
        self,
        wanted: "EntitlementRules",
        etag: str,
        resource_type_ids: Collection[str],
        access_profile_ids: Collection[str],
    ) -> "EntitlementRules":
        """The wanted rules in place of these. An empty `etag` takes whatever is there.

        `resource_type_ids` are those of the app, `access_profile_ids` those that exist.

        Raises:
            Conflict: ETAG_MISMATCH.
            NotFound: RESOURCE_TYPE_NOT_FOUND, ACCESS_PROFILE_NOT_FOUND.
        """
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.app_id)
        for index, type_id in enumerate(wanted.resource_type_ids):
            if type_id not in resource_type_ids:
                raise errors.resource_type_not_found(
                    self.app_id, type_id, f"entitlement_rules.resource_type_ids[{index}]"
                )
        for index, profile_id in enumerate(wanted.access_profile_ids):
            if profile_id not in access_profile_ids:
                raise errors.access_profile_not_found(
                    profile_id, f"entitlement_rules.access_profile_ids[{index}]"
                )
        return replace(wanted, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class GovernedEntitlement:
    """An entitlement with what holds for it.

    `override_cleared`: its override goes, and is gone here. `override_locked`: it would, but is
    locked.
    """

    shown: ShownEntitlement
    settings: EntitlementSettings
    override_cleared: bool = False
    override_locked: bool = False


@dataclass(frozen=True, slots=True)
class Tiers:
    """What is asked after the override of an entitlement, for all entitlements of one app."""

    rules: EntitlementRules
    app: Defaults
    deployment: Defaults

    def of(self, shown: ShownEntitlement) -> GovernedEntitlement:
        """An entitlement of the app with what holds for it."""
        entitlement = shown.entitlement
        said = self.rules.for_type(entitlement.resource_type_id)
        settings = settle(entitlement.override, said, self.app, self.deployment)
        return GovernedEntitlement(
            shown, settings.where_unprovisionable(shown.unprovisionable_reason)
        )

    def governed(
        self, entitlements: Iterable[ShownEntitlement], *, clear_overrides: bool
    ) -> tuple[GovernedEntitlement, ...]:
        """What the rules govern among entitlements of the app, what nobody may ask for or can
        be given last.

        What is no longer in the directory is not among it.
        """
        found = [
            self._governed(each, clear_overrides)
            for each in entitlements
            if self.rules.for_type(each.entitlement.resource_type_id) is not None
            and not each.removal_reason
        ]
        return tuple(sorted(found, key=lambda each: not each.settings.requestable))

    def _governed(self, shown: ShownEntitlement, clear_overrides: bool) -> GovernedEntitlement:
        override = shown.entitlement.override
        cleared = clear_overrides and override.cleared_by_rules
        if cleared:
            without = replace(shown.entitlement, override=NO_OVERRIDE)
            shown = replace(shown, entitlement=without)
        return replace(
            self.of(shown),
            override_cleared=cleared,
            override_locked=clear_overrides and override.says_something and override.locked,
        )
