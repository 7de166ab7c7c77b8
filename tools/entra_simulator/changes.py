"""What can change in a tenant, as facts that can be written down and applied again.

A change carries all that applying it needs, so the journal alone rebuilds the tenant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

GraphObject = dict[str, Any]

ObjectType = Literal["user", "group", "servicePrincipal"]
# `groupSchedule`: a membership that Entra ends by itself. `deltaTokens`: those of one stream.
ChangeKind = Literal[
    "groupMembership",
    "groupOwnership",
    "groupSchedule",
    "appRoleAssignment",
    "user",
    "group",
    "servicePrincipal",
    "deltaTokens",
]
ChangeAction = Literal["added", "removed", "updated", "reset", "expired"]


@dataclass(frozen=True)
class Reference:
    """A directory object as a reader of the journal wants to see it."""

    id: str
    type: ObjectType | Literal["schedule", "stream"]
    display_name: str | None

    def to_json(self) -> GraphObject:
        return {"id": self.id, "type": self.type, "displayName": self.display_name}

    @classmethod
    def from_json(cls, document: GraphObject) -> Reference:
        return cls(document["id"], document["type"], document["displayName"])


@dataclass(frozen=True)
class Change:
    """One change: `principal` got or lost `target`, or `target` itself came, changed or went.

    `detail` is the whole object as it now is: the assignment, the schedule, or the user, group or
    service principal; a group's members only where they are replaced. What went with an object
    that can be restored is its detail; one without detail is gone for good. A membership needs
    none, but for many that are added at once: their ids under `members`, and no principal.
    """

    kind: ChangeKind
    action: ChangeAction
    target: Reference
    principal: Reference | None = None
    detail: GraphObject | None = None

    def to_json(self) -> GraphObject:
        return {
            "kind": self.kind,
            "action": self.action,
            "principal": self.principal.to_json() if self.principal else None,
            "target": self.target.to_json(),
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, document: GraphObject) -> Change:
        principal = document["principal"]
        return cls(
            kind=cast(ChangeKind, document["kind"]),
            action=cast(ChangeAction, document["action"]),
            target=Reference.from_json(document["target"]),
            principal=Reference.from_json(principal) if principal else None,
            detail=document["detail"],
        )
