"""Turning a managed app into an unmanaged one."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from services.catalog.domain import errors, facts
from services.catalog.domain.app import UnmanagedApp
from services.catalog.domain.owner import AppOwners
from services.catalog.domain.shown_app import ShownApp
from services.catalog.ports import Apps, Uses


@dataclass(frozen=True, slots=True)
class Command:
    """Unmanage this app, and with `end_access` end what depends on it."""

    app_id: str
    reason: str
    end_access: bool
    etag: str


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """The app, and how much ends with it."""

    shown: ShownApp
    ending: UnmanagedApp


@dataclass(frozen=True, slots=True)
class UnmanageApp:
    """Takes everything from an app that it has here. Entra is not touched."""

    apps: Apps
    uses: Uses

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Unmanaged]:
        """Unmanages the app.

        Raises:
            NotFound: APP_NOT_FOUND.
            WrongState: APP_NOT_MANAGED, APP_IN_USE.
            Conflict: ETAG_MISMATCH.
        """
        before = await self.apps.shown(command.app_id)
        if before is None:
            raise errors.app_not_found(command.app_id)
        uses = await self.uses.of_app(command.app_id)
        ending = before.app.unmanage(command.etag, uses, end_access=command.end_access)
        app = ending.app
        return Outcome(
            Unmanaged(ShownApp(app, AppOwners((), before.owners.entra_user_ids)), ending),
            Change(
                audit=AuditEntry(
                    actor,
                    "app.unmanaged",
                    app.app_id,
                    reason=command.reason,
                    details={
                        "display_name": app.display_name,
                        "end_access": command.end_access,
                        "ending_lease_count": ending.ending_lease_count,
                        "ending_access_request_count": ending.ending_access_request_count,
                    },
                ),
                writes=self.apps.unmanaged(before.app, app),
                facts=(
                    Fact(
                        app.app_id,
                        app.version,
                        facts.AppUnmanaged(
                            app.app_id, app.display_name, command.end_access, command.reason, actor
                        ),
                    ),
                ),
            ),
        )
