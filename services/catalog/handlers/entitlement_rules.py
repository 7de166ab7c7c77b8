"""Showing, previewing and replacing the entitlement rules of an app."""

from dataclasses import dataclass
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from services.catalog.domain import errors, facts
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.rules import EntitlementRules, GovernedEntitlement, Tiers
from services.catalog.domain.settings import Defaults
from services.catalog.ports import AccessProfiles, Apps, Rules


@dataclass(frozen=True, slots=True)
class Command:
    """Have these rules. With an `etag`, only in place of those that have it.

    `clear_overrides`: of the app's entitlements, but not those that are locked.
    """

    rules: EntitlementRules
    etag: str
    clear_overrides: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would govern, what can't be asked for all the same last.

    `cleared` are the entitlements of the app whose overrides would go, as they are, whether the
    rules would govern them or not.
    """

    governed: tuple[GovernedEntitlement, ...]
    person_count: int
    cleared: tuple[Entitlement, ...] = ()

    @property
    def requestable(self) -> tuple[GovernedEntitlement, ...]:
        """What could be asked for."""
        return tuple(each for each in self.governed if each.settings.requestable)


@dataclass(frozen=True, slots=True)
class Applied:
    """Rules as they were applied, and how many entitlements they govern at present."""

    rules: EntitlementRules
    entitlement_count: int
    cleared_override_count: int


@dataclass(frozen=True, slots=True)
class _Replacing:
    """The app and its rules, before and after, what they govern, and whose overrides go."""

    before: App
    after: App
    replaced: EntitlementRules
    rules: EntitlementRules
    governed: tuple[GovernedEntitlement, ...]
    cleared: tuple[Entitlement, ...]


@dataclass(frozen=True, slots=True)
class GetEntitlementRules:
    """Shows the rules of an app."""

    apps: Apps
    rules: Rules

    async def __call__(self, app_id: str) -> EntitlementRules:
        """The rules; disabled and empty ones before the first apply.

        Raises:
            NotFound: APP_NOT_FOUND.
            WrongState: APP_NOT_MANAGED.
        """
        app = await self.apps.find(app_id)
        if app is None:
            raise errors.app_not_found(app_id)
        app.require_managed()
        return await self.rules.of_app(app_id)


@dataclass(frozen=True, slots=True)
class ApplyEntitlementRules:
    """Replaces the rules of an app, or says what doing so would lead to."""

    rules: Rules
    access_profiles: AccessProfiles
    deployment: Defaults

    async def preview(self, command: Command) -> Preview:
        """What the rules would govern.

        Raises:
            as `__call__`.
        """
        replacing = await self._replaced(command)
        rules = replacing.rules
        people = 0
        if rules.enabled:
            people = await self.access_profiles.person_count(
                rules.access_profile_ids, replacing.before.entra_tenant_id
            )
        return Preview(replacing.governed, people, replacing.cleared)

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Applied]:
        """Replaces the rules.

        Raises:
            NotFound: APP_NOT_FOUND, RESOURCE_TYPE_NOT_FOUND, ACCESS_PROFILE_NOT_FOUND.
            WrongState: APP_NOT_MANAGED, APP_REMOVED.
            Conflict: ETAG_MISMATCH.
        """
        replacing = await self._replaced(command)
        rules, cleared = replacing.rules, replacing.cleared
        return Outcome(
            Applied(rules, len(replacing.governed), len(cleared)),
            Change(
                audit=AuditEntry(
                    actor,
                    "app.entitlement_rules_applied",
                    rules.app_id,
                    details={**_details(rules), "cleared_override_count": len(cleared)},
                ),
                writes=self.rules.applied(
                    replacing.before, replacing.after, replacing.replaced, rules, cleared
                ),
                facts=(
                    Fact(
                        rules.app_id,
                        replacing.after.version,
                        facts.EntitlementRulesApplied(rules, actor),
                    ),
                    *(
                        Fact(
                            each.entitlement_id,
                            each.version + 1,
                            facts.EntitlementUpdated(
                                each.entitlement_id, each.app_id, ("override",), actor
                            ),
                        )
                        for each in cleared
                    ),
                ),
            ),
        )

    async def _replaced(self, command: Command) -> _Replacing:
        app_id, wanted = command.rules.app_id, command.rules
        material = await self.rules.material(
            app_id, wanted.resource_type_ids if wanted.enabled else (), wanted.access_profile_ids
        )
        if material is None:
            raise errors.app_not_found(app_id)
        app, replaced = material.app, material.rules
        changed = app.changed()
        rules = replaced.replaced_by(
            wanted, command.etag, material.resource_type_ids, material.access_profile_ids
        )
        governed: tuple[GovernedEntitlement, ...] = ()
        if rules.enabled:
            governed = Tiers(rules, changed.says, self.deployment).governed(
                material.entitlements, clear_overrides=command.clear_overrides
            )
        cleared: tuple[Entitlement, ...] = ()
        if command.clear_overrides:
            cleared = await self.rules.clearable(app_id)
        return _Replacing(app, changed, replaced, rules, governed, cleared)


def _details(rules: EntitlementRules) -> dict[str, Any]:
    """Everything that rules say, for the audit."""
    longest, emergency = rules.max_duration, rules.emergency
    return {
        "enabled": rules.enabled,
        "resource_type_ids": list(rules.resource_type_ids),
        "access_profile_ids": list(rules.access_profile_ids),
        "policy_id": rules.policy_id,
        "max_duration_seconds": None if longest is None else longest.total_seconds(),
        "emergency_policy_id": "" if emergency is None else emergency.policy_id,
        "emergency_max_duration_seconds": None
        if emergency is None
        else emergency.max_duration.total_seconds(),
    }
