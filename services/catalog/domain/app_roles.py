"""The roles that a managed app declares, as its entitlements follow them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.catalog.domain.app import NOT_IN_A_ROLE, App
from services.catalog.domain.entitlement import Entitlement, ResourceKind, new_resource_type
from services.catalog.domain.followed import EntitlementChange


@dataclass(frozen=True, slots=True)
class RolesFollowed:
    """What became of entitlements, each in one version more."""

    created: tuple[Entitlement, ...] = ()
    changes: tuple[EntitlementChange, ...] = ()


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
            changes.append(EntitlementChange(before, replace(after, version=before.version + 1)))
    of = new_resource_type(app.app_id, ResourceKind.APP_ROLE)
    return RolesFollowed(
        tuple(
            app.new_role(of, role, now)
            for role in roles.values()
            if role.entra_app_role_id not in there
        ),
        tuple(changes),
    )
