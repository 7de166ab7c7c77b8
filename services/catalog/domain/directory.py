"""What a sync reads from the directory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.catalog.domain.app import AppRole
from services.catalog.domain.link import UnwritableReason

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def cleaned(text: str, most: int, *, lines: bool = False) -> str:
    """A text of the directory, fit to be kept: without control characters, at most `most` long.

    What is in the directory is not the caller's to correct, so one odd value stops no sync.
    """
    return (_CONTROL_BUT_LINES if lines else _CONTROL).sub(" ", text).strip()[:most].rstrip()


class DirectoryKind(StrEnum):
    """What a sync brings."""

    USER = "USER"
    GROUP = "GROUP"
    MEMBERSHIP = "MEMBERSHIP"
    APP = "APP"
    APP_ROLE_ASSIGNMENT = "APP_ROLE_ASSIGNMENT"


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
class WhichUsers:
    """Which people: what is empty or none says nothing. `query` is part of their name."""

    query: str = ""
    department: str = ""
    manager_user_id: str = ""
    account_enabled: bool | None = None


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


# There are many more of these than of anything else, so they are made as cheaply as can be.
class Membership(NamedTuple):
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


class Assignment(NamedTuple):
    """A person or group is assigned to an app. `principal_id` is a `usr_…` or `grp_…`."""

    app_id: str
    entra_app_role_id: str
    directory_entitlement_id: str
    principal_kind: PrincipalKind
    principal_id: str


@dataclass(frozen=True, slots=True)
class AssignmentsRead:
    """The assignments of an app are read to their end; `digest` is of all of them."""

    app_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class OwnersRead:
    """The people who own an app in the directory, all of them, by their `usr_…`."""

    app_id: str
    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """Some of what the directory holds, and by their ids what it holds no more.

    `assignments_read`: apps whose assignments of earlier rounds are gone.
    """

    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    memberships: tuple[Membership, ...] = ()
    service_principals: tuple[ServicePrincipal, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    removed_user_ids: tuple[str, ...] = ()
    removed_group_ids: tuple[str, ...] = ()
    removed_memberships: tuple[Membership, ...] = ()
    removed_app_ids: tuple[str, ...] = ()
    assignments_read: tuple[AssignmentsRead, ...] = ()
    owners_read: tuple[OwnersRead, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many entries of each kind there are, of those that there are."""
        found = {each: len(getattr(self, each)) for each in self.__slots__}
        return {each: count for each, count in found.items() if count}

    @property
    def seen_count(self) -> int:
        """How many entries say that something is there."""
        return sum(
            map(
                len,
                (
                    self.users,
                    self.groups,
                    self.memberships,
                    self.service_principals,
                    self.assignments,
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class Complete:
    """The sync has read everything.

    `sweeps`: of each kind of which a whole round was read since the last completion, which: what
    is of an earlier one is gone. `confirmed`: it is, however much.
    """

    sweeps: Mapping[DirectoryKind, int] = field(default_factory=dict)
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class AppInScope:
    """An app whose assignments are to be read, and the digest of those last read to their end.

    `owners_known`: its owners were read once.
    """

    entra_service_principal_id: str
    app_id: str
    assignments_digest: str
    owners_known: bool = False
