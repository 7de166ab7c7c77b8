"""What happens in the catalog, as the domain records it."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from services.catalog.domain.link import LinkChoice, RolesMoved
from services.catalog.domain.rules import EntitlementRules


@dataclass(frozen=True, slots=True)
class AppDiscovered:
    """A sync found an app for the first time."""

    app_id: str
    display_name: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class AppRemoved:
    """A sync no longer finds an app."""

    app_id: str
    display_name: str
    was_managed: bool


@dataclass(frozen=True, slots=True)
class AppManaged:
    """An app became a managed one."""

    app_id: str
    display_name: str
    access_entitlement_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class AppUpdated:
    """What is said of an app here was changed."""

    app_id: str
    changed_fields: tuple[str, ...]
    actor: Caller


@dataclass(frozen=True, slots=True)
class AppUnmanaged:
    """An app is no longer managed."""

    app_id: str
    display_name: str
    end_access: bool
    reason: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class EntitlementUpdated:
    """An entitlement was changed."""

    entitlement_id: str
    app_id: str
    changed_fields: tuple[str, ...]
    actor: Caller


@dataclass(frozen=True, slots=True)
class EntitlementRemoved:
    """An entitlement can't be had any more."""

    entitlement_id: str
    app_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class EntitlementUnlinked:
    """A choice for a group that is linked to an app was taken back."""

    app_id: str
    directory_entitlement_id: str
    entitlement_id: str
    entitlement_removed: bool
    reason: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class EntitlementLinked:
    """A choice was made for a group that is linked to an app."""

    app_id: str
    directory_entitlement_id: str
    choice: LinkChoice
    entitlement_id: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class LinkedRolesChanged:
    """A sync found a group that a final choice was made for in other roles of the app."""

    moved: RolesMoved


@dataclass(frozen=True, slots=True)
class EntitlementRulesApplied:
    """The rules of an app were replaced."""

    rules: EntitlementRules
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessProfileCreated:
    """An access profile was created."""

    access_profile_id: str
    display_name: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessProfileUpdated:
    """An access profile was changed."""

    access_profile_id: str
    changed_fields: tuple[str, ...]
    actor: Caller


@dataclass(frozen=True, slots=True)
class AccessProfileDeleted:
    """An access profile was deleted."""

    access_profile_id: str
    display_name: str
    actor: Caller


@dataclass(frozen=True, slots=True)
class UserDeactivated:
    """A person can't sign in any more, or is gone from the directory."""

    user_id: str
    display_name: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class UnmanagedAccessFound:
    """People hold a part of an entitlement that no lease brought, seen for the first time.

    `user_ids` are some of them, `user_count` says how many they are.
    """

    app_id: str
    entitlement_id: str
    directory_entitlement_id: str
    user_ids: tuple[str, ...]
    user_count: int


@dataclass(frozen=True, slots=True)
class DirectoryRefreshed:
    """A sync's pages are all in, and what it did not see is removed."""

    connection_id: str
    sync_id: str
    seen_count: int
    removed_count: int
