"""What a policy may say and be called, as far as it takes more than the policy to know."""

from dataclasses import dataclass

from libs.domain.errors import Violation
from services.policy.domain import errors
from services.policy.domain.content import Content
from services.policy.domain.escalation import escalations
from services.policy.ports import Expressions, Policies


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """Checks what is new of a policy."""

    policies: Policies
    expressions: Expressions

    async def __call__(
        self, display_name: str, content: Content, policy_id: str = "", field: str = "policy"
    ) -> None:
        """Does nothing for a policy that can be kept.

        Args:
            policy_id: of a policy that there is already; empty for a new one.
            field: where the policy stands in the request.

        Raises:
            Invalid: EXPRESSION_INVALID or POLICY_INVALID.
            AlreadyExists: POLICY_NAME_TAKEN.
        """
        self.content(content, field)
        if violations := await self.missing(content, policy_id, field):
            raise errors.policy_invalid(violations)
        if await self.is_taken(display_name, policy_id):
            raise errors.policy_name_taken(display_name)

    def content(self, content: Content, field: str) -> None:
        """Does nothing for a content that can be evaluated.

        Raises:
            Invalid: EXPRESSION_INVALID or POLICY_INVALID.
        """
        content.check(self.expressions.check)

    async def is_taken(self, display_name: str, policy_id: str) -> bool:
        """Whether another policy has the name."""
        found = await self.policies.named([display_name])
        return any(policy.policy_id != policy_id for policy in found)

    async def missing(self, content: Content, policy_id: str, field: str) -> list[Violation]:
        """The fields that name a policy to escalate to which is not there, or the policy itself."""
        targets = [*escalations(content)]
        there = await self.policies.names({target for _, target in targets})
        return [
            Violation(
                f"{field}.{path}",
                "is this policy itself" if target == policy_id else f"there is no policy {target}",
            )
            for path, target in targets
            if target == policy_id or target not in there
        ]
