"""Apps: found by a sync, managed by an administrator."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.domain.errors import Conflict
from services.catalog.domain import errors, in_use, target
from services.catalog.domain.entitlement import (
    Entitlement,
    ResourceKind,
    ResourceType,
    new_access,
    new_app_role,
    new_resource_type,
)
from services.catalog.domain.owner import AppOwners
from services.catalog.domain.settings import Defaults, UnmanagedAccessAction
from services.catalog.domain.target import NO_ROLE, NO_ROLE_NAME, AppRoleAssignment, Target
from services.catalog.domain.use import Use, leases_and_requests


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


NOT_IN_A_ROLE = AppRole(NO_ROLE, NO_ROLE_NAME, "", enabled=True)


@dataclass(frozen=True, slots=True)
class App:
    """An application of a tenant: a service principal, and whether it is managed here.

    `own_description`, `instructions`, `policy_id`, `max_duration` and `unmanaged_access_action` are
    what is said of it here, the last since `unmanaged_access_action_time`. `unmanage_time` is when
    it was unmanaged last.
    """

    app_id: str
    entra_tenant_id: str
    connection_id: str
    entra_service_principal_id: str
    entra_app_id: str
    display_name: str
    entra_description: str
    account_enabled: bool
    is_protected: bool
    app_roles: tuple[AppRole, ...]
    create_time: datetime
    manage_time: datetime | None = None
    unmanage_time: datetime | None = None
    removed: bool = False
    own_description: str = ""
    instructions: str = ""
    policy_id: str = ""
    max_duration: timedelta | None = None
    unmanaged_access_action: UnmanagedAccessAction = UnmanagedAccessAction.UNSPECIFIED
    unmanaged_access_action_time: datetime | None = None
    version: int = 1

    @property
    def state(self) -> AppState:
        """Where the app stands."""
        if self.removed:
            return AppState.REMOVED
        return AppState.UNMANAGED if self.manage_time is None else AppState.MANAGED

    @property
    def description(self) -> str:
        """What it is, for people: as said here, else as in Entra."""
        return self.own_description or self.entra_description

    @property
    def given_roles(self) -> tuple[AppRole, ...]:
        """The roles of its own that people can be given."""
        return tuple(role for role in self.app_roles if role.enabled)

    @property
    def says(self) -> Defaults:
        """What holds for its entitlements where neither they nor the rules say anything."""
        return Defaults(
            self.policy_id,
            self.max_duration,
            unmanaged_access_action=self.unmanaged_access_action,
        )

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
        role = self.access_role(access_role_id, "access_entra_app_role_id")
        app = replace(self, manage_time=now, version=self.version + 1)
        credential, virtual, app_role = (
            new_resource_type(self.app_id, kind)
            for kind in (ResourceKind.CREDENTIAL, ResourceKind.ROLE, ResourceKind.APP_ROLE)
        )
        return ManagedApp(
            before=self,
            app=app,
            resource_types=(credential, virtual, app_role),
            access=new_access(credential, self.role_target(role), role.entra_app_role_id, now),
            app_roles=tuple(app.new_role(app_role, each, now) for each in self.given_roles),
        )

    def new_role(self, of: ResourceType, role: AppRole, now: datetime) -> Entitlement:
        """The entitlement of a role that it declares, which it may have offered before."""
        target = self.role_target(role)
        return new_app_role(of, role.display_name, target, now, version=self.version)

    def role_target(self, role: AppRole) -> Target:
        """Being assigned to the app in a role of it."""
        return target.app_role(
            self.entra_tenant_id,
            self.connection_id,
            AppRoleAssignment(self.entra_service_principal_id, role.entra_app_role_id),
            role.display_name,
            self.display_name,
        )

    def require_over(self, uses: Iterable[Use]) -> None:
        """Does nothing once none of these uses, of what it offered before, is left.

        Raises:
            WrongState: ACCESS_ENDING.
        """
        leases, requests = leases_and_requests(uses)
        if leases or requests:
            raise in_use.access_ending(self.app_id, leases, requests)

    def require_etag(self, etag: str) -> None:
        """Does nothing for the etag of the app, or none.

        Raises:
            Conflict: ETAG_MISMATCH.
        """
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.app_id)

    def access_role(self, named: str, field: str) -> AppRole:
        """The role that access gives. `named` may be empty where there is one answer.

        Raises:
            Invalid: APP_ROLE_REQUIRED, of this field.
        """
        # An app that declares roles can't be assigned without one, and one without roles only so.
        roles = self.given_roles or (NOT_IN_A_ROLE,)
        if not named and len(roles) == 1:
            return roles[0]
        for role in roles:
            if role.entra_app_role_id == named:
                return role
        listed = [f"{role.entra_app_role_id} ({role.display_name})" for role in roles]
        problem = "is not one of the app's roles" if named else "is required for this app"
        raise errors.app_role_required(
            self.app_id, f"{problem}, which are {', '.join(listed)}", listed, field
        )


@dataclass(frozen=True, slots=True)
class ManagedApp:
    """An app that has just become managed, with what it was given."""

    before: App
    app: App
    resource_types: tuple[ResourceType, ...]
    access: Entitlement
    app_roles: tuple[Entitlement, ...]
    owners: AppOwners = field(default_factory=AppOwners)
