"""Groups that are assigned to an app, what was chosen for each, and what that bound."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.catalog.domain.app import NOT_IN_A_ROLE


class LinkChoice(StrEnum):
    """What was chosen for a linked group."""

    PENDING = "PENDING"
    VIRTUAL_ROLE = "VIRTUAL_ROLE"
    PROVISION_ACCESS = "PROVISION_ACCESS"
    SKIPPED = "SKIPPED"


FINAL = frozenset({LinkChoice.VIRTUAL_ROLE, LinkChoice.PROVISION_ACCESS})


class UnwritableReason(StrEnum):
    """Why nobody but the directory itself can change a group's members."""

    WRITABLE = "UNSPECIFIED"
    DYNAMIC = "DYNAMIC"
    SYNCED = "SYNCED"
    MAIL_ENABLED = "MAIL_ENABLED"
    ROLE_ASSIGNABLE = "ROLE_ASSIGNABLE"


@dataclass(frozen=True, slots=True)
class SharedEntitlement:
    """An entitlement that a group stands behind, or what it is assigned to in the directory.

    Of an assignment the entitlement is empty, and the role is that of the assignment.
    """

    app_id: str
    app_display_name: str
    entitlement_id: str = ""
    entitlement_display_name: str = ""
    entra_app_role_id: str = ""
    entra_app_role_display_name: str = ""

    @property
    def words(self) -> str:
        """It, in words."""
        if self.entitlement_id:
            return f"{self.entitlement_display_name} of {self.app_display_name}"
        if self.entra_app_role_id == NOT_IN_A_ROLE.entra_app_role_id:
            return f"the assignment to {self.app_display_name}"
        role = self.entra_app_role_display_name or self.entra_app_role_id
        return f"the role {role} of {self.app_display_name}"


@dataclass(frozen=True, slots=True)
class AssignedRole:
    """A role of an app in which a group is assigned to it; without a name if it is not declared."""

    entra_app_role_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class LinkedGroup:
    """A group that is assigned to an app, and the choice that was made for it.

    Assigned in several roles of the app it is one group all the same: `assigned_roles` are all of
    them by the text of their ids, none when it is not assigned any more; `entra_app_role_id` is the
    first, or then the first that it carried when it was chosen for. `shared_with` are entitlements
    that it stands behind, without `entitlement_id`, then its assignments to other apps and in other
    roles of this one. It is `gone` when it is no longer in the directory or no longer assigned.
    `chosen_role_ids` are those in which it was assigned when the choice was made.
    """

    directory_entitlement_id: str
    app_id: str
    group_id: str
    group_display_name: str
    entra_group_id: str
    entra_app_role_id: str
    member_count: int
    unwritable_reason: UnwritableReason
    choice: LinkChoice = LinkChoice.PENDING
    entitlement_id: str = ""
    shared_with: tuple[SharedEntitlement, ...] = ()
    gone: bool = False
    assigned_roles: tuple[AssignedRole, ...] = ()
    chosen_role_ids: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether a final choice was made for it in other roles than those it is assigned in."""
        assigned = {role.entra_app_role_id for role in self.assigned_roles}
        return self.choice in FINAL and has_drifted(self.chosen_role_ids, assigned)

    def chosen(self, choice: LinkChoice, entitlement_id: str = "") -> "LinkedGroup":
        """The group with this choice, made as it is assigned now."""
        roles = tuple(role.entra_app_role_id for role in self.assigned_roles)
        return replace(self, choice=choice, entitlement_id=entitlement_id, chosen_role_ids=roles)


def has_drifted(chosen: Collection[str], assigned: Collection[str]) -> bool:
    """Whether a group is assigned to an app in other roles than when it was chosen for."""
    return set(chosen) != set(assigned)


@dataclass(frozen=True, slots=True)
class RolesMoved:
    """A group that a final choice was made for, now assigned to the app in other roles.

    The entitlement, which is bound to it, has this version. `drifted`: they are not those in which
    it was assigned when it was chosen for.
    """

    app_id: str
    directory_entitlement_id: str
    entitlement_id: str
    entitlement_version: int
    role_ids: tuple[str, ...]
    drifted: bool


class BindingState(StrEnum):
    """Where a binding stands: whether the directory still has what it binds."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Binding:
    """Who holds the directory entitlement holds the entitlement."""

    binding_id: str
    app_id: str
    entitlement_id: str
    directory_entitlement_id: str
    directory_display_name: str
    create_time: datetime
    state: BindingState = BindingState.ACTIVE
