"""Making choices for the groups that are linked to an app."""

from dataclasses import dataclass
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.catalog.domain import errors, facts
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.link import LinkedGroup
from services.catalog.domain.linking import (
    CreateVirtualRole,
    Decision,
    Linking,
    ProvisionAccessFor,
    link,
)
from services.catalog.ports import Links


@dataclass(frozen=True, slots=True)
class Command:
    """Decide these for one app, all of them or none."""

    app_id: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class LinkEntitlements:
    """Makes choices for linked groups."""

    links: Links
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Linking]:
        """Makes every choice of the command, or none.

        Raises:
            NotFound: APP_NOT_FOUND, LINKED_ENTITLEMENT_NOT_FOUND, ENTITLEMENT_NOT_FOUND.
            WrongState: APP_NOT_MANAGED, APP_REMOVED, ALREADY_LINKED, GROUP_NOT_WRITABLE,
                ENTITLEMENT_REMOVED.
            AlreadyExists: ROLE_NAME_TAKEN.
        """
        app, linking = await self._decide(command)
        return Outcome(
            linking,
            Change(
                audit=AuditEntry(
                    actor,
                    "app.entitlements_linked",
                    app.app_id,
                    details={
                        "choices": [
                            _detail(group, decision)
                            for group, decision in zip(
                                linking.links, command.decisions, strict=True
                            )
                        ]
                    },
                ),
                writes=self.links.linked(app, linking),
                facts=tuple(
                    Fact(
                        app.app_id,
                        linking.app.version,
                        facts.EntitlementLinked(
                            app.app_id,
                            group.directory_entitlement_id,
                            group.choice,
                            group.entitlement_id,
                            actor,
                        ),
                    )
                    for group in linking.links
                ),
            ),
        )

    async def preview(self, command: Command) -> Linking:
        """What the command would lead to: nothing of it exists, and what is new has no id.

        Raises:
            LatchkeyError: as the command itself.
        """
        _, linking = await self._decide(command)
        return linking.preview()

    async def _decide(self, command: Command) -> tuple[App, Linking]:
        material = await self.links.material(
            command.app_id,
            [decision.directory_entitlement_id for decision in command.decisions],
            [
                decision.choice.entitlement_id
                for decision in command.decisions
                if isinstance(decision.choice, ProvisionAccessFor)
            ],
        )
        if material is None:
            raise errors.app_not_found(command.app_id)
        app = material.app
        app.require_managed()
        linking = link(
            app,
            next(each for each in material.resource_types if each.kind is ResourceKind.ROLE),
            {group.directory_entitlement_id: group for group in material.groups},
            material.entitlements,
            material.removed,
            material.role_names,
            command.decisions,
            self.clock.now(),
        )
        return app, linking


def _detail(group: LinkedGroup, decision: Decision) -> dict[str, Any]:
    named = decision.choice.display_name if isinstance(decision.choice, CreateVirtualRole) else ""
    return {
        "directory_entitlement_id": group.directory_entitlement_id,
        "group": group.group_display_name,
        "choice": group.choice.value,
        "entitlement_id": group.entitlement_id,
        **({"display_name": named} if named else {}),
    }
