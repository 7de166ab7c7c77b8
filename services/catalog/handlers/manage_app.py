"""Turning unmanaged apps into managed ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome, Write
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.catalog.domain import errors, facts
from services.catalog.domain.app import ManagedApp
from services.catalog.domain.shown_app import ShownApp
from services.catalog.handlers.uses_now import UsesNow
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
    uses: UsesNow
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[ManagedApp]:
        """Manages the app.

        Raises:
            NotFound: APP_NOT_FOUND.
            AlreadyExists: APP_ALREADY_MANAGED.
            WrongState: APP_REMOVED, APP_PROTECTED, ACCESS_ENDING.
            Invalid: APP_ROLE_REQUIRED.
            Unavailable: of an app that was managed before, the requests service does not say
                whether that is over.
        """
        managed = self._managed(await self.apps.shown(command.app_id), command)
        guard = await self._require_over([managed], ())
        return Outcome(managed, self._change([managed], guard, actor))

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
        guard = await self._require_over(managed, [f"apps[{i}]" for i in range(len(managed))])
        return Outcome(tuple(managed), self._change(managed, guard, actor))

    def _managed(self, shown: ShownApp | None, command: Command) -> ManagedApp:
        if shown is None:
            raise errors.app_not_found(command.app_id)
        managed = shown.app.manage(command.access_entra_app_role_id, self.clock.now())
        return replace(managed, owners=shown.owners)

    async def _require_over(self, managed: Sequence[ManagedApp], paths: Sequence[str]) -> Write:
        """The guard that what the apps offered before is over.

        `paths`: where each of them stands in the call, if that has to be said.
        """
        app_ids = [each.app.app_id for each in managed]
        first = all(each.before.unmanage_time is None for each in managed)
        depending = await self.uses.of_apps(app_ids, or_known=first)
        for index, each in enumerate(managed):
            left = [use for use in depending.uses if use.app_id == each.app.app_id]
            try:
                each.before.require_over(left)
            except LatchkeyError as error:
                raise (errors.of_one(error, paths[index]) if paths else error) from error
        return depending.guard

    def _change(self, managed: Sequence[ManagedApp], guard: Write, actor: Caller) -> Change:
        audit, *also = (
            AuditEntry(actor, "app.managed", each.app.app_id, details=_details(each))
            for each in managed
        )
        return Change(
            audit=audit,
            also=tuple(also),
            writes=(guard, *(write for each in managed for write in self.apps.managed(each))),
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
