"""Turning a managed app into an unmanaged one."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.catalog.domain import errors, facts
from services.catalog.domain.owner import AppOwners
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.unmanage import Unmanaging, unmanage
from services.catalog.domain.use import leases_and_requests
from services.catalog.handlers.uses_now import UsesNow
from services.catalog.ports import Apps, Entitlements


@dataclass(frozen=True, slots=True)
class Command:
    """Unmanage this app, and with `end_access` end what depends on it."""

    app_id: str
    reason: str
    end_access: bool
    etag: str


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """The app, and how much ends with it as far as that is known."""

    shown: ShownApp
    ending_lease_count: int
    ending_access_request_count: int


@dataclass(frozen=True, slots=True)
class UnmanageApp:
    """Takes everything from an app that it has here. Entra is not touched."""

    apps: Apps
    entitlements: Entitlements
    uses: UsesNow
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Unmanaged]:
        """Unmanages the app.

        Raises:
            NotFound: APP_NOT_FOUND.
            WrongState: APP_NOT_MANAGED, APP_IN_USE, ENTITLEMENT_LOCKED, ENTITLEMENT_IS_OWNER.
            Conflict: ETAG_MISMATCH.
            Unavailable: without `end_access`, the requests service does not say what depends on it.
        """
        before = await self.apps.shown(command.app_id)
        if before is None:
            raise errors.app_not_found(command.app_id)
        unmanaging = await self._unmanaging(before, command)
        app = unmanaging.app
        depending = await self.uses.of_apps([app.app_id], or_known=command.end_access)
        if not command.end_access:
            unmanaging.require_unused(depending.uses)
        leases, requests = leases_and_requests(depending.uses)
        return Outcome(
            Unmanaged(
                ShownApp(app, AppOwners((), before.owners.entra_user_ids)),
                len(leases),
                len(requests),
            ),
            Change(
                audit=AuditEntry(
                    actor,
                    "app.unmanaged",
                    app.app_id,
                    reason=command.reason,
                    details={
                        "display_name": app.display_name,
                        "end_access": command.end_access,
                        "ending_lease_count": len(leases),
                        "ending_access_request_count": len(requests),
                    },
                ),
                writes=(depending.guard, *self.apps.unmanaged(unmanaging)),
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

    async def _unmanaging(self, before: ShownApp, command: Command) -> Unmanaging:
        types = await self.entitlements.resource_types(command.app_id)
        offered = await self.entitlements.of_types([each.resource_type_id for each in types])
        owned = await self.entitlements.owned_by(
            [each.entitlement.entitlement_id for each in offered]
        )
        return unmanage(before.app, command.etag, offered, owned, self.clock.now())
