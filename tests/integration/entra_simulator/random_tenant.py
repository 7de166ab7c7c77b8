"""Random changes of a tenant, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from tools.entra_simulator import Simulator


class RandomChanges:
    """Makes one change of any kind at a time, by hand."""

    def __init__(self, simulator: Simulator, seed: int) -> None:
        self._tenant = simulator.tenant
        self._chance = random.Random(seed)
        self._count = 0

    def make(self, count: int) -> None:
        changes: list[Callable[[], None]] = [
            *[self._join] * 4,
            *[self._leave] * 4,
            self._rename_user,
            self._rename_group,
            self._new_manager,
            self._new_owners,
            self._add_user,
            self._add_group,
            self._delete,
            self._restore,
            self._purge,
            self._assign,
            self._revoke,
        ]
        for _ in range(count):
            self._chance.choice(changes)()

    def _one_of(self, ids: object) -> str | None:
        listed = sorted(ids)  # type: ignore[call-overload]
        return self._chance.choice(listed) if listed else None

    def _name(self) -> str:
        self._count += 1
        return f"Name {self._count}"

    def _join(self) -> None:
        group_id = self._one_of(self._tenant.groups)
        member_id = self._one_of([*self._tenant.users, *self._tenant.groups])
        if group_id and member_id and not self._tenant.is_member(group_id, member_id):
            self._tenant.add_member(group_id, member_id)

    def _leave(self) -> None:
        group_id = self._one_of(self._tenant.groups)
        if group_id and (member_id := self._one_of(self._tenant.members_of(group_id))):
            self._tenant.remove_member(group_id, member_id)

    def _rename_user(self) -> None:
        if user_id := self._one_of(self._tenant.users):
            self._tenant.update_object(user_id, {"displayName": self._name()})

    def _rename_group(self) -> None:
        if group_id := self._one_of(self._tenant.groups):
            self._tenant.update_object(group_id, {"displayName": self._name()})

    def _new_manager(self) -> None:
        if user_id := self._one_of(self._tenant.users):
            manager = self._chance.choice([None, self._one_of(self._tenant.users)])
            self._tenant.update_object(user_id, {"manager": manager})

    def _new_owners(self) -> None:
        if group_id := self._one_of(self._tenant.groups):
            owners = self._chance.sample(sorted(self._tenant.users), k=self._chance.randrange(3))
            self._tenant.update_object(group_id, {"owners": owners})

    def _add_user(self) -> None:
        name = self._name()
        self._tenant.add_object(
            "user", {"displayName": name, "userPrincipalName": f"{name}@x.example".lower()}
        )

    def _add_group(self) -> None:
        self._tenant.add_object(
            "group",
            {
                "displayName": self._name(),
                "groupTypes": self._chance.choice([[], ["Unified"]]),
                "securityEnabled": True,
                "mailEnabled": False,
                "members": self._chance.sample(sorted(self._tenant.users), k=5),
            },
        )

    def _delete(self) -> None:
        objects = [*self._tenant.users, *self._tenant.groups, *self._tenant.service_principals]
        if object_id := self._one_of(objects):
            self._tenant.delete_object(object_id)

    def _restore(self) -> None:
        if object_id := self._one_of(self._tenant.deleted):
            self._tenant.restore_object(object_id)

    def _purge(self) -> None:
        if object_id := self._one_of(self._tenant.deleted):
            self._tenant.purge_object(object_id)

    def _assign(self) -> None:
        principal_id = self._one_of([*self._tenant.users, *self._tenant.groups])
        app_id = self._one_of(self._tenant.service_principals)
        if principal_id and app_id:
            self._tenant.add_assignment(principal_id, app_id)

    def _revoke(self) -> None:
        if assignment_id := self._one_of(self._tenant.assignments):
            self._tenant.remove_assignment(assignment_id)
