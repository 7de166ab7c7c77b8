"""What a managed app offers: resource types, resources, entitlements."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain import ids
from services.catalog.domain.settings import NO_OVERRIDE, EntitlementOverride
from services.catalog.domain.target import (
    AppRoleAssignment,
    GroupMembership,
    Target,
    group_name_in,
    membership_name,
)


class ResourceKind(StrEnum):
    """What a resource type holds."""

    CREDENTIAL = "CREDENTIAL"
    ROLE = "ROLE"
    APP_ROLE = "APP_ROLE"


class EntitlementState(StrEnum):
    """Where an entitlement stands."""

    ACTIVE = "ACTIVE"
    REMOVED = "REMOVED"


# What is gone, in words.
APP_GONE = "its app is no longer in the directory"
ROLE_GONE = "its role is no longer one that people can be given"


def group_gone(name: str) -> str:
    """That a group is gone, in words."""
    return f"the group {name} is no longer in the directory"


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of thing an app has."""

    resource_type_id: str
    app_id: str
    display_name: str
    kind: ResourceKind


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Something that can be asked for. Each is the only one of its resource.

    `entra_app_role_id` is the role of the app that it stands for, empty for virtual roles, and
    `role_gone` says that people can no longer be given that one.
    """

    entitlement_id: str
    app_id: str
    resource_type_id: str
    resource_kind: ResourceKind
    resource_id: str
    display_name: str
    description: str
    fulfilment: tuple[Target, ...]
    create_time: datetime
    entra_app_role_id: str = ""
    role_gone: bool = False
    override: EntitlementOverride = NO_OVERRIDE
    version: int = 1

    @property
    def resource_display_name(self) -> str:
        """What its resource is called: a role's as the role, the Credential resource as ever."""
        if self.resource_kind is ResourceKind.CREDENTIAL:
            return self.resource_kind.value.capitalize()
        return self.display_name

    @property
    def resource_key(self) -> str:
        """What its resource is the only one of its type by.

        No two virtual roles differ only in case; an app may declare two roles of one name.
        """
        if self.resource_kind is ResourceKind.APP_ROLE:
            return self.entra_app_role_id
        return self.resource_display_name.casefold()

    def removal_reason(self, *, app_removed: bool, groups: Collection[str]) -> str:
        """What it stands for that is no longer in the directory, in words; empty if all is.

        `groups`: of its fulfilment those that are there, by directory entitlement.
        """
        if app_removed:
            return APP_GONE
        if self.role_gone:
            return ROLE_GONE
        for target in self.fulfilment:
            if (
                isinstance(target.kind, GroupMembership)
                and target.directory_entitlement_id not in groups
            ):
                return group_gone(group_name_in(target.display_name))
        return ""

    def standing_for(self, role_target: Target) -> "Entitlement":
        """The entitlement with this role of the app in place of the one that it stood for."""
        assert isinstance(role_target.kind, AppRoleAssignment)
        return replace(
            self,
            fulfilment=tuple(
                role_target if isinstance(each.kind, AppRoleAssignment) else each
                for each in self.fulfilment
            ),
            entra_app_role_id=role_target.kind.entra_app_role_id,
            role_gone=False,
        )

    def widened(self, target: Target) -> "Entitlement":
        """The entitlement, whose holders must hold the target too."""
        return replace(self, fulfilment=(*self.fulfilment, target), version=self.version + 1)

    def narrowed(self, directory_entitlement_ids: Collection[str]) -> "Entitlement":
        """The entitlement, whose holders need not hold these any more."""
        left = tuple(
            each
            for each in self.fulfilment
            if each.directory_entitlement_id not in directory_entitlement_ids
        )
        return replace(self, fulfilment=left, version=self.version + 1)

    def naming(self, groups: Mapping[str, str]) -> "Entitlement":
        """The entitlement, with groups called as given here by directory entitlement."""
        fulfilment = tuple(
            replace(each, display_name=membership_name(groups[each.directory_entitlement_id]))
            if each.directory_entitlement_id in groups
            else each
            for each in self.fulfilment
        )
        return replace(self, fulfilment=fulfilment)

    def provisioned(self, *, groups_only: bool) -> "Entitlement":
        """The entitlement as its connection provisions it.

        One for group memberships only leaves app role assignments out; of an entitlement that
        needs no group nothing stays.
        """
        if not groups_only:
            return self
        groups = tuple(each for each in self.fulfilment if isinstance(each.kind, GroupMembership))
        return replace(self, fulfilment=groups)


@dataclass(frozen=True, slots=True)
class GoneEntitlement:
    """An entitlement that can't be had any more, the version that it had, and why, in words."""

    entitlement_id: str
    app_id: str
    version: int
    reason: str


def new_resource_type(app_id: str, kind: ResourceKind) -> ResourceType:
    """A resource type of a newly managed app; that of app roles has the same id each time."""
    if kind is ResourceKind.APP_ROLE:
        return ResourceType(ids.derived_id("rty", app_id, kind.value), app_id, "App role", kind)
    return ResourceType(ids.new_id("rty"), app_id, kind.value.capitalize(), kind)


def new_access(
    of: ResourceType, target: Target, entra_app_role_id: str, now: datetime
) -> Entitlement:
    """The access entitlement of the Credential resource."""
    return Entitlement(
        entitlement_id=ids.new_id("ent"),
        app_id=of.app_id,
        resource_type_id=of.resource_type_id,
        resource_kind=of.kind,
        resource_id=ids.new_id("res"),
        display_name="Access",
        description="Being able to use the app at all.",
        fulfilment=(target,),
        create_time=now,
        entra_app_role_id=entra_app_role_id,
    )


def new_role(
    of: ResourceType, name: str, description: str, target: Target, now: datetime
) -> Entitlement:
    """The entitlement of a virtual role, which stands for a group."""
    return Entitlement(
        entitlement_id=ids.new_id("ent"),
        app_id=of.app_id,
        resource_type_id=of.resource_type_id,
        resource_kind=of.kind,
        resource_id=ids.new_id("res"),
        display_name=name,
        description=description,
        fulfilment=(target,),
        create_time=now,
    )


def new_app_role(
    of: ResourceType, name: str, target: Target, now: datetime, *, version: int
) -> Entitlement:
    """The entitlement of a role that the app declares: with the same ids each time.

    `version` is past all that an entitlement with these ids had before.
    """
    assert isinstance(target.kind, AppRoleAssignment)
    role_id = target.kind.entra_app_role_id
    return Entitlement(
        entitlement_id=ids.derived_id("ent", of.app_id, role_id),
        app_id=of.app_id,
        resource_type_id=of.resource_type_id,
        resource_kind=of.kind,
        resource_id=ids.derived_id("res", of.app_id, role_id),
        display_name=name,
        description="",
        fulfilment=(target,),
        create_time=now,
        entra_app_role_id=role_id,
        version=version,
    )
