"""The tenant, and the changes somebody makes to it by hand.

The Graph routes apply only what `rules` lets through. The methods here are for tests: they do
what an administrator does in the portal, ask no rules, and are journalled as nobody's call.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from tools.entra_simulator.changes import Change, GraphObject, ObjectType, Reference
from tools.entra_simulator.directory import NO_ROLE, Directory, utc_now
from tools.entra_simulator.tenant_file import TenantDocument


class Tenant(Directory):
    """A directory that can also be changed by hand."""

    def __init__(self, document: TenantDocument, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(document, clock)
        self._on_change_by_hand: Callable[[Change], None] = lambda change: None

    def on_change_by_hand(self, listener: Callable[[Change], None]) -> None:
        self._on_change_by_hand = listener

    def add_member(self, group_id: str, member_id: str) -> None:
        self._by_hand([self.membership("added", group_id, member_id)])

    def remove_member(self, group_id: str, member_id: str) -> None:
        self._by_hand([self.membership("removed", group_id, member_id)])

    def add_assignment(
        self, principal_id: str, resource_id: str, app_role_id: str = NO_ROLE
    ) -> GraphObject:
        change = self.assignment_added(principal_id, resource_id, app_role_id)
        self._by_hand([change])
        return self.assignments[(change.detail or {})["id"]]

    def remove_assignment(self, assignment_id: str) -> None:
        self._by_hand([self.assignment_removed(assignment_id)])

    def add_object(self, type: ObjectType, properties: Mapping[str, Any]) -> GraphObject:
        """Adds a user, group or service principal, written as in a tenant file."""
        detail = {"id": str(uuid.uuid4()), **properties}
        reference = Reference(detail["id"], type, detail.get("displayName"))
        self._by_hand([Change(kind=type, action="added", target=reference, detail=detail)])
        return self.objects(type)[detail["id"]]

    def update_object(self, object_id: str, properties: Mapping[str, Any]) -> GraphObject:
        """Replaces the given properties. Members change through `add_member` instead."""
        reference = self._reference(object_id)
        detail = {**self.objects(reference.type)[object_id], **properties}
        if reference.type == "group":
            detail["members"] = self.members_of(object_id)
        change = Change(kind=reference.type, action="updated", target=reference, detail=detail)
        self._by_hand([change])
        return self.objects(reference.type)[object_id]

    def delete_object(self, object_id: str) -> None:
        """Deletes a user, group or service principal, and with it all that it held or was.

        Entra takes a deleted user out of its groups and assignments at once.
        Source: Microsoft Learn, "Restore or remove a recently deleted user".
        """
        reference = self._reference(object_id)
        changes = [
            self.membership("removed", group_id, object_id)
            for group_id, members in self._members.items()
            if object_id in members
        ]
        changes += [self.assignment_removed(held["id"]) for held in self.assignments_of(object_id)]
        changes.append(Change(kind=reference.type, action="removed", target=reference))
        self._by_hand(changes)

    def _by_hand(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.apply(change)
            self._on_change_by_hand(change)
