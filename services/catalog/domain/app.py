"""Apps: found by a sync, managed by an administrator."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.domain import ids
from services.catalog.domain import errors
from services.catalog.domain.entitlement import (
    Entitlement,
    ResourceKind,
    ResourceType,
    new_access,
    new_resource_type,
)
from services.catalog.domain.settings import Defaults
from services.catalog.domain.target import NO_ROLE, NO_ROLE_NAME, AppRoleAssignment, Target


class AppState(StrEnum):
    """Where an app stands."""

    UNMANAGED = "UNMANAGED"
    MANAGED = "MANAGED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role that an app declares for users and groups."""

    entra_app_role_id: str
    display_name: str
    value: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class App:
    """An application of a tenant: a service principal, and whether it is managed here."""

    app_id: str
    entra_tenant_id: str
    connection_id: str
    entra_service_principal_id: str
    entra_app_id: str
    display_name: str
    description: str
    account_enabled: bool
    is_protected: bool
    app_roles: tuple[AppRole, ...]
    create_time: datetime
    manage_time: datetime | None = None
    removed: bool = False
    instructions: str = ""
    policy_id: str = ""
    max_duration: timedelta | None = None
    version: int = 1

    @property
    def state(self) -> AppState:
        """Where the app stands."""
        if self.removed:
            return AppState.REMOVED
        return AppState.UNMANAGED if self.manage_time is None else AppState.MANAGED

    @property
    def says(self) -> Defaults:
        """What holds for its entitlements where neither they nor the rules say anything."""
        return Defaults(self.policy_id, self.max_duration)

    def changed(self) -> "App":
        """The app after something of it has changed.

        Raises:
            WrongState: APP_NOT_MANAGED, APP_REMOVED: nothing of it can be changed.
        """
        if self.removed:
            raise errors.app_removed(self.app_id)
        self.require_managed()
        return replace(self, version=self.version + 1)

    def require_managed(self) -> None:
        """Does nothing for an app that is or was managed.

        Raises:
            WrongState: APP_NOT_MANAGED.
        """
        if self.manage_time is None:
            raise errors.app_not_managed(self.app_id)

    def manage(self, access_role_id: str, now: datetime) -> "ManagedApp":
        """The app as a managed one. `access_role_id` may be empty where there is one answer.

        Raises:
            AlreadyExists: APP_ALREADY_MANAGED.
            WrongState: APP_REMOVED, APP_PROTECTED.
            Invalid: APP_ROLE_REQUIRED.
        """
        if self.removed:
            raise errors.app_removed(self.app_id)
        if self.manage_time is not None:
            raise errors.app_already_managed(self.app_id)
        if self.is_protected:
            raise errors.app_protected(self.app_id)
        role = self._access_role(access_role_id)
        target = Target(
            ids.app_role_entitlement_id(
                self.entra_tenant_id, self.entra_service_principal_id, role.entra_app_role_id
            ),
            self.connection_id,
            f"role {role.display_name} of {self.display_name}",
            AppRoleAssignment(self.entra_service_principal_id, role.entra_app_role_id),
        )
        credential = new_resource_type(self.app_id, ResourceKind.CREDENTIAL)
        return ManagedApp(
            app=replace(self, manage_time=now, version=self.version + 1),
            resource_types=(credential, new_resource_type(self.app_id, ResourceKind.ROLE)),
            access=new_access(credential, target, role.entra_app_role_id, now),
        )

    def _access_role(self, named: str) -> AppRole:
        # An app that declares roles can't be assigned without one, and one without roles only so.
        roles = [role for role in self.app_roles if role.enabled]
        roles = roles or [AppRole(NO_ROLE, NO_ROLE_NAME, "", enabled=True)]
        if not named and len(roles) == 1:
            return roles[0]
        for role in roles:
            if role.entra_app_role_id == named:
                return role
        listed = [f"{role.entra_app_role_id} ({role.display_name})" for role in roles]
        problem = "is not one of the app's roles" if named else "is required for this app"
        raise errors.app_role_required(
            self.app_id, f"{problem}, which are {', '.join(listed)}", listed
        )


@dataclass(frozen=True, slots=True)
class ManagedApp:
    """An app that has just become managed, with what it was given."""

    app: App
    resource_types: tuple[ResourceType, ...]
    access: Entitlement
