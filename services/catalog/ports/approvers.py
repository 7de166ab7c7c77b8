"""Who may approve."""

from collections.abc import Collection
from typing import Protocol

from services.catalog.domain.approvers import Source, Surroundings


class ApproverSources(Protocol):
    """What sources of approvers stand for in the directory."""

    async def around_entitlement(
        self, entitlement_id: str, subject_user_id: str, sources: Collection[Source]
    ) -> Surroundings | None:
        """What the sources are resolved with, as of one moment. None for no such entitlement."""
        ...
