"""Finds policies and their versions."""

from libs.domain.paging import Page, PageRequest
from services.policy.domain import errors
from services.policy.domain.policy import Policy
from services.policy.ports import Policies


async def get_policy(policies: Policies, policy_id: str, version: int = 0) -> Policy:
    """The policy in its current version, or in one that is asked for.

    Raises:
        NotFound: POLICY_NOT_FOUND. Of a deleted policy there is what is asked for by its version.
    """
    if version:
        policy = await policies.version(policy_id, version)
        if policy is None:
            raise errors.version_not_found(policy_id, version)
        return policy
    policy = await policies.get(policy_id)
    if policy is None:
        raise errors.policy_not_found(policy_id)
    return policy


async def list_versions(policies: Policies, policy_id: str, page: PageRequest) -> Page[Policy]:
    """A page of the versions of a policy, also of a deleted one, newest first.

    Raises:
        NotFound: POLICY_NOT_FOUND.
        Invalid: PAGE_TOKEN_INVALID.
    """
    found = await policies.versions(policy_id, page)
    if found is None:
        raise errors.policy_not_found(policy_id)
    return found
