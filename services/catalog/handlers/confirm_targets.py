"""Saying whether targets may be written to the directory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.errors import NotFound
from services.catalog.domain import errors
from services.catalog.domain.directory import User
from services.catalog.domain.resolution import ConfirmedTarget, confirm
from services.catalog.ports import Offers


@dataclass(frozen=True, slots=True)
class Query:
    """Are these targets part of what the entitlement provisions, and does the person hold them?"""

    entitlement_id: str
    subject_user_id: str
    directory_entitlement_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One answer a target, in the order asked."""

    targets: tuple[ConfirmedTarget, ...]
    subject: User


@dataclass(frozen=True, slots=True)
class ConfirmTargets:
    """Confirms targets."""

    offers: Offers

    async def several(self, queries: Sequence[Query]) -> list[Confirmed | NotFound]:
        """An answer to each, in their order."""

        async def answer(query: Query) -> Confirmed | NotFound:
            try:
                return await self(query)
            except NotFound as problem:
                return problem

        return await asyncio.gather(*map(answer, queries))

    async def __call__(self, query: Query) -> Confirmed:
        """What the catalog knows of each target.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND, USER_NOT_FOUND.
        """
        offer, subject, held = await self.offers.for_write(
            query.entitlement_id, query.subject_user_id, query.directory_entitlement_ids
        )
        if offer is None:
            raise errors.entitlement_not_found(query.entitlement_id)
        if subject is None:
            raise errors.user_not_found(query.subject_user_id, "subject_user_id")
        return Confirmed(confirm(offer, query.directory_entitlement_ids, held), subject)
