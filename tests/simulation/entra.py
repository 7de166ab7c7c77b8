"""A tenant that keeps a journal of every change of what people hold in it, and of who made it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from services.connector.domain.target import AppRoleGrant, GroupMembership
from services.connector.entra.answer import Call
from tests.fakes.graph_model import Found, GraphModel

Kind = GroupMembership | AppRoleGrant
LATCHKEY, HAND = "latchkey", "hand"


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody came to hold something in Entra, or holds it no more."""

    time: datetime
    by: str
    added: bool
    person: str
    kind: Kind


class Tenant(GraphModel):
    """One tenant. `journal` is what changed in it, `now` says when."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.journal: list[Changed] = []

    def holds(self, person: str, kind: Kind) -> bool:
        """Whether somebody, by their object id, holds it."""
        if isinstance(kind, GroupMembership):
            return (kind.entra_group_id, person) in self.members
        return self.assigned(person, kind.entra_service_principal_id, kind.entra_app_role_id)

    def add_by_hand(self, person: str, kind: Kind) -> bool:
        """An administrator gives it, past Latchkey. False where it is held already."""
        if self.holds(person, kind):
            return False
        if isinstance(kind, GroupMembership):
            self.members.add((kind.entra_group_id, person))
        else:
            self.assign(person, kind.entra_service_principal_id, kind.entra_app_role_id)
        self._note(HAND, True, person, kind)
        return True

    def remove_by_hand(self, person: str, kind: Kind) -> bool:
        """An administrator takes it away, past Latchkey. False where it is not held."""
        if not self.holds(person, kind):
            return False
        if isinstance(kind, GroupMembership):
            self.members.discard((kind.entra_group_id, person))
        else:
            wanted = (person, kind.entra_service_principal_id, kind.entra_app_role_id)
            self.assignments = {id: it for id, it in self.assignments.items() if it != wanted}
        self._note(HAND, False, person, kind)
        return True

    def _note(self, by: str, added: bool, person: str, kind: Kind) -> None:
        self.journal.append(Changed(self._now(), by, added, person, kind))

    def _joined(self, group: str, users: list[str]) -> Found:
        if (refusal := self._refusal(group, users)) is not None:
            return refusal
        for user in users:
            self._note(LATCHKEY, True, user, GroupMembership(group))
        return super()._joined(group, users)

    def _leave(self, call: Call, group: str, user: str) -> Found:
        if (group, user) in self.members:
            self._note(LATCHKEY, False, user, GroupMembership(group))
        return super()._leave(call, group, user)

    def _assign(self, call: Call, app: str) -> Found:
        body: dict[str, Any] = dict(call.body or {})
        role = (body["principalId"], body["resourceId"], body["appRoleId"])
        if role not in self.assignments.values():
            self._note(LATCHKEY, True, role[0], AppRoleGrant(app, role[2]))
        return super()._assign(call, app)

    def _unassign(self, call: Call, app: str, id: str) -> Found:
        found = self.assignments.get(unquote(id))
        if found is not None:
            self._note(LATCHKEY, False, found[0], AppRoleGrant(found[1], found[2]))
        return super()._unassign(call, app, id)
