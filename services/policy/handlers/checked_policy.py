"""What a policy has to be before it is kept."""

from dataclasses import dataclass

from services.policy.domain import errors
from services.policy.domain.content import Content
from services.policy.handlers.checked_content import check_content, saved
from services.policy.ports import Expressions, Policies


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """Checks what is new of a policy."""

    policies: Policies
    expressions: Expressions

    async def __call__(self, display_name: str, content: Content, policy_id: str = "") -> None:
        """Does nothing for a policy that can be kept. `policy_id` is empty for a new one.

        Raises:
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
            AlreadyExists: POLICY_NAME_TAKEN.
        """
        await check_content(content, policy_id, self.expressions, saved(self.policies))
        if await is_taken(self.policies, display_name, policy_id):
            raise errors.policy_name_taken(display_name)


async def is_taken(policies: Policies, display_name: str, policy_id: str) -> bool:
    """Whether another policy has the name."""
    found = await policies.named([display_name])
    return any(policy.policy_id != policy_id for policy in found)
