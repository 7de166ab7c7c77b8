"""Policies in memory and a catalog that answers as told, for the policy service's handlers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from libs.domain.changes import Change, Write
from libs.domain.errors import Unavailable
from libs.domain.paging import Page, PageRequest, time_key
from services.policy.domain.coverage import Gap, Inquiry, Use
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy, folded
from services.policy.domain.problems import escalations


@dataclass(frozen=True, slots=True)
class Edited(Write):
    """What a change does to one policy."""

    edit: Edit


@dataclass
class FakePolicies:
    """The port `Policies`. What a change writes is there after `keep`."""

    kept: list[Policy] = field(default_factory=list)
    """The current versions, those of deleted policies among them."""
    earlier: list[Policy] = field(default_factory=list)

    @property
    def _alive(self) -> list[Policy]:
        return [policy for policy in self.kept if policy.delete_time is None]

    async def get(self, policy_id: str) -> Policy | None:
        return next((policy for policy in self._alive if policy.policy_id == policy_id), None)

    async def mark(self) -> str:
        return str([(policy.policy_id, policy.version) for policy in self._alive])

    async def version(self, policy_id: str, version: int) -> Policy | None:
        return next((p for p in self._versions(policy_id) if p.version == version), None)

    async def versions(self, policy_id: str, request: PageRequest) -> Page[Policy] | None:
        after = request.after_number()
        found = self._versions(policy_id)
        rows = [policy for policy in found if after is None or policy.version < after]
        page = request.page(rows[: request.size + 1], key=lambda policy: (str(policy.version),))
        return page if found else None

    async def named(self, display_names: Collection[str]) -> tuple[Policy, ...]:
        wanted = {folded(name) for name in display_names}
        found = [policy for policy in self._alive if folded(policy.display_name) in wanted]
        return tuple(sorted(found, key=lambda policy: folded(policy.display_name)))

    async def names(self, policy_ids: Collection[str]) -> dict[str, str]:
        return {p.policy_id: p.display_name for p in self._alive if p.policy_id in policy_ids}

    async def escalating_to(self, policy_id: str, most: int) -> tuple[Policy, ...]:
        found = [policy for policy in self._alive if policy_id in escalations(policy.content)]
        return tuple(sorted(found, key=lambda policy: policy.policy_id)[:most])

    async def page(self, request: PageRequest) -> Page[Policy]:
        after = request.after_time()
        first = {p.policy_id: p.create_time for p in (*self.kept, *self.earlier)}
        found = sorted((first[policy.policy_id], policy.policy_id) for policy in self._alive)
        rows = [key for key in found if after is None or key > after]
        page = request.page(rows[: request.size + 1], key=lambda key: time_key(*key))
        by_id = {policy.policy_id: policy for policy in self._alive}
        return Page(tuple(by_id[key[1]] for key in page.items), page.next_page_token)

    def edited(self, edits: Sequence[Edit]) -> tuple[Write, ...]:
        return tuple(map(Edited, edits))

    def keep(self, change: Change | None) -> None:
        """Commits a change."""
        for write in () if change is None else change.writes:
            assert isinstance(write, Edited)
            before, after = write.edit.before, write.edit.after
            if before is not None:
                self.kept.remove(before)
                if not write.edit.deletes:
                    self.earlier.append(before)
            self.kept.append(after)

    def _versions(self, policy_id: str) -> list[Policy]:
        """All of them, newest first."""
        current = [policy for policy in self.kept if policy.policy_id == policy_id]
        older = [
            replace(policy, delete_time=current[0].delete_time)
            for policy in self.earlier
            if policy.policy_id == policy_id
        ]
        return sorted((*current, *older), key=lambda policy: -policy.version)


@dataclass
class FakeCatalog:
    """The port `Catalog`."""

    used: Mapping[str, Sequence[Use]] = field(default_factory=dict)
    """By the ids of policies."""
    gaps: dict[Inquiry, Gap | None] = field(default_factory=dict)
    """The answers that are not "nobody lacks an approver"."""
    away: bool = False
    asked: list[Inquiry] = field(default_factory=list)

    async def uses(self, policy_id: str, most: int) -> tuple[Use, ...]:
        self._answer()
        return tuple(self.used.get(policy_id, ()))[:most]

    async def gap(self, inquiry: Inquiry) -> Gap | None:
        self._answer()
        self.asked.append(inquiry)
        return self.gaps.get(inquiry, Gap(0))

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("the catalog service", "LATCHKEY_CATALOG_ADDRESS is not set")
