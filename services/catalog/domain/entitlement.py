"""What a managed app offers: resource types, resources, entitlements."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.domain import ids
from services.catalog.domain.target import GroupMembership, Target


class ResourceKind(StrEnum):
    """What a resource type holds."""

    CREDENTIAL = "CREDENTIAL"
    ROLE = "ROLE"
    APP_ROLE = "APP_ROLE"


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

    `entra_app_role_id` is the role of the app that it stands for, empty for virtual roles.
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
    version: int = 1

    @property
    def resource_display_name(self) -> str:
        """What its resource is called: a role's as the role, the Credential resource as ever."""
        if self.resource_kind is ResourceKind.ROLE:
            return self.display_name
        return self.resource_kind.value.capitalize()

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

    def provisioned(self, *, groups_only: bool) -> "Entitlement":
        """The entitlement as its connection provisions it.

        One for group memberships only leaves app role assignments out; of an entitlement that
        needs no group nothing stays.
        """
        if not groups_only:
            return self
        groups = tuple(each for each in self.fulfilment if isinstance(each.kind, GroupMembership))
        return replace(self, fulfilment=groups)


def new_resource_type(app_id: str, kind: ResourceKind) -> ResourceType:
    """A resource type of a newly managed app."""
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
