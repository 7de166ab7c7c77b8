"""Collects policies to be kept elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.domain.paging import MAX_PAGE_SIZE, PageRequest
from services.policy.domain.policy import Policy, folded
from services.policy.domain.problems import escalations
from services.policy.handlers.get_policy import get_policy
from services.policy.ports import Policies


@dataclass(frozen=True, slots=True)
class Exported:
    """Policies by name, and the names of those that they escalate to, by their ids."""

    policies: tuple[Policy, ...]
    names: Mapping[str, str]


async def export_policies(policies: Policies, policy_ids: Sequence[str]) -> Exported:
    """These policies, all where none is named, without those that are built in.

    Raises:
        NotFound: POLICY_NOT_FOUND.
    """
    if policy_ids:
        found = [await get_policy(policies, policy_id) for policy_id in dict.fromkeys(policy_ids)]
    else:
        found = await all_policies(policies)
    kept = [policy for policy in found if not policy.built_in]
    targets = {target for policy in kept for target in escalations(policy.content)}
    names = await policies.names(targets)
    return Exported(tuple(sorted(kept, key=lambda each: folded(each.display_name))), names)


async def all_policies(policies: Policies) -> list[Policy]:
    """Every policy in its current version, oldest first."""
    found: list[Policy] = []
    token = ""
    while True:
        page = await policies.page(PageRequest(MAX_PAGE_SIZE, token, ("all",)))
        found += page.items
        token = page.next_page_token
        if not token:
            return found
