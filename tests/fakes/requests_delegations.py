"""The requests service's port `Delegations`, in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest, time_key
from services.requests.domain.delegation import MOST_ON_THE_WAY, Delegation, Look, Period
from services.requests.domain.person import PersonRef


class Taken(Exception):
    """A guard or a unique key refuses the change, as the database would."""


@dataclass(frozen=True, slots=True)
class KeptDelegation(Write):
    """A version of a delegation that a change keeps; `seen` is the version it must follow, and
    `looks` must still be true."""

    delegation: Delegation
    seen: int
    looks: tuple[Look, ...] = ()

    def apply(self, kept: dict[str, Delegation]) -> None:
        """
        Raises:
            Taken: it was made from an old state.
        """
        before = kept.get(self.delegation.delegation_id)
        if (before.version if before else 0) != self.seen:
            raise Taken
        for look in self.looks:
            known = {it.delegation_id for it in look.delegations}
            if any(it.delegation_id not in known for it in _looked_at(kept, look)):
                raise Taken
        kept[self.delegation.delegation_id] = self.delegation


@dataclass(frozen=True, slots=True)
class LastingDelegation(Write):
    """Holds only while somebody decides in another's place at a time."""

    delegator_user_id: str
    delegate_user_id: str
    at: datetime

    def apply(self, kept: dict[str, Delegation]) -> None:
        """
        Raises:
            Taken: they do not.
        """
        both = (self.delegator_user_id, self.delegate_user_id)
        if not any(
            (item.delegator.user_id, item.delegate.user_id) == both
            and item.period.start <= self.at < item.period.end
            for item in kept.values()
        ):
            raise Taken


@dataclass(frozen=True)
class FakeDelegations:
    """The port `Delegations`."""

    kept: dict[str, Delegation]

    async def get(self, delegation_id: str) -> Delegation | None:
        return self.kept.get(delegation_id)

    async def page(
        self, page: PageRequest, *, user_id: str | None, at: datetime
    ) -> Page[Delegation]:
        after = page.after_time()
        found = [
            item
            for item in sorted(self.kept.values(), key=_place)
            if (after is None or _place(item) > after)
            and not item.is_over(at)
            and user_id in (None, item.delegator.user_id, item.delegate.user_id)
        ]
        return page.page(
            found[: page.size + 1],
            key=lambda item: time_key(item.period.end, item.delegation_id),
        )

    async def look(self, user_id: str, period: Period) -> Look:
        empty = Look(user_id, period, ())
        return Look(user_id, period, tuple(_looked_at(self.kept, empty)[: MOST_ON_THE_WAY + 1]))

    async def delegates_of(
        self, user_ids: Collection[str], at: datetime
    ) -> Mapping[str, PersonRef]:
        return {
            item.delegator.user_id: item.delegate
            for item in self.kept.values()
            if item.delegator.user_id in user_ids and item.period.start <= at < item.period.end
        }

    async def delegators_of(self, user_id: str, at: datetime) -> list[PersonRef]:
        found = [
            item.delegator
            for item in self.kept.values()
            if item.delegate.user_id == user_id and item.period.start <= at < item.period.end
        ]
        return sorted(found, key=lambda who: who.user_id)

    def lasting(self, delegator_user_id: str, delegate_user_id: str, at: datetime) -> Write:
        return LastingDelegation(delegator_user_id, delegate_user_id, at)

    def added(self, delegation: Delegation, *, seen: Sequence[Look]) -> Sequence[Write]:
        return (KeptDelegation(delegation, 0, tuple(seen)),)

    def changed(self, delegation: Delegation, *, seen: int) -> Write:
        return KeptDelegation(delegation, seen)


def _place(item: Delegation) -> tuple[datetime, str]:
    return item.period.end, item.delegation_id


def _looked_at(kept: Mapping[str, Delegation], look: Look) -> list[Delegation]:
    return [
        item
        for item in kept.values()
        if item.delegator.user_id == look.user_id
        and item.period.end > look.period.start
        and item.period.start < look.period.end
    ]
