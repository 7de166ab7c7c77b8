"""Naming a delegate."""

from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import deciding_errors, facts
from services.requests.domain.delegation import (
    MOST_ON_THE_WAY,
    Delegation,
    Look,
    Period,
    check_may_name,
    too_far,
)
from services.requests.domain.person import PersonRef


@dataclass(frozen=True, slots=True)
class CreateDelegation:
    """Somebody names who decides in their place, or an administrator for them."""

    person: Person
    delegator_user_id: str
    delegate_user_id: str
    start_time: datetime | None
    end_time: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DelegationCreator:
    """Makes delegations."""

    delegations: ports.Delegations
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, command: CreateDelegation) -> Outcome[Delegation]:
        """
        Raises:
            Invalid: FIELD_INVALID.
            NotAllowed: CALLER_NOT_ALLOWED.
            NotFound: DELEGATE_NOT_FOUND.
            AlreadyExists: DELEGATION_EXISTS.
            WrongState: DELEGATION_LOOP.
            Unavailable: the catalog does not answer.
        """
        time = self.clock.now()
        check_may_name(command.person, command.delegator_user_id, command.delegate_user_id)
        period = Period.ahead(command.start_time, command.end_time, time)
        delegation = Delegation.create(
            new_id("dlg"),
            delegator=await self._enabled(command.delegator_user_id),
            delegate=await self._enabled(command.delegate_user_id),
            period=period,
            reason=command.reason,
            time=time,
        )
        seen = await self._look_along(delegation)
        body = facts.DelegationCreated(
            delegation_id=delegation.delegation_id,
            delegator_user_id=delegation.delegator.user_id,
            delegate_user_id=delegation.delegate.user_id,
            start_time=period.start,
            end_time=period.end,
            actor=command.person,
        )
        audit = AuditEntry(
            command.person,
            "delegation.created",
            delegation.delegation_id,
            delegation.reason,
            {
                "delegator_user_id": delegation.delegator.user_id,
                "delegate_user_id": delegation.delegate.user_id,
                "start_time": period.start.isoformat(),
                "end_time": period.end.isoformat(),
            },
        )
        writes = tuple(self.delegations.added(delegation, seen=seen))
        fact = Fact(delegation.delegation_id, delegation.version, body)
        return Outcome(delegation, Change(audit, writes, (fact,)))

    async def _enabled(self, user_id: str) -> PersonRef:
        if (found := await self.catalog.enabled_person(user_id)) is None:
            raise deciding_errors.delegate_not_found(user_id)
        return found

    async def _look_along(self, delegation: Delegation) -> list[Look]:
        """Goes from delegate to delegate, and gives all that was looked at on the way.

        There is an end to it: at each moment everybody has one delegate, and nobody comes twice.

        Raises:
            AlreadyExists: DELEGATION_EXISTS.
            WrongState: DELEGATION_LOOP.
            Invalid: FIELD_INVALID, when there is too much of it.
        """
        delegator = delegation.delegator.user_id
        first = await self.delegations.look(delegator, delegation.period)
        first.check_free()
        looks, ways = [first], [(delegation.delegate.user_id, delegation.period)]
        while ways:
            if len(looks) + len(ways) > MOST_ON_THE_WAY + 2:
                raise too_far()
            look = await self.delegations.look(*ways.pop())
            looks.append(look)
            ways.extend(look.onward(delegator))
        return looks
