"""Listing leases."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, HELPDESK, Caller, Person
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain.lease import Lease, LeaseState
from services.requests.handlers.answering import manages, owns_app


@dataclass(frozen=True, slots=True)
class ListLeases:
    """A page of those that the caller may see."""

    caller: Caller
    size: int
    token: str
    state: LeaseState | None = None
    alarmed: bool = False
    app_id: str = ""
    subject_user_id: str = ""


@dataclass(frozen=True, slots=True)
class LeaseLister:
    """Lists one's own; those of an app for its owners, those of a person for their manager; all for
    administrators, auditors, the helpdesk and services."""

    leases: ports.Leases
    catalog: ports.Catalog

    async def __call__(self, command: ListLeases) -> Page[Lease]:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID.
            Unavailable: the catalog does not say what they answer for.
        """
        user_id = command.subject_user_id
        if not await self._sees(command):
            assert isinstance(command.caller, Person), "services see all"
            if user_id not in ("", command.caller.user_id):
                return Page((), "")
            user_id = command.caller.user_id
        scope = (
            "leases",
            user_id,
            command.app_id,
            command.state or "",
            "alarmed" if command.alarmed else "",
        )
        return await self.leases.page(
            PageRequest(command.size, command.token, scope),
            user_id=user_id,
            app_id=command.app_id,
            state=command.state,
            alarmed=command.alarmed,
        )

    async def _sees(self, command: ListLeases) -> bool:
        """Whether they see all of what they ask for; else only what of it is their own."""
        caller, subject_id = command.caller, command.subject_user_id
        if not isinstance(caller, Person) or caller.may(ADMIN, AUDITOR, HELPDESK):
            return True
        if subject_id == caller.user_id:
            return True
        if subject_id and await manages(self.catalog, caller, subject_id):
            return True
        return bool(command.app_id) and await owns_app(self.catalog, caller, command.app_id)
