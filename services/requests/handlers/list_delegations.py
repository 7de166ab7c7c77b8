"""Listing delegations."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.clock import Clock
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain.delegation import Delegation


@dataclass(frozen=True, slots=True)
class ListDelegations:
    """A page of those that the person may see."""

    person: Person
    size: int
    token: str


@dataclass(frozen=True, slots=True)
class DelegationLister:
    """Lists those by and to oneself that are not over; for administrators and auditors all."""

    delegations: ports.Delegations
    clock: Clock

    async def __call__(self, command: ListDelegations) -> Page[Delegation]:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        person = command.person
        user_id = None if person.may(ADMIN, AUDITOR) else person.user_id
        return await self.delegations.page(
            PageRequest(command.size, command.token, ("delegations", user_id or "")),
            user_id=user_id,
            at=self.clock.now(),
        )
