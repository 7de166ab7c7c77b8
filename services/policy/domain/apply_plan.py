"""What making policies as a document says comes to."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from services.policy.domain.content import Content
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class DocumentPolicy:
    """A policy as a document has it. The ids of policies that its content escalates to stand for
    names until the names are looked up."""

    display_name: str
    description: str
    content: Content


class Action(Enum):
    """What happens to a policy. The values are those of the contract."""

    NONE = 1
    CREATE = 2
    UPDATE = 3
    DELETE = 4


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One policy before, none for a new one, and after."""

    before: Policy | None
    after: Policy

    @property
    def action(self) -> Action:
        """What happens to it."""
        if self.before is None:
            return Action.CREATE
        if self.after.delete_time is not None:
            return Action.DELETE
        return Action.NONE if self.after == self.before else Action.UPDATE


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """Everything that would happen, in the order of the document, deletions last."""

    changes: tuple[PolicyChange, ...]
    digest: str
    """Names these changes to the policies as they are."""
    names_before: Mapping[str, str]
    """By their ids, of the policies that others escalate to."""
    names_after: Mapping[str, str]

    @property
    def edits(self) -> list[Edit]:
        """What has to be done for it."""
        return [
            Edit(change.before, change.after)
            for change in self.changes
            if change.action is not Action.NONE
        ]


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan, and whether it was carried out."""

    plan: ApplyPlan
    applied: bool


def digest_of(
    document: str,
    delete_others: bool,
    changes: Iterable[PolicyChange],
    escalations: Mapping[str, str],
) -> str:
    """What names a plan, in hex.

    Args:
        escalations: the ids of the policies that the document escalates to and that are there
            already, by their names.
    """
    seen = [
        [change.action.name, change.before.policy_id, change.before.version]
        for change in changes
        if change.before is not None
    ]
    text = json.dumps([document, delete_others, seen, sorted(escalations.items())])
    return hashlib.sha256(text.encode()).hexdigest()
