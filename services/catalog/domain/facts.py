"""What happens in the catalog, as the domain records it."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from services.catalog.domain.link import LinkChoice
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
class EntitlementLinked:
    """A choice was made for a group that is linked to an app."""

    app_id: str
    directory_entitlement_id: str
    choice: LinkChoice
    entitlement_id: str
    actor: Caller


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
class DirectoryRefreshed:
    """A sync's pages are all in, and what it did not see is removed."""

    connection_id: str
    sync_id: str
    seen_count: int
    removed_count: int
