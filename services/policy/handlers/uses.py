"""What uses a policy, and so keeps it from being deleted."""

from collections.abc import Collection
from dataclasses import dataclass

from libs.domain.errors import Unavailable
from services.policy.domain import errors
from services.policy.domain.errors import USES_MOST
from services.policy.domain.policy import Policy
from services.policy.ports import Catalog, Policies


@dataclass(frozen=True, slots=True)
class Uses:
    """Looks for what uses a policy: the deployment, other policies, and what the catalog has."""

    policies: Policies
    catalog: Catalog
    default_policy_id: str

    async def none_of(
        self,
        policy: Policy,
        *,
        also: Collection[Policy] = (),
        without: Collection[str] = (),
    ) -> None:
        """Does nothing for a policy that nothing uses.

        Args:
            also: policies that come to escalate to it in the same change.
            without: ids of policies that are changed or deleted in the same change.

        Raises:
            WrongState: POLICY_IN_USE.
            Unavailable: the catalog does not answer, and nothing else uses it.
        """
        found = [
            *self._deployment(policy),
            *(f"the policy {other.display_name!r} escalates to it" for other in also),
            *await self._policies(policy, without),
        ]
        more = len(found) > USES_MOST
        if not more:
            try:
                uses = await self.catalog.uses(policy.policy_id, USES_MOST + 1 - len(found))
                found += [str(use) for use in uses]
            except Unavailable:
                if not found:
                    raise
                more = True
        if found:
            raise errors.policy_in_use(policy.policy_id, policy.display_name, found, more)

    def _deployment(self, policy: Policy) -> list[str]:
        if policy.policy_id != self.default_policy_id:
            return []
        return ["it is what decides where nobody names a policy (LATCHKEY_DEFAULT_POLICY_ID)"]

    async def _policies(self, policy: Policy, without: Collection[str]) -> list[str]:
        found = await self.policies.escalating_to(policy.policy_id, USES_MOST + 1 + len(without))
        return [
            f"the policy {other.display_name!r} escalates to it"
            for other in found
            if other.policy_id not in without
        ]
