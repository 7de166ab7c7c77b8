"""Showing, previewing and replacing the entitlement rules of an app."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from services.catalog.domain import errors, facts
from services.catalog.domain.app import App
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.ports import AccessProfiles, Apps, Entitlements, Rules


@dataclass(frozen=True, slots=True)
class Command:
    """Have these rules. With an `etag`, only in place of those that have it."""

    rules: EntitlementRules
    etag: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would govern."""

    entitlements: tuple[ShownEntitlement, ...]
    person_count: int


@dataclass(frozen=True, slots=True)
class Applied:
    """Rules as they were applied, and how many entitlements they govern at present."""

    rules: EntitlementRules
    entitlement_count: int


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

    apps: Apps
    entitlements: Entitlements
    rules: Rules
    access_profiles: AccessProfiles

    async def preview(self, command: Command) -> Preview:
        """What the rules would govern.

        Raises:
            as `__call__`.
        """
        before, _, _, rules = await self._replaced(command)
        if not rules.enabled:
            return Preview((), 0)
        return Preview(
            await self.entitlements.of_types(rules.resource_type_ids),
            await self.access_profiles.person_count(
                rules.access_profile_ids, before.entra_tenant_id
            ),
        )

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Applied]:
        """Replaces the rules.

        Raises:
            NotFound: APP_NOT_FOUND, RESOURCE_TYPE_NOT_FOUND, ACCESS_PROFILE_NOT_FOUND.
            WrongState: APP_NOT_MANAGED, APP_REMOVED.
            Conflict: ETAG_MISMATCH.
        """
        before, after, replaced, rules = await self._replaced(command)
        count = 0
        if rules.enabled:
            count = await self.entitlements.count_of_types(rules.resource_type_ids)
        seconds = None if rules.max_duration is None else rules.max_duration.total_seconds()
        return Outcome(
            Applied(rules, count),
            Change(
                audit=AuditEntry(
                    actor,
                    "app.entitlement_rules_applied",
                    rules.app_id,
                    details={
                        "enabled": rules.enabled,
                        "resource_type_ids": list(rules.resource_type_ids),
                        "access_profile_ids": list(rules.access_profile_ids),
                        "policy_id": rules.policy_id,
                        "max_duration_seconds": seconds,
                    },
                ),
                writes=self.rules.applied(before, after, replaced, rules),
                facts=(
                    Fact(
                        rules.app_id,
                        after.version,
                        facts.EntitlementRulesApplied(rules, actor),
                    ),
                ),
            ),
        )

    async def _replaced(
        self, command: Command
    ) -> tuple[App, App, EntitlementRules, EntitlementRules]:
        """The app before and after, and the rules before and after."""
        app_id = command.rules.app_id
        app = await self.apps.find(app_id)
        if app is None:
            raise errors.app_not_found(app_id)
        changed = app.changed()
        replaced = await self.rules.of_app(app_id)
        types = await self.entitlements.resource_types(app_id)
        rules = replaced.replaced_by(
            command.rules,
            command.etag,
            [each.resource_type_id for each in types],
            await self.access_profiles.existing(command.rules.access_profile_ids),
        )
        return app, changed, replaced, rules
