"""Creates a policy."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.policy.domain import errors
from services.policy.domain.content import Content
from services.policy.domain.facts import PolicyCreated
from services.policy.domain.policy import Policy
from services.policy.handlers.checked_content import check_content, saved
from services.policy.ports import Expressions, Policies


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
    expressions: Expressions
    clock: Clock

    async def __call__(self, command: CreatePolicy) -> Outcome[Policy]:
        """The policy in its first version.

        Raises:
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
            AlreadyExists: POLICY_NAME_TAKEN.
        """
        await check_content(command.content, "", self.expressions, saved(self.policies))
        if await self.policies.has_name(command.display_name):
            raise errors.policy_name_taken(command.display_name)
        policy = Policy.first(
            policy_id=new_id("pol"),
            display_name=command.display_name,
            description=command.description,
            content=command.content,
            create_time=self.clock.now(),
        )
        created = PolicyCreated(
            policy.policy_id, policy.display_name, policy.version, policy.digest, command.actor
        )
        return Outcome(
            policy,
            Change(
                audit=AuditEntry(
                    command.actor,
                    "policy.created",
                    policy.policy_id,
                    details={
                        "display_name": policy.display_name,
                        "version": policy.version,
                        "digest": policy.digest,
                    },
                ),
                writes=self.policies.added(policy),
                facts=(Fact(policy.policy_id, policy.version, created),),
            ),
        )
