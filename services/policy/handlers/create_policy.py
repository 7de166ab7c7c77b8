"""Creates a policy."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.policy.domain.content import Content
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.edits import change_of
from services.policy.ports import Policies


@dataclass(frozen=True, slots=True)
class CreatePolicy:
    """The policy that somebody wants."""

    actor: Caller
    display_name: str
    description: str
    content: Content


@dataclass(frozen=True, slots=True)
class CreatePolicyHandler:
    """Creates policies that can be evaluated, under names of their own."""

    policies: Policies
    checked: CheckedPolicy
    clock: Clock

    async def __call__(self, command: CreatePolicy) -> Outcome[Policy]:
        """The policy in its first version.

        Raises:
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
            AlreadyExists: POLICY_NAME_TAKEN.
        """
        await self.checked(command.display_name, command.content)
        policy = Policy.first(
            policy_id=new_id("pol"),
            display_name=command.display_name,
            description=command.description,
            content=command.content,
            create_time=self.clock.now(),
        )
        return Outcome(policy, change_of(self.policies, [Edit(None, policy)], command.actor))
