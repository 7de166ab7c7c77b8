"""Answering whom sources of approvers stand for."""

from dataclasses import dataclass

from services.catalog.domain import errors
from services.catalog.domain.approvers import Approvers, Source, approvers_of
from services.catalog.ports import ApproverSources


@dataclass(frozen=True, slots=True)
class Query:
    """Who may approve this entitlement for this subject, of these sources?"""

    entitlement_id: str
    subject_user_id: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ResolveApprovers:
    """Resolves sources of approvers, whatever else stands against a request."""

    sources: ApproverSources

    async def __call__(self, query: Query) -> tuple[Approvers, ...]:
        """One answer a source, in the order asked.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND, USER_NOT_FOUND.
        """
        around = await self.sources.around(
            query.sources,
            entitlement_id=query.entitlement_id,
            subject_user_id=query.subject_user_id,
        )
        if around is None:
            raise errors.entitlement_not_found(query.entitlement_id)
        if around.subject is None:
            raise errors.user_not_found(query.subject_user_id, "subject_user_id")
        return tuple(approvers_of(source, around) for source in query.sources)
