"""Listing leases."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, Caller, Person
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain.lease import Lease, LeaseState


@dataclass(frozen=True, slots=True)
class ListLeases:
    """A page of those that the caller may see."""

    caller: Caller
    size: int
    token: str
    state: LeaseState | None = None
    alarmed: bool = False


@dataclass(frozen=True, slots=True)
class LeaseLister:
    """Lists one's own; for administrators, auditors and services all."""

    leases: ports.Leases

    async def __call__(self, command: ListLeases) -> Page[Lease]:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        caller = command.caller
        user_id = None
        if isinstance(caller, Person) and not caller.may(ADMIN, AUDITOR):
            user_id = caller.user_id
        scope = ("leases", user_id or "", command.state or "", "alarmed" if command.alarmed else "")
        return await self.leases.page(
            PageRequest(command.size, command.token, scope),
            user_id=user_id,
            state=command.state,
            alarmed=command.alarmed,
        )
