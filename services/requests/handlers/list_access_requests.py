"""Listing access requests."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.clock import Clock
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.access_request import AccessRequest, AccessRequestState


@dataclass(frozen=True, slots=True)
class ListAccessRequests:
    """A page of those that the person may see; an empty `app_id` stands for every app.

    With `approver_user_id` those that wait for that person to decide.
    """

    person: Person
    size: int
    token: str
    state: AccessRequestState | None = None
    app_id: str = ""
    approver_user_id: str = ""
    emergency_review_open: bool = False


@dataclass(frozen=True, slots=True)
class AccessRequestLister:
    """Lists one's own, or what one has to decide; for administrators and auditors all."""

    access_requests: ports.AccessRequests
    delegations: ports.Delegations
    clock: Clock

    async def __call__(self, command: ListAccessRequests) -> Page[AccessRequest]:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID.
            NotAllowed: the inbox is another's.
        """
        person, approver = command.person, command.approver_user_id
        sees_all = person.may(ADMIN, AUDITOR)
        if approver not in ("", person.user_id) and not sees_all:
            raise errors.not_theirs_to_see(person, "that person, administrators and auditors")
        inbox: tuple[str, ...] = ()
        if approver:
            others = await self.delegations.delegators_of(approver, self.clock.now())
            inbox = (approver, *(each.user_id for each in others))
        user_id = None if sees_all else person.user_id
        scope = (
            "access_requests",
            user_id or "",
            command.state or "",
            command.app_id,
            approver,
            "review" if command.emergency_review_open else "",
        )
        return await self.access_requests.page(
            PageRequest(command.size, command.token, scope),
            user_id=user_id,
            state=command.state,
            app_id=command.app_id,
            inbox=inbox,
            review_open=command.emergency_review_open,
        )
