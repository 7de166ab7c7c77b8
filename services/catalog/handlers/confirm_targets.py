"""Saying whether targets may be written to the directory."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.errors import NotFound
from services.catalog.domain import errors
from services.catalog.domain.directory import User
from services.catalog.domain.resolution import ConfirmedTarget, confirm
from services.catalog.ports import ForWriting, Offers, WritingAnswer


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One answer a target, in the order asked."""

    targets: tuple[ConfirmedTarget, ...]
    subject: User


@dataclass(frozen=True, slots=True)
class ConfirmTargets:
    """Confirms targets."""

    offers: Offers

    async def several(self, asked: Sequence[ForWriting]) -> list[Confirmed | NotFound]:
        """An answer to each, in their order: ENTITLEMENT_NOT_FOUND or USER_NOT_FOUND among them."""
        found = await self.offers.for_writing(asked)
        return [_answer(query, answer) for query, answer in zip(asked, found, strict=True)]

    async def __call__(self, query: ForWriting) -> Confirmed:
        """What the catalog knows of each target.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND, USER_NOT_FOUND.
        """
        [answer] = await self.several([query])
        if isinstance(answer, NotFound):
            raise answer
        return answer


def _answer(query: ForWriting, answer: WritingAnswer) -> Confirmed | NotFound:
    if answer.offer is None:
        return errors.entitlement_not_found(query.entitlement_id)
    if answer.subject is None:
        return errors.user_not_found(query.subject_user_id, "subject_user_id")
    confirmed = confirm(answer.offer, query.directory_entitlement_ids, answer.held)
    return Confirmed(confirmed, answer.subject)
