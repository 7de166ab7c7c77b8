"""What a person can do about what Entra refuses the connector, in words for an app's owner.

One table says for each of the connector's reasons what can be done to deliver. What it does not
name can be done by hand where the connector says that a person helps, and not at all where it says
that nothing does; nor can a delivery of which one target is beyond help. What is to be removed can
be removed by hand whatever the reason is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.requests.domain.delivery import Delivery, Remedy, TargetAnswer
from services.requests.domain.person import PersonRef
from services.requests.domain.target import GroupMembership, Target
from services.requests.domain.task import TaskKind, TaskTarget

_THEN = "Then complete this task: Latchkey looks in Entra whether it is so."


@dataclass(frozen=True, slots=True)
class _Case:
    """Who shall have, or shall no longer have, which target of which app."""

    kind: TaskKind
    target: Target
    person: str
    app: str

    @property
    def what(self) -> str:
        """The target, so that it can be found in Entra."""
        name = self.target.display_name or self.target.directory_entitlement_id
        kind = self.target.kind
        if isinstance(kind, GroupMembership):
            name = name.removeprefix("member of ")
            return f"the group {name} (object id {kind.entra_group_id})"
        return (
            f"the {name} (app role {kind.entra_app_role_id} of the service principal "
            f"{kind.entra_service_principal_id})"
        )

    @property
    def by_hand(self) -> str:
        """How it is done in the Entra admin center."""
        adds = self.kind is TaskKind.DELIVER
        if isinstance(self.target.kind, GroupMembership):
            act = "add" if adds else "remove"
            way = f"under Groups, open {self.what}, and under Members {act} {self.person}"
        else:
            act = "choose Add user/group, and assign" if adds else "remove"
            to = "to" if adds else "from"
            way = (
                f"under Enterprise applications, open {self.app}, and under Users and groups {act} "
                f"{self.what} {to} {self.person}"
            )
        return f"in the Entra admin center, {way}."


def _where_mastered(case: _Case) -> str:
    done = "is a member" if case.kind is TaskKind.DELIVER else "is no longer a member"
    return (
        f"The members of {case.what} are not changed through Microsoft Graph but where the group "
        "is mastered: in the local Active Directory when it is synced from there, in the Exchange "
        "admin center when it is mail-enabled, in its membership rule or in what the rule looks at "
        "when it is dynamic, in the Entra admin center when roles of Entra may be assigned to it. "
        f"See to it there that {case.person} {done}, and wait until Entra shows it."
    )


def _permission(case: _Case) -> str:
    return (
        "Latchkey's app registration lacks the permission, or a protection of the directory keeps "
        f"it out. Have an administrator of Entra grant it, or do it by hand: {case.by_hand}"
    )


def _sign_in(case: _Case) -> str:
    return (
        "Entra does not let Latchkey sign in: its credentials have expired or were withdrawn, so "
        f"it can't see either whether {case.person} has {case.what}. Have an administrator of "
        f"Latchkey put new ones in place for the connection {case.target.connection_id}."
    )


def _groups_only(case: _Case) -> str:
    return (
        f"The connection {case.target.connection_id} is for group memberships only, and "
        f"{case.what} is an app role. Have an administrator of Latchkey let the connection assign "
        f"app roles, so that {case.person} can be given it."
    )


def _not_listed(case: _Case) -> str:
    return (
        f"Latchkey does not count {case.what} among what this entitlement of {case.app} brings, or "
        "not as it was approved. Put that right in Latchkey (link it again, manage the app again, "
        f"let the connection assign app roles) if {case.person} is to have it, or else revoke the "
        "lease and let them ask anew."
    )


def _no_connection(case: _Case) -> str:
    return (
        f"There is no connection {case.target.connection_id} by which {case.person} could be given "
        f"{case.what}. Have an administrator of Latchkey connect the tenant again, or else revoke "
        "the lease."
    )


def _by_hand(case: _Case) -> str:
    return (
        "Entra refuses this from Latchkey; the failure message says why. Put that right, or do it "
        f"by hand: {case.by_hand}"
    )


_Words = Callable[[_Case], str]
_BEYOND_HELP = frozenset(
    {
        "no_targets",
        "principal_not_found",
        "principal_mismatch",
        "user_not_found",
        "entitlement_not_found",
        "app_role_not_found",
        "target_not_found",
        "target_protected",
    }
)
_EITHER_WAY: dict[str, _Words] = {
    "group_not_writable": _where_mastered,
    "permission_missing": _permission,
    "sign_in_refused": _sign_in,
    "directory_refused": _by_hand,
}
_TO_DELIVER: dict[str, _Words] = {
    **_EITHER_WAY,
    "groups_only": _groups_only,
    "target_not_listed": _not_listed,
    "connection_not_found": _no_connection,
}


def to_deliver(
    delivery: Delivery, targets: Sequence[Target], subject: PersonRef, app: str
) -> tuple[TaskTarget, ...]:
    """What somebody can do so that a failed delivery succeeds; nothing when that is beyond help.

    A delivery that was refused as a whole names no target: then it is all of the lease's.
    """
    refused = delivery.refused or tuple(
        TargetAnswer(
            each,
            "",
            False,
            None,
            failure_reason=delivery.failure_reason,
            failure_message=delivery.failure_message,
            remedy=delivery.remedy,
        )
        for each in targets
        if delivery.failure_reason != "groups_only" or not isinstance(each.kind, GroupMembership)
    )
    found = [_task_target(TaskKind.DELIVER, each, subject, app) for each in refused]
    return tuple(each for each in found if each is not None) if all(found) else ()


def to_remove(delivery: Delivery, subject: PersonRef, app: str) -> tuple[TaskTarget, ...]:
    """What somebody can do about an end that Entra refuses; nothing while it does not."""
    found = (_task_target(TaskKind.REMOVE, each, subject, app) for each in delivery.refused)
    return tuple(each for each in found if each is not None)


def _task_target(
    kind: TaskKind, refused: TargetAnswer, subject: PersonRef, app: str
) -> TaskTarget | None:
    words = _words(kind, refused.failure_reason, refused.remedy)
    if words is None:
        return None
    person = f"{subject.display_name or subject.user_id} (object id {subject.entra_object_id})"
    case = _Case(kind, refused.target, person, app)
    return TaskTarget(
        refused.target,
        refused.failure_reason,
        refused.failure_message,
        f"{words(case)} {_THEN}",
    )


def _words(kind: TaskKind, reason: str, remedy: Remedy) -> _Words | None:
    if kind is TaskKind.REMOVE:
        return _EITHER_WAY.get(reason, _by_hand)
    if reason in _BEYOND_HELP:
        return None
    return _TO_DELIVER.get(reason, _by_hand if remedy is Remedy.NEEDS_PERSON else None)
