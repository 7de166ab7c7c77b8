"""Where policies are used."""

from typing import Protocol

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.policy_use import PolicyUse


class PolicyUses(Protocol):
    """Where policies are used."""

    async def page(self, policy_id: str, page: PageRequest) -> Page[PolicyUse]:
        """The places that name a policy, by app: the app, its rules, its entitlements."""
        ...
