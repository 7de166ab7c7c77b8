"""Reading one access request."""

from dataclasses import dataclass

from libs.domain.callers import Person
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.access_request import AccessRequest


@dataclass(frozen=True, slots=True)
class AccessRequestReader:
    """Finds an access request for those who may see it by themselves."""

    access_requests: ports.AccessRequests

    async def __call__(self, person: Person, access_request_id: str) -> AccessRequest:
        """
        Raises:
            NotFound: there is none, or it is none of theirs: they can't tell.
        """
        found = await self.access_requests.get(access_request_id)
        if found is None or not found.visible_to(person):
            raise errors.access_request_not_found(access_request_id)
        return found
