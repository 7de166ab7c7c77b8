"""What a policy says is to be done: steps, and who may decide in them.

Approvers are sources, such as the subject's manager, and not yet people: who they are is looked up
by the requests service when a step begins, and again whenever somebody decides.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class People:
    """These people. In a plan there may be none, where an expression named nobody: then nobody
    may decide, and the step is not skipped."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manager:
    """Somebody above the subject."""

    level: int = 1
    """1 is the subject's manager, 2 that one's; at most 5."""


@dataclass(frozen=True, slots=True)
class AppOwners:
    """Who answers for the app."""


@dataclass(frozen=True, slots=True)
class EntitlementOwners:
    """Who answers for the entitlement."""


@dataclass(frozen=True, slots=True)
class GroupMembers:
    """The direct members of a group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class Expression:
    """Whoever an expression names. A plan holds the people in its place."""

    expression: str


Approvers = People | Manager | AppOwners | EntitlementOwners | GroupMembers | Expression


@dataclass(frozen=True, slots=True)
class Remind:
    """Those who may decide are reminded."""


@dataclass(frozen=True, slots=True)
class Reassign:
    """Others decide instead."""

    approvers: Approvers


@dataclass(frozen=True, slots=True)
class Escalate:
    """Another policy decides, from its first step on."""

    policy_id: str


@dataclass(frozen=True, slots=True)
class Deny:
    """The access request is denied."""


Then = Remind | Reassign | Escalate | Deny


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """What happens when a step takes too long. Nothing that happens is an approval."""

    after: timedelta
    """From when the step begins."""
    then: Then


@dataclass(frozen=True, slots=True)
class Accept:
    """Approve. Final."""

    message: str = ""

    @property
    def is_final(self) -> bool:
        """Whether no step may follow."""
        return True


@dataclass(frozen=True, slots=True)
class Reject:
    """Deny. Final."""

    message: str

    @property
    def is_final(self) -> bool:
        """Whether no step may follow."""
        return True


@dataclass(frozen=True, slots=True)
class Approval:
    """People decide: one denial denies, and as many as are needed approve."""

    approvers: Approvers
    fallback: Approvers | None = None
    """Who may decide when too few of `approvers` can."""
    needed: int = 1
    """How many must approve; says nothing where `all` do."""
    all: bool = False
    reason_to_approve: bool = False
    reason_to_deny: bool = False
    distinct: bool = False
    """Who approved an earlier step may not decide this one."""
    no_reassignment: bool = False
    no_delegation: bool = False
    time_limit: TimeLimit | None = None

    @property
    def is_final(self) -> bool:
        """Whether no step may follow."""
        return False

    @property
    def sources(self) -> tuple[tuple[str, Approvers], ...]:
        """Everybody who may come to decide, each with the path of the field that says so."""
        named: list[tuple[str, Approvers]] = [("approvers", self.approvers)]
        if self.fallback is not None:
            named.append(("fallback", self.fallback))
        if self.time_limit is not None and isinstance(self.time_limit.then, Reassign):
            named.append(("time_limit.reassign", self.time_limit.then.approvers))
        return tuple(named)


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes, or something becomes true: `duration` or `condition` is given."""

    duration: timedelta | None = None
    condition: str = ""
    timeout: timedelta | None = None
    """With a condition: after so long the access request is denied."""

    @property
    def is_final(self) -> bool:
        """Whether no step may follow."""
        return False


Step = Accept | Reject | Approval | Wait
