"""Making choices for groups that are assigned to an app."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain import ids
from services.catalog.domain import errors, target
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement, ResourceType, new_role
from services.catalog.domain.link import (
    FINAL,
    Binding,
    LinkChoice,
    LinkedGroup,
    UnwritableReason,
)

MAX_ROLE_NAME = 200


@dataclass(frozen=True, slots=True)
class CreateVirtualRole:
    """Have a role stand for the group; without a name it gets the group's."""

    display_name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ProvisionAccessFor:
    """Make the group part of what an entitlement of the app provisions."""

    entitlement_id: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave the group alone."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice for one group."""

    directory_entitlement_id: str
    choice: CreateVirtualRole | ProvisionAccessFor | Skip


@dataclass(frozen=True, slots=True)
class Linking:
    """What the decisions of one call led to. `links` are in their order."""

    app: App
    links: tuple[LinkedGroup, ...]
    roles: tuple[Entitlement, ...]
    widened: tuple[Entitlement, ...]
    bindings: tuple[Binding, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """In words, of each group that was bound and stands behind something else already."""
        return tuple(
            _warning(each) for each in self.links if each.choice in FINAL and each.shared_with
        )

    def preview(self) -> "Linking":
        """The same, of which nothing exists: what would be created has no id."""
        new = {role.entitlement_id for role in self.roles}
        return replace(
            self,
            links=tuple(
                replace(each, entitlement_id="") if each.entitlement_id in new else each
                for each in self.links
            ),
            roles=tuple(replace(each, entitlement_id="", resource_id="") for each in self.roles),
            bindings=tuple(
                replace(
                    each,
                    binding_id="",
                    entitlement_id="" if each.entitlement_id in new else each.entitlement_id,
                )
                for each in self.bindings
            ),
        )


def _warning(group: LinkedGroup) -> str:
    named = ", ".join(each.words for each in group.shared_with)
    return (
        f"{group.group_display_name} stands behind {named} already: whoever is given one of them "
        "has the others too, and losing the last one takes it from all."
    )


class _Linker:
    """Makes decisions one by one; an error in any of them leaves nothing behind."""

    def __init__(
        self,
        app: App,
        role_type: ResourceType,
        entitlements: Iterable[Entitlement],
        removed: Mapping[str, str],
        role_names: Iterable[str],
        now: datetime,
    ) -> None:
        self._app = app.changed()
        self._role_type = role_type
        self._given = {each.entitlement_id: each for each in entitlements}
        self._removed = removed
        self._widened: dict[str, Entitlement] = {}
        self._names = {name.casefold() for name in role_names}
        self._now = now
        self._links: list[LinkedGroup] = []
        self._roles: list[Entitlement] = []
        self._bindings: list[Binding] = []

    def decide(self, group: LinkedGroup | None, decision: Decision, field: str) -> None:
        linked_id = decision.directory_entitlement_id
        if group is None:
            raise errors.linked_entitlement_not_found(self._app.app_id, linked_id, field)
        if group.choice in FINAL:
            raise errors.already_linked(self._app.app_id, linked_id, field)
        match decision.choice:
            case Skip():
                self._links.append(group.chosen(LinkChoice.SKIPPED))
            case CreateVirtualRole() as wanted:
                self._bind(
                    group,
                    LinkChoice.VIRTUAL_ROLE,
                    self._role(group, wanted, field),
                    field,
                )
            case ProvisionAccessFor(entitlement_id):
                self._bind(
                    group,
                    LinkChoice.PROVISION_ACCESS,
                    self._widen(group, entitlement_id, field),
                    field,
                )

    def result(self) -> Linking:
        return Linking(
            self._app,
            tuple(self._links),
            tuple(self._roles),
            tuple(self._widened.values()),
            tuple(self._bindings),
        )

    def _bind(
        self, group: LinkedGroup, choice: LinkChoice, entitlement: Entitlement, field: str
    ) -> None:
        if group.gone:
            raise errors.linked_entitlement_not_found(
                self._app.app_id, group.directory_entitlement_id, field
            )
        if group.unwritable_reason is not UnwritableReason.WRITABLE:
            raise errors.group_not_writable(
                group.group_display_name,
                group.directory_entitlement_id,
                group.unwritable_reason.value,
                field,
            )
        self._links.append(group.chosen(choice, entitlement.entitlement_id))
        self._bindings.append(
            Binding(
                ids.new_id("bnd"),
                self._app.app_id,
                entitlement.entitlement_id,
                group.directory_entitlement_id,
                self._target(group).display_name,
                self._now,
            )
        )

    def _role(self, group: LinkedGroup, wanted: CreateVirtualRole, field: str) -> Entitlement:
        name = wanted.display_name or group.group_display_name[:MAX_ROLE_NAME].strip()
        if name.casefold() in self._names:
            raise errors.role_name_taken(
                self._app.app_id, name, f"{field}.create_virtual_role.display_name"
            )
        self._names.add(name.casefold())
        role = new_role(self._role_type, name, wanted.description, self._target(group), self._now)
        self._roles.append(role)
        return role

    def _widen(self, group: LinkedGroup, entitlement_id: str, field: str) -> Entitlement:
        before = self._widened.get(entitlement_id) or self._given.get(entitlement_id)
        if before is None:
            raise errors.entitlement_not_found(
                entitlement_id, f"{field}.provision_access_for.entitlement_id"
            )
        if problem := self._removed.get(entitlement_id):
            raise errors.entitlement_removed(entitlement_id, problem)
        after = before.widened(self._target(group))
        # However many groups one call adds, it is one change of the entitlement.
        after = replace(after, version=self._given[entitlement_id].version + 1)
        self._widened[entitlement_id] = after
        return after

    def _target(self, group: LinkedGroup) -> target.Target:
        return target.membership(
            self._app.entra_tenant_id,
            self._app.connection_id,
            group.entra_group_id,
            group.group_display_name,
        )


def link(
    app: App,
    role_type: ResourceType,
    groups: Mapping[str, LinkedGroup],
    entitlements: Iterable[Entitlement],
    removed: Mapping[str, str],
    role_names: Iterable[str],
    decisions: Sequence[Decision],
    now: datetime,
) -> Linking:
    """Makes choices for linked groups of an app: all of them or none.

    `groups` are those linked to the app by directory entitlement, `entitlements` those of the app
    that the decisions name, `removed` what of them is gone, in words, by those that can't be had
    any more, `role_names` the names of its roles.

    Raises:
        WrongState: APP_NOT_MANAGED, APP_REMOVED, ALREADY_LINKED, GROUP_NOT_WRITABLE,
            ENTITLEMENT_REMOVED.
        NotFound: LINKED_ENTITLEMENT_NOT_FOUND, ENTITLEMENT_NOT_FOUND.
        AlreadyExists: ROLE_NAME_TAKEN.
    """
    linker = _Linker(app, role_type, entitlements, removed, role_names, now)
    for index, decision in enumerate(decisions):
        group = groups.get(decision.directory_entitlement_id)
        linker.decide(group, decision, f"decisions[{index}]")
    return linker.result()
