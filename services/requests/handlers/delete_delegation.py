"""Ending a delegation: when somebody says so, or when one of the two is gone."""

from dataclasses import dataclass

from libs.domain.callers import Caller, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import deciding_errors, facts
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.delegation import Delegation


@dataclass(frozen=True, slots=True)
class DeleteDelegation:
    """Somebody ends a delegation."""

    person: Person
    delegation_id: str


@dataclass(frozen=True, slots=True)
class DelegationDeleter:
    """Ends delegations before their time."""

    delegations: ports.Delegations
    clock: Clock

    async def __call__(self, command: DeleteDelegation) -> Outcome[None]:
        """
        Raises:
            NotFound: DELEGATION_NOT_FOUND.
            NotAllowed: the person may see it only.
        """
        time = self.clock.now()
        seen = await self.delegations.get(command.delegation_id)
        if seen is None or seen.is_over(time) or not seen.visible_to(command.person):
            raise deciding_errors.delegation_not_found(command.delegation_id)
        seen.check_deletable_by(command.person)
        return Outcome(None, _change(self.delegations, command.person, "", seen, seen.end(time)))


@dataclass(frozen=True, slots=True)
class DelegationEnder:
    """Ends delegations by or to somebody who is gone."""

    delegations: ports.Delegations
    clock: Clock

    async def __call__(self, delegation_id: str, reason: str) -> Outcome[None]:
        """Does nothing for one that is over."""
        time = self.clock.now()
        seen = await self.delegations.get(delegation_id)
        if seen is None or seen.is_over(time):
            return Outcome(None)
        return Outcome(None, _change(self.delegations, REQUESTS, reason, seen, seen.end(time)))


def _change(
    delegations: ports.Delegations, actor: Caller, reason: str, seen: Delegation, ended: Delegation
) -> Change:
    body = facts.DelegationDeleted(ended.delegation_id, actor)
    return Change(
        AuditEntry(
            actor,
            "delegation.deleted",
            ended.delegation_id,
            reason,
            {
                "delegator_user_id": ended.delegator.user_id,
                "delegate_user_id": ended.delegate.user_id,
                # When it would have ended by itself.
                "end_time": seen.period.end.isoformat(),
            },
        ),
        (delegations.changed(ended, seen=seen.version),),
        (Fact(ended.delegation_id, ended.version, body),),
    )
