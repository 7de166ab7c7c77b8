"""Answering what a request for an entitlement needs to know."""

from dataclasses import dataclass

from services.catalog.domain.resolution import Resolution, resolve
from services.catalog.domain.settings import Defaults
from services.catalog.ports import Offers


@dataclass(frozen=True, slots=True)
class Query:
    """May this requester ask for this entitlement, for this subject?"""

    entitlement_id: str
    requester_user_id: str
    subject_user_id: str
    include_holdings: bool = False


@dataclass(frozen=True, slots=True)
class ResolveEntitlement:
    """Resolves an entitlement for a requester and a subject."""

    offers: Offers
    deployment: Defaults

    async def __call__(self, query: Query) -> Resolution:
        """Everything that the request needs.

        Raises:
            NotAllowed: PERSON_NOT_IN_DIRECTORY.
            WrongState: PERSON_DISABLED, APP_REMOVED, ENTITLEMENT_REMOVED, NOT_PROVISIONABLE,
                GROUP_NOT_WRITABLE.
            NotFound: ENTITLEMENT_NOT_FOUND, USER_NOT_FOUND.
        """
        asked = (query.entitlement_id, query.requester_user_id, query.subject_user_id)
        question = await self.offers.question(*asked, include_holdings=query.include_holdings)
        return resolve(question, *asked, self.deployment)
