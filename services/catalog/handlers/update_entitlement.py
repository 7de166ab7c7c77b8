"""Changing an entitlement, and what it says for itself."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from services.catalog.domain import errors, facts
from services.catalog.domain.shown_entitlement import EntitlementDetails, ShownEntitlement
from services.catalog.handlers.owners import require_owners
from services.catalog.ports import Apps, Directory, Entitlements


@dataclass(frozen=True, slots=True)
class Command:
    """Have these details of the entitlement, of those that `paths` list."""

    entitlement_id: str
    details: EntitlementDetails
    paths: tuple[str, ...]
    etag: str


@dataclass(frozen=True, slots=True)
class UpdateEntitlement:
    """Changes an entitlement. Leases that are granted already stay as they are."""

    apps: Apps
    entitlements: Entitlements
    directory: Directory

    async def __call__(self, command: Command, actor: Caller) -> Outcome[ShownEntitlement]:
        """Changes the entitlement; nothing is written when it is so already.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND, also of an owner; USER_NOT_FOUND.
            WrongState: APP_REMOVED, ENTITLEMENT_REMOVED, ENTITLEMENT_LOCKED.
            AlreadyExists: ROLE_NAME_TAKEN.
            Invalid: APP_ROLE_REQUIRED; a path is not of this kind of entitlement.
            Conflict: ETAG_MISMATCH.
        """
        before = await self.entitlements.shown(command.entitlement_id)
        app = None if before is None else await self.apps.find(before.entitlement.app_id)
        if before is None or app is None:
            raise errors.entitlement_not_found(command.entitlement_id, "entitlement.entitlement_id")
        groups = await self.entitlements.groups_there(command.entitlement_id)
        after = before.updated(app, groups, command.details, command.paths, command.etag)
        if "owners" in command.paths:
            await require_owners(
                self.directory, self.entitlements, command.details.owners, "entitlement.owners"
            )
        changed = after.differs(before)
        if "display_name" in changed:
            await self._require_free(after)
        if not changed:
            return Outcome(before)
        of = after.entitlement
        return Outcome(
            after,
            Change(
                audit=AuditEntry(
                    actor,
                    "entitlement.updated",
                    of.entitlement_id,
                    details={"app_id": of.app_id, "changed_fields": list(changed)},
                ),
                writes=self.entitlements.updated(app, before, after),
                facts=(
                    Fact(
                        of.entitlement_id,
                        of.version,
                        facts.EntitlementUpdated(of.entitlement_id, of.app_id, changed, actor),
                    ),
                ),
            ),
        )

    async def _require_free(self, after: ShownEntitlement) -> None:
        of = after.entitlement
        named = await self.entitlements.role_named(of.resource_type_id, of.display_name)
        if named not in ("", of.entitlement_id):
            raise errors.role_name_taken(of.app_id, of.display_name, "entitlement.display_name")
