"""Deletes a policy that nothing uses."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import Outcome
from libs.domain.clock import Clock
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy
from services.policy.handlers.edits import change_of
from services.policy.handlers.get_policy import get_policy
from services.policy.handlers.uses import Uses
from services.policy.ports import Policies


@dataclass(frozen=True, slots=True)
class DeletePolicy:
    """The policy that somebody wants to be gone, as they saw it."""

    actor: Caller
    policy_id: str
    etag: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeletePolicyHandler:
    """Deletes policies. Their versions stay."""

    policies: Policies
    uses: Uses
    clock: Clock

    async def __call__(self, command: DeletePolicy) -> Outcome[Policy]:
        """The policy as it was last.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            WrongState: POLICY_BUILT_IN, POLICY_IN_USE.
            Conflict: ETAG_MISMATCH.
            Unavailable: the catalog does not answer.
        """
        policy = (await get_policy(self.policies, command.policy_id)).at(command.etag)
        await self.uses.none_of(policy)
        edit = Edit.deletion(policy, self.clock.now())
        return Outcome(edit.after, change_of(self.policies, [edit], command.actor, command.reason))
