"""Listing access requests."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain.access_request import AccessRequest, AccessRequestState


@dataclass(frozen=True, slots=True)
class ListAccessRequests:
    """A page of those that the person may see; an empty `app_id` stands for every app."""

    person: Person
    size: int
    token: str
    state: AccessRequestState | None = None
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class AccessRequestLister:
    """Lists one's own; for administrators and auditors all."""

    access_requests: ports.AccessRequests

    async def __call__(self, command: ListAccessRequests) -> Page[AccessRequest]:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        person = command.person
        user_id = None if person.may(ADMIN, AUDITOR) else person.user_id
        scope = ("access_requests", user_id or "", command.state or "", command.app_id)
        return await self.access_requests.page(
            PageRequest(command.size, command.token, scope),
            user_id=user_id,
            state=command.state,
            app_id=command.app_id,
        )
