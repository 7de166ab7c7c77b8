"""Turning an unmanaged app into a managed one."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.catalog.domain import errors, facts
from services.catalog.domain.app import ManagedApp
from services.catalog.ports import Apps


@dataclass(frozen=True, slots=True)
class Command:
    """Manage this app. `access_entra_app_role_id` may be empty where there is one answer."""

    app_id: str
    access_entra_app_role_id: str


@dataclass(frozen=True, slots=True)
class ManageApp:
    """Gives an app its Credential resource with the access entitlement. Entra is not touched."""

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
        app = await self.apps.find(command.app_id)
        if app is None:
            raise errors.app_not_found(command.app_id)
        managed = app.manage(command.access_entra_app_role_id, self.clock.now())
        return Outcome(
            managed,
            Change(
                audit=AuditEntry(
                    actor,
                    "app.managed",
                    app.app_id,
                    details={
                        "display_name": app.display_name,
                        "access_entitlement_id": managed.access.entitlement_id,
                        "access": managed.access.fulfilment[0].display_name,
                    },
                ),
                writes=self.apps.managed(app, managed),
                facts=(
                    Fact(
                        app.app_id,
                        managed.app.version,
                        facts.AppManaged(
                            app.app_id,
                            app.display_name,
                            managed.access.entitlement_id,
                            actor,
                        ),
                    ),
                ),
            ),
        )
