"""Turning unmanaged apps into managed ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.catalog.domain import errors, facts
from services.catalog.domain.app import ManagedApp
from services.catalog.domain.shown_app import ShownApp
from services.catalog.ports import Apps


@dataclass(frozen=True, slots=True)
class Command:
    """Manage this app. `access_entra_app_role_id` may be empty where there is one answer."""

    app_id: str
    access_entra_app_role_id: str


@dataclass(frozen=True, slots=True)
class BatchCommand:
    """Manage all of these, or none."""

    apps: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class ManageApp:
    """Gives apps the Credential resource with access, and their own roles. Entra is not touched."""

    apps: Apps
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[ManagedApp]:
        """Manages the app.

        Raises:
            NotFound: APP_NOT_FOUND.
            AlreadyExists: APP_ALREADY_MANAGED.
            WrongState: APP_REMOVED, APP_PROTECTED.
            Invalid: APP_ROLE_REQUIRED.
        """
        managed = self._managed(await self.apps.shown(command.app_id), command)
        audit = AuditEntry(actor, "app.managed", command.app_id, details=_details(managed))
        return Outcome(managed, self._change(audit, [managed], actor))

    async def batch(self, command: BatchCommand, actor: Caller) -> Outcome[tuple[ManagedApp, ...]]:
        """Manages every app of the command, or none.

        Raises:
            as `__call__`, with the place of the app that is refused.
        """
        found = await self.apps.find_all([each.app_id for each in command.apps])
        managed = []
        for index, each in enumerate(command.apps):
            try:
                managed.append(self._managed(found.get(each.app_id), each))
            except LatchkeyError as error:
                raise errors.of_one(error, f"apps[{index}]") from error
        audit = AuditEntry(
            actor,
            "apps.managed",
            command.apps[0].app_id,
            details={"apps": [{"app_id": each.app.app_id, **_details(each)} for each in managed]},
        )
        return Outcome(tuple(managed), self._change(audit, managed, actor))

    def _managed(self, shown: ShownApp | None, command: Command) -> ManagedApp:
        if shown is None:
            raise errors.app_not_found(command.app_id)
        managed = shown.app.manage(command.access_entra_app_role_id, self.clock.now())
        return replace(managed, owners=shown.owners)

    def _change(self, audit: AuditEntry, managed: Sequence[ManagedApp], actor: Caller) -> Change:
        return Change(
            audit=audit,
            writes=tuple(write for each in managed for write in self.apps.managed(each)),
            facts=tuple(
                Fact(
                    each.app.app_id,
                    each.app.version,
                    facts.AppManaged(
                        each.app.app_id, each.app.display_name, each.access.entitlement_id, actor
                    ),
                )
                for each in managed
            ),
        )


def _details(managed: ManagedApp) -> dict[str, Any]:
    return {
        "display_name": managed.app.display_name,
        "access_entitlement_id": managed.access.entitlement_id,
        "access": managed.access.fulfilment[0].display_name,
    }
