"""Policies in memory, for the policy service's handlers."""

from dataclasses import dataclass, field

from libs.domain.changes import Change, Write
from libs.domain.paging import Page, PageRequest, time_key
from services.policy.domain.policy import Policy, folded


@dataclass(frozen=True, slots=True)
class Added(Write):
    """A policy that a change adds."""

    policy: Policy


@dataclass
class FakePolicies:
    """The port `Policies`. What a change writes is there after `keep`."""

    kept: list[Policy] = field(default_factory=list)

    async def get(self, policy_id: str) -> Policy | None:
        return next((policy for policy in self.kept if policy.policy_id == policy_id), None)

    async def mark(self) -> str:
        return str(len(self.kept))

    async def has_name(self, display_name: str) -> bool:
        return any(folded(policy.display_name) == folded(display_name) for policy in self.kept)

    async def page(self, request: PageRequest) -> Page[Policy]:
        after = request.after_time()
        found = sorted(self.kept, key=lambda policy: (policy.create_time, policy.policy_id))
        rows = [p for p in found if after is None or (p.create_time, p.policy_id) > after]
        return request.page(
            rows[: request.size + 1], key=lambda p: time_key(p.create_time, p.policy_id)
        )

    def added(self, policy: Policy) -> tuple[Write, ...]:
        return (Added(policy),)

    def keep(self, change: Change) -> None:
        """Commits a change."""
        self.kept += [write.policy for write in change.writes if isinstance(write, Added)]
