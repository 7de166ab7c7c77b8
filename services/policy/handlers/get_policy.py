"""Finds one policy."""

from services.policy.domain import errors
from services.policy.domain.policy import Policy
from services.policy.ports import Policies


async def get_policy(policies: Policies, policy_id: str) -> Policy:
    """The policy in its current version.

    Raises:
        NotFound: POLICY_NOT_FOUND.
    """
    policy = await policies.get(policy_id)
    if policy is None:
        raise errors.policy_not_found(policy_id)
    return policy
