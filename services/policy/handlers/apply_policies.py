"""Makes policies as a document says: first what would happen, then it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import Caller
from libs.domain.changes import Outcome
from libs.domain.clock import Clock
from libs.domain.errors import Violation
from libs.domain.ids import new_id
from services.policy.domain import errors
from services.policy.domain.apply_plan import (
    Action,
    Applied,
    ApplyPlan,
    DocumentPolicy,
    PolicyChange,
    digest_of,
)
from services.policy.domain.content import Content
from services.policy.domain.edit import Edit
from services.policy.domain.escalation import escalated
from services.policy.domain.policy import Policy, folded
from services.policy.domain.problems import escalations, refuse
from services.policy.handlers.checked_content import problems_of, saved
from services.policy.handlers.edits import change_of
from services.policy.handlers.export_policies import all_policies
from services.policy.handlers.uses import Uses
from services.policy.ports import Expressions, Policies


@dataclass(frozen=True, slots=True)
class ApplyPolicies:
    """The document that policies shall be as."""

    actor: Caller
    document: str
    policies: tuple[DocumentPolicy, ...]
    escalations: Mapping[str, str]
    """The names of the policies that those escalate to, by what stands for them there."""
    plan_digest: str
    """Of the plan that shall be carried out; empty to hear of it only."""
    delete_others: bool


@dataclass(frozen=True, slots=True)
class ApplyPoliciesHandler:
    """Makes policies as documents say, all or none."""

    policies: Policies
    expressions: Expressions
    uses: Uses
    clock: Clock

    async def __call__(self, command: ApplyPolicies) -> Outcome[Applied]:
        """What would happen, and with the digest of that, that it did.

        Raises:
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
            Conflict: APPLY_PLAN_STALE.
            WrongState: POLICY_BUILT_IN, POLICY_IN_USE.
            Unavailable: it deletes, and the catalog does not answer.
        """
        plan = await self._plan(command, self.clock.now())
        if not command.plan_digest:
            return Outcome(Applied(plan, applied=False))
        if command.plan_digest != plan.digest:
            raise errors.apply_plan_stale()
        done = Applied(plan, applied=True)
        if not (edits := plan.edits):
            return Outcome(done)
        return Outcome(done, change_of(self.policies, edits, command.actor))

    async def _plan(self, command: ApplyPolicies, now: datetime) -> ApplyPlan:
        wanted = command.policies
        named = {*command.escalations.values(), *(each.display_name for each in wanted)}
        there = {folded(policy.display_name): policy for policy in await self.policies.named(named)}
        befores = [there.get(folded(each.display_name)) for each in wanted]
        for before in befores:
            if before is not None and before.built_in:
                raise errors.policy_built_in(before.policy_id, before.display_name)
        ids = {
            folded(each.display_name): before.policy_id if before else new_id("pol")
            for each, before in zip(wanted, befores, strict=True)
        }
        targets = {name: policy.policy_id for name, policy in there.items()} | ids
        known = {
            placeholder: targets[folded(name)]
            for placeholder, name in command.escalations.items()
            if folded(name) in targets
        }
        _check_named(command, known)
        changes = [
            PolicyChange(before, _after(each, before, ids, known, now))
            for each, before in zip(wanted, befores, strict=True)
        ]
        await self._check(changes)
        if command.delete_others:
            changes += await self._deletions(changes, now)
        before_names = await self._names(
            [change.before for change in changes if change.before is not None]
        )
        after_names = {policy.policy_id: policy.display_name for policy in there.values()}
        after_names |= {change.after.policy_id: change.after.display_name for change in changes}
        resolved = {
            name: there[folded(name)].policy_id
            for name in command.escalations.values()
            if folded(name) in there
        }
        digest = digest_of(command.document, command.delete_others, changes, resolved)
        return ApplyPlan(tuple(changes), digest, before_names, after_names)

    async def _check(self, changes: Sequence[PolicyChange]) -> None:
        """Does nothing for changes whose policies can be saved, one beside the other.

        Raises:
            Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
        """
        after = {change.after.policy_id: change.after.content for change in changes}
        there = saved(self.policies)

        async def lookup(policy_id: str) -> Content | None:
            return after[policy_id] if policy_id in after else await there(policy_id)

        for number, change in enumerate(changes):
            # What is as the document says stays, also if it would not be taken any more.
            if change.action is not Action.NONE:
                content, policy_id = change.after.content, change.after.policy_id
                found = await problems_of(content, policy_id, self.expressions, lookup)
                refuse(found, f"policies[{number}]")
                # Other calls get their turn: each policy may have a thousand expressions.
                await asyncio.sleep(0)

    async def _deletions(
        self, changes: Sequence[PolicyChange], now: datetime
    ) -> list[PolicyChange]:
        """Those that the document does not name, which nothing may use afterwards."""
        named = {change.after.policy_id for change in changes}
        others = [
            policy
            for policy in await all_policies(self.policies)
            if not policy.built_in and policy.policy_id not in named
        ]
        changed = [change.after for change in changes if change.action is not Action.NONE]
        without = {policy.policy_id for policy in (*changed, *others)}
        for policy in others:
            also = [other for other in changed if policy.policy_id in escalations(other.content)]
            await self.uses.none_of(policy, also=also, without=without)
        others.sort(key=lambda policy: folded(policy.display_name))
        return [PolicyChange(policy, Edit.deletion(policy, now).after) for policy in others]

    async def _names(self, policies: Sequence[Policy]) -> dict[str, str]:
        return await self.policies.names(
            {target for policy in policies for target in escalations(policy.content)}
        )


def _check_named(command: ApplyPolicies, known: Mapping[str, str]) -> None:
    """Does nothing where there is every policy that the document escalates to.

    Raises:
        Invalid: POLICY_INVALID.
    """
    violations = [
        Violation(
            f"policies[{number}]",
            f"escalates to {command.escalations[target]!r}, and no policy is called so, neither "
            "in the document nor here",
        )
        for number, each in enumerate(command.policies)
        for target in escalations(each.content)
        if target not in known
    ]
    if violations:
        raise errors.policy_invalid(violations)


def _after(
    wanted: DocumentPolicy,
    before: Policy | None,
    ids: Mapping[str, str],
    known: Mapping[str, str],
    now: datetime,
) -> Policy:
    content = escalated(wanted.content, known)
    if before is not None:
        values = {
            "display_name": wanted.display_name,
            "description": wanted.description,
            "content": content,
        }
        return before.changed(values, now)
    return Policy.first(
        policy_id=ids[folded(wanted.display_name)],
        display_name=wanted.display_name,
        description=wanted.description,
        content=content,
        create_time=now,
    )
