"""One thing that is done to one policy: what comes of it for the ledger, whoever does it."""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Fact
from services.policy.domain.facts import PolicyCreated, PolicyDeleted, PolicyUpdated
from services.policy.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Edit:
    """A policy before, none for a new one, and after: its next version, or the same deleted."""

    before: Policy | None
    after: Policy

    @classmethod
    def deletion(cls, policy: Policy, delete_time: datetime) -> "Edit":
        """The policy is deleted in the version that it has."""
        return cls(policy, replace(policy, delete_time=delete_time))

    @property
    def deletes(self) -> bool:
        """Whether the policy is deleted."""
        return self.after.delete_time is not None

    def fact(self, actor: Caller) -> Fact:
        """What happened, for the events."""
        policy, version = self.after, self.after.version
        body: object
        if self.deletes:
            # A deletion makes no version, and comes after the last of them.
            version += 1
            body = PolicyDeleted(policy.policy_id, policy.display_name, policy.version, actor)
        else:
            kind = PolicyCreated if self.before is None else PolicyUpdated
            body = kind(policy.policy_id, policy.display_name, policy.version, policy.digest, actor)
        return Fact(policy.policy_id, version, body)

    def audit(self, actor: Caller, reason: str = "") -> AuditEntry:
        """What is kept of it, with the digest before and after where there are both."""
        policy, before = self.after, self.before
        details: dict[str, object] = {
            "display_name": policy.display_name,
            "version": policy.version,
            "digest": policy.digest,
        }
        action = "policy.created" if before is None else "policy.deleted"
        if before is not None and not self.deletes:
            action = "policy.updated"
            details["previous_digest"] = before.digest
            details["changed"] = [
                name
                for name in ("display_name", "description", "content")
                if getattr(before, name) != getattr(policy, name)
            ]
        return AuditEntry(actor, action, policy.policy_id, reason, details)
