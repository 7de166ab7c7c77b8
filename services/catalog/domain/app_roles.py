"""The roles that a managed app declares, as its entitlements follow them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.catalog.domain.app import NOT_IN_A_ROLE, App
from services.catalog.domain.entitlement import (
    ROLE_GONE,
    Entitlement,
    ResourceKind,
    new_resource_type,
)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """An entitlement that follows its role."""

    before: Entitlement
    after: Entitlement

    @property
    def removal_reason(self) -> str:
        """What became gone by it, in words; empty if nothing did."""
        return ROLE_GONE if self.after.role_gone and not self.before.role_gone else ""

    @property
    def changed_fields(self) -> tuple[str, ...]:
        """Which fields of it changed, as they are called outside."""
        changed = {
            "display_name": self.before.display_name != self.after.display_name,
            "fulfilment": self.before.fulfilment != self.after.fulfilment,
            "state": self.before.role_gone != self.after.role_gone,
        }
        return tuple(name for name, did in changed.items() if did)


@dataclass(frozen=True, slots=True)
class RolesFollowed:
    """What became of entitlements, each in one version more."""

    created: tuple[Entitlement, ...] = ()
    changes: tuple[RoleChange, ...] = ()


def follow_roles(app: App, known: Iterable[Entitlement], now: datetime) -> RolesFollowed:
    """The entitlements of a managed app as its roles are now.

    `known` are those that stand for a role of it. One whose role is gone keeps everything it has
    for the time that the role is there again.
    """
    roles = {role.entra_app_role_id: role for role in app.given_roles}
    # Whoever is assigned without a role stays so when the app declares its first one.
    access_roles = {NOT_IN_A_ROLE.entra_app_role_id: NOT_IN_A_ROLE} | roles
    changes, there = [], set()
    for before in known:
        is_role = before.resource_kind is ResourceKind.APP_ROLE
        if is_role:
            there.add(before.entra_app_role_id)
        role = (roles if is_role else access_roles).get(before.entra_app_role_id)
        if role is None:
            after = replace(before, role_gone=True)
        else:
            after = before.standing_for(app.role_target(role))
            if is_role:
                after = replace(after, display_name=role.display_name)
        if after != before:
            changes.append(RoleChange(before, replace(after, version=before.version + 1)))
    of = new_resource_type(app.app_id, ResourceKind.APP_ROLE)
    return RolesFollowed(
        tuple(
            app.new_role(of, role, now)
            for role in roles.values()
            if role.entra_app_role_id not in there
        ),
        tuple(changes),
    )
