"""What a sync reads from the directory."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.catalog.domain.app import AppRole
from services.catalog.domain.link import UnwritableReason

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def cleaned(text: str, most: int, *, lines: bool = False) -> str:
    """A text of the directory, fit to be kept: without control characters, at most `most` long.

    What is in the directory is not the caller's to correct, so one odd value stops no sync.
    """
    return (_CONTROL_BUT_LINES if lines else _CONTROL).sub(" ", text).strip()[:most].rstrip()


class PrincipalKind(StrEnum):
    """What an app role assignment is made to."""

    USER = "USER"
    GROUP = "GROUP"


@dataclass(frozen=True, slots=True)
class User:
    """A person of the directory. `sync_time`: when a sync last saw them."""

    user_id: str
    entra_tenant_id: str
    entra_object_id: str
    display_name: str
    user_principal_name: str
    mail: str
    department: str
    job_title: str
    manager_user_id: str
    account_enabled: bool
    sync_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the directory. `directory_entitlement_id`: being a member of it."""

    group_id: str
    directory_entitlement_id: str
    entra_tenant_id: str
    entra_object_id: str
    display_name: str
    description: str
    unwritable_reason: UnwritableReason
    member_count: int = 0


@dataclass(frozen=True, slots=True)
class Membership:
    """A person is a direct member of a group."""

    group_id: str
    user_id: str
    directory_entitlement_id: str


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An app as the directory tells of it."""

    app_id: str
    entra_tenant_id: str
    entra_service_principal_id: str
    entra_app_id: str
    display_name: str
    description: str
    account_enabled: bool
    is_protected: bool
    app_roles: tuple[AppRole, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A person or group is assigned to an app. `principal_id` is a `usr_…` or `grp_…`."""

    app_id: str
    entra_app_role_id: str
    directory_entitlement_id: str
    principal_kind: PrincipalKind
    principal_id: str


@dataclass(frozen=True, slots=True)
class Complete:
    """The sync has read everything."""


Page = (
    tuple[User, ...]
    | tuple[Group, ...]
    | tuple[Membership, ...]
    | tuple[ServicePrincipal, ...]
    | tuple[Assignment, ...]
    | Complete
)
