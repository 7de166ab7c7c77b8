"""The steps of a plan, as policy gave them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Accept:
    """Approve."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """Deny."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """These people. None of them where an expression named nobody."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manager:
    """Somebody above the subject: 1 is their manager, 2 that one's."""

    level: int = 1


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
class UnknownApprovers:
    """A kind of approvers that this version does not know: nobody."""


Approvers = People | Manager | AppOwners | EntitlementOwners | GroupMembers | UnknownApprovers


@dataclass(frozen=True, slots=True)
class Remind:
    """Those who may decide are reminded."""


@dataclass(frozen=True, slots=True)
class Reassign:
    """Others decide instead."""

    approvers: Approvers


@dataclass(frozen=True, slots=True)
class Escalate:
    """Another policy decides."""

    policy_id: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The access request is denied."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """What happens when a step takes longer than `after`."""

    after: timedelta
    then: Remind | Reassign | Escalate | GiveUp


@dataclass(frozen=True, slots=True)
class Approval:
    """People decide. `needed` is how many must approve; with `all_of_them` everybody who may."""

    approvers: Approvers
    fallback: Approvers | None = None
    needed: int = 1
    all_of_them: bool = False
    reason_to_approve: bool = False
    reason_to_deny: bool = False
    distinct: bool = False
    no_reassignment: bool = False
    no_delegation: bool = False
    time_limit: TimeLimit | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes, or something becomes true: for `duration`, or until `condition`.

    A condition that is not true after `timeout` denies.
    """

    duration: timedelta | None = None
    condition: str = ""
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class UnknownStep:
    """A step of a kind that this version does not know."""


Step = Accept | Reject | Approval | Wait | UnknownStep


def approvers_in_words(approvers: Approvers) -> str:
    """Who may decide, for a sentence: "the subject's manager"."""
    match approvers:
        case People(user_ids):
            return "people who are named" if user_ids else "nobody, by the policy's expression"
        case Manager(1):
            return "the subject's manager"
        case Manager(2):
            return "the manager of the subject's manager"
        case Manager(level):
            return f"the subject's manager {level} levels up"
        case AppOwners():
            return "the app's owners"
        case EntitlementOwners():
            return "the entitlement's owners"
        case GroupMembers(group_id):
            return f"the members of {group_id}"
        case UnknownApprovers():
            return "approvers of an unknown kind"


def who_in_words(step: Approval) -> str:
    """Who has to approve a step, for a sentence: "2 of the app's owners"."""
    who = approvers_in_words(step.approvers)
    if step.all_of_them:
        return f"all of {who}"
    return who if step.needed == 1 else f"{step.needed} of {who}"


def step_in_words(step: Step) -> str:
    """What happens, for people to read."""
    match step:
        case Accept():
            return "approved at once"
        case Reject(message):
            return f"denied: {message}"
        case Approval() as it:
            return f"approved by {who_in_words(it)}"
        case Wait(duration, condition):
            if duration is not None:
                return f"waits for {length_in_words(duration)}"
            return f"waits until {condition}"
        case UnknownStep():
            return "a step of an unknown kind"


def length_in_words(length: timedelta) -> str:
    """A length of time as people say it: "4 hours", "1 day 12 hours"."""
    left, words = int(length.total_seconds()), []
    for name, seconds in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, seconds)
        if count:
            words.append(f"{count} {name}" + ("s" if count > 1 else ""))
    return " ".join(words) or "no time"
