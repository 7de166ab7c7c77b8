"""Who may approve."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.catalog.domain.approvers import Source, Surroundings
from services.catalog.domain.directory import User
from services.catalog.domain.owner import Owner


class ApproverSources(Protocol):
    """What sources of approvers stand for in the directory."""

    async def around(
        self,
        sources: Collection[Source],
        *,
        app_id: str = "",
        entitlement_id: str = "",
        subject_user_id: str = "",
    ) -> Surroundings | None:
        """What the sources are resolved with, as of one moment.

        Either an app is named or an entitlement, whose app it is then. None if there is no such.
        """
        ...

    async def owners_of_requestable(
        self, app_id: str, after: str
    ) -> Sequence[tuple[str, tuple[Owner, ...]]]:
        """Entitlements of an app that can be asked for, by id, with who answers for each.

        Some of those behind an id, and none only when there are no more.
        """
        ...

    async def above(
        self, people: Sequence[User], levels: int, known: Mapping[str, User]
    ) -> Mapping[str, User]:
        """People with those whom they answer to, so many levels up, by their ids.

        Who is `known` is not read again.
        """
        ...
