"""The tenant, and the changes somebody makes to it by hand.

The Graph routes apply only what `rules` lets through. The methods here are for tests: they do
what an administrator does in the portal, ask no rules, and are journalled as nobody's call.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from tools.entra_simulator import proposals
from tools.entra_simulator.changes import Change, ChangeAction, GraphObject, ObjectType, Reference
from tools.entra_simulator.directory import NO_ROLE, Directory
from tools.entra_simulator.identifiers import utc_now
from tools.entra_simulator.journal import Source
from tools.entra_simulator.tenant_file import TenantDocument

# Changes by hand that are made together stand in entries of the journal of up to so many.
_TOGETHER = 1_000


class Tenant(Directory):
    """A directory that can also be changed by hand, and that others can follow."""

    def __init__(self, document: TenantDocument, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(document, clock)
        self._journal: Callable[[Source, Sequence[Change]], None] = lambda source, changes: None
        self._followers: list[Callable[[Change], None]] = []

    def journal_to(self, listener: Callable[[Source, Sequence[Change]], None]) -> None:
        """The listener hears of every change that no call made."""
        self._journal = listener

    def follow(self, follower: Callable[[Change], None]) -> None:
        """The follower hears of every change just before it becomes true."""
        self._followers.append(follower)

    def apply(self, change: Change) -> None:
        for follower in self._followers:
            follower(change)
        super().apply(change)

    # By hand

    def add_member(self, group_id: str, member_id: str) -> None:
        self._by_hand([proposals.membership(self, "added", group_id, member_id)])

    def add_members(self, group_id: str, member_ids: Iterable[str]) -> None:
        """Many at once, as one change."""
        target, ids = self.reference(group_id), list(member_ids)
        detail = {"members": ids}
        if ids:
            self._by_hand([Change("groupMembership", "added", target, detail=detail)])

    def remove_member(self, group_id: str, member_id: str) -> None:
        self._by_hand([proposals.membership(self, "removed", group_id, member_id)])

    def add_assignment(
        self, principal_id: str, resource_id: str, app_role_id: str = NO_ROLE
    ) -> GraphObject:
        change = proposals.assignment_added(self, principal_id, resource_id, app_role_id)
        self._by_hand([change])
        return self.assignments[(change.detail or {})["id"]]

    def remove_assignment(self, assignment_id: str) -> None:
        self._by_hand([proposals.assignment_removed(self, assignment_id)])

    def add_object(self, type: ObjectType, properties: Mapping[str, Any]) -> GraphObject:
        """Adds a user, group or service principal, written as in a tenant file."""
        return self.add_objects(type, [properties])[0]

    def add_objects(
        self, type: ObjectType, listed: Iterable[Mapping[str, Any]]
    ) -> list[GraphObject]:
        """Many at once."""
        details = [{"id": str(uuid.uuid4()), **properties} for properties in listed]
        self._together(
            Change(
                type, "added", Reference(found["id"], type, found.get("displayName")), None, found
            )
            for found in details
        )
        return [self.objects(type)[found["id"]] for found in details]

    def update_object(self, object_id: str, properties: Mapping[str, Any]) -> GraphObject:
        """Replaces the given properties. Members change through `add_member` instead."""
        type, found = self.find(object_id) or (None, {})
        reference = self.reference(object_id)
        assert type is not None
        detail = {**found, **properties}
        self._by_hand([Change(kind=type, action="updated", target=reference, detail=detail)])
        return self.objects(type)[object_id]

    def delete_object(self, object_id: str) -> None:
        """Deletes a user, group or service principal, and with it all that it held or was.

        Users, service principals and Microsoft 365 groups can be restored until they are purged.
        """
        self._by_hand(proposals.deletion(self, object_id))

    def restore_object(self, object_id: str) -> GraphObject:
        """Brings back what `delete_object` took, with what it held. Raises `KeyError`."""
        self._by_hand(proposals.restoration(self, object_id))
        return (self.find(object_id) or ("user", {}))[1]

    def purge_object(self, object_id: str) -> None:
        """Makes a deletion final, as Entra does after 30 days. Raises `KeyError`."""
        self._by_hand([proposals.purge(self, object_id)])

    def end_delta_tokens(self, stream: str, *, expired: bool) -> None:
        """Every token that a delta query of this stream has given out is refused from now on."""
        action: ChangeAction = "expired" if expired else "reset"
        self._by_hand([Change("deltaTokens", action, Reference(stream, "stream", None))])

    # By Entra itself

    def enforce_schedules(self) -> None:
        """Ends the memberships whose time is over."""
        if not self.schedules:
            return
        now = self.clock()
        for schedule in list(self.schedules.values()):
            if schedule["end"] is not None and datetime.fromisoformat(schedule["end"]) <= now:
                self._change("entra", proposals.schedule_ended(self, schedule))

    def _by_hand(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._change("hand", [change])

    def _together(self, changes: Iterable[Change]) -> None:
        remaining = iter(changes)
        while some := list(islice(remaining, _TOGETHER)):
            self._change("hand", some)

    def _change(self, source: Source, changes: Sequence[Change]) -> None:
        for change in changes:
            self.apply(change)
        if changes:
            self._journal(source, changes)
