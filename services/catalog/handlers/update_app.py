"""Changing what is said of a managed app here."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.catalog.domain import errors, facts
from services.catalog.domain.shown_app import AppDetails, ShownApp
from services.catalog.handlers.owners import require_owners
from services.catalog.ports import Apps, Directory, Entitlements


@dataclass(frozen=True, slots=True)
class Command:
    """Have these details of the app, of those that `names` lists."""

    app_id: str
    details: AppDetails
    names: tuple[str, ...]
    etag: str


@dataclass(frozen=True, slots=True)
class UpdateApp:
    """Changes what is said of an app. Entra is not touched."""

    apps: Apps
    entitlements: Entitlements
    directory: Directory
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[ShownApp]:
        """Changes the app; nothing is written when it is so already.

        Raises:
            NotFound: APP_NOT_FOUND; USER_NOT_FOUND or ENTITLEMENT_NOT_FOUND of an owner.
            WrongState: APP_NOT_MANAGED, APP_REMOVED.
            Conflict: ETAG_MISMATCH.
        """
        before = await self.apps.shown(command.app_id)
        if before is None:
            raise errors.app_not_found(command.app_id)
        after = before.updated(command.details, command.names, command.etag, self.clock.now())
        if "owners" in command.names:
            await require_owners(
                self.directory, self.entitlements, command.details.owners, "app.owners"
            )
        changed = after.differs(before)
        if not changed:
            return Outcome(before)
        app = after.app
        return Outcome(
            after,
            Change(
                audit=AuditEntry(
                    actor, "app.updated", app.app_id, details={"changed_fields": list(changed)}
                ),
                writes=self.apps.updated(before, after),
                facts=(
                    Fact(app.app_id, app.version, facts.AppUpdated(app.app_id, changed, actor)),
                ),
            ),
        )
