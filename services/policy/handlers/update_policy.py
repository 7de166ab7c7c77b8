"""Makes the next version of a policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import Outcome
from libs.domain.clock import Clock
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.edits import change_of
from services.policy.handlers.get_policy import get_policy
from services.policy.ports import Policies


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """Have these values, by the names of their fields: `display_name`, `description`, `rules`,
    `baseline`."""

    actor: Caller
    policy_id: str
    etag: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UpdatePolicyHandler:
    """Makes next versions of policies."""

    policies: Policies
    checked: CheckedPolicy
    clock: Clock

    async def __call__(self, command: UpdatePolicy) -> Outcome[Policy]:
        """The policy in its next version; as it was where nothing would change.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            WrongState: POLICY_BUILT_IN.
            Conflict: ETAG_MISMATCH.
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
            AlreadyExists: POLICY_NAME_TAKEN.
        """
        before = (await get_policy(self.policies, command.policy_id)).at(command.etag)
        values = dict(command.values)
        parts = {name: values.pop(name) for name in ("rules", "baseline") if name in values}
        if parts:
            values["content"] = replace(before.content, **parts)
        after = before.changed(values, self.clock.now())
        if after == before:
            return Outcome(before)
        await self.checked(after.display_name, after.content, after.policy_id)
        return Outcome(after, change_of(self.policies, [Edit(before, after)], command.actor))
