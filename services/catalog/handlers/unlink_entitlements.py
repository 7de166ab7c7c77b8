"""Taking back choices for the groups that are linked to an app."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from services.catalog.domain import errors, facts
from services.catalog.domain.owner import require_no_owners
from services.catalog.domain.unlink import Unlinking, unlink
from services.catalog.handlers.uses_now import UsesNow
from services.catalog.ports import Entitlements, Links


@dataclass(frozen=True, slots=True)
class Command:
    """Take these choices of one app back, all of them or none."""

    app_id: str
    directory_entitlement_ids: tuple[str, ...]
    reason: str
    end_access: bool


@dataclass(frozen=True, slots=True)
class UnlinkEntitlements:
    """Takes choices for linked groups back."""

    links: Links
    entitlements: Entitlements
    uses: UsesNow

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Unlinking]:
        """Takes every choice of the command back, or none.

        Raises:
            NotFound: APP_NOT_FOUND, LINKED_ENTITLEMENT_NOT_FOUND.
            WrongState: APP_NOT_MANAGED, APP_REMOVED, NOT_LINKED, ENTITLEMENT_LOCKED,
                ENTITLEMENT_IN_USE, ENTITLEMENT_IS_OWNER.
            Unavailable: without `end_access`, the requests service does not say what depends on a
                role that goes.
        """
        material = await self.links.material(command.app_id, command.directory_entitlement_ids, ())
        if material is None:
            raise errors.app_not_found(command.app_id)
        app = material.app
        app.require_managed()
        unlinking = unlink(
            app,
            {group.directory_entitlement_id: group for group in material.groups},
            material.entitlements,
            command.directory_entitlement_ids,
        )
        writes = self.links.unlinked(app, unlinking)
        removed = unlinking.removed_ids
        require_no_owners(await self.entitlements.owned_by(removed), removed)
        if removed and not command.end_access:
            depending = await self.uses.of_entitlements(removed)
            unlinking.require_unused(depending.uses)
            writes = (depending.guard, *writes)
        return Outcome(
            unlinking,
            Change(
                audit=AuditEntry(
                    actor,
                    "app.entitlements_unlinked",
                    app.app_id,
                    command.reason,
                    details={
                        "choices": [
                            {
                                "directory_entitlement_id": group.directory_entitlement_id,
                                "group": group.group_display_name,
                                "choice": group.choice.value,
                                "entitlement_id": group.entitlement_id,
                            }
                            for group in unlinking.before
                        ],
                        "removed_entitlement_ids": list(unlinking.removed_ids),
                        "end_access": command.end_access,
                    },
                ),
                writes=writes,
                facts=_facts(unlinking, command.reason, actor),
            ),
        )


def _facts(unlinking: Unlinking, reason: str, actor: Caller) -> tuple[Fact, ...]:
    app = unlinking.app
    return (
        *(
            Fact(
                app.app_id,
                app.version,
                facts.EntitlementUnlinked(
                    app.app_id,
                    group.directory_entitlement_id,
                    group.entitlement_id,
                    group.entitlement_id in unlinking.removed_ids,
                    reason,
                    actor,
                ),
            )
            for group in unlinking.before
        ),
        *(
            Fact(
                role.entitlement_id,
                role.version + 1,
                facts.EntitlementRemoved(
                    role.entitlement_id,
                    app.app_id,
                    f"no group stands behind {role.display_name} any more",
                ),
            )
            for role in unlinking.removed
        ),
    )
