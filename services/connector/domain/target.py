"""What a lease needs somebody to hold in Entra."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupMembership:
    """Being a direct member of a group."""

    entra_group_id: str


@dataclass(frozen=True, slots=True)
class AppRoleGrant:
    """Being assigned to an app in one of its roles; the zero GUID stands for none."""

    entra_service_principal_id: str
    entra_app_role_id: str


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to hold, by the catalog's id for it and by Entra's."""

    directory_entitlement_id: str
    connection_id: str
    display_name: str
    kind: GroupMembership | AppRoleGrant

    def is_same(self, other: "Target") -> bool:
        """Whether both name the same thing of the same tenant; names are for reading only."""
        return (
            self.directory_entitlement_id == other.directory_entitlement_id
            and self.connection_id == other.connection_id
            and self.kind == other.kind
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """Who shall hold it."""

    user_id: str
    entra_tenant_id: str
    entra_object_id: str
