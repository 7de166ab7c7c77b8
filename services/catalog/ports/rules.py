"""The entitlement rules of apps."""

from collections.abc import Sequence
from typing import Protocol

from libs.domain.changes import Write
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.rules import EntitlementRules


class Rules(Protocol):
    """The entitlement rules of apps."""

    async def of_app(self, app_id: str) -> EntitlementRules:
        """The rules of an app; disabled and empty ones before the first apply."""
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
