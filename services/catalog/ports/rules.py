"""The entitlement rules of apps."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.shown_entitlement import ShownEntitlement


@dataclass(frozen=True, slots=True)
class RulesMaterial:
    """An app, and what wishes for its rules are looked at by, as of one moment.

    `resource_type_ids` are those of the app, `access_profile_ids` those that exist among the ones
    asked for, `entitlements` those of the app of the resource types asked for, oldest first.
    """

    app: App
    rules: EntitlementRules
    resource_type_ids: tuple[str, ...]
    access_profile_ids: tuple[str, ...]
    entitlements: tuple[ShownEntitlement, ...]


class Rules(Protocol):
    """The entitlement rules of apps."""

    async def of_app(self, app_id: str) -> EntitlementRules:
        """The rules of an app; disabled and empty ones before the first apply."""
        ...

    async def material(
        self,
        app_id: str,
        resource_type_ids: Collection[str],
        access_profile_ids: Collection[str],
    ) -> RulesMaterial | None:
        """What wishes for rules of an app that name these are looked at by.

        None for an app that there is not.
        """
        ...

    async def clearable(self, app_id: str) -> tuple[Entitlement, ...]:
        """The entitlements of an app with an override that says something and is not locked."""
        ...

    def applied(
        self,
        before: App,
        after: App,
        replaced: EntitlementRules,
        rules: EntitlementRules,
        cleared: Sequence[Entitlement] = (),
    ) -> tuple[Write, ...]:
        """Keeps rules in place of `replaced`, and clears the override of what is `cleared`."""
        ...
