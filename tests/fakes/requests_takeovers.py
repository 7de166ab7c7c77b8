"""The requests service's port `Takeovers`, in memory."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.takeover import Fate, Takeover, TakeoverHolder, TakeoverState
from tests.fakes.requests_delegations import Taken


@dataclass
class KeptTakeovers:
    """What is kept of takeovers; holders by takeover and person."""

    takeovers: dict[str, Takeover] = field(default_factory=dict)
    holders: dict[tuple[str, str], TakeoverHolder] = field(default_factory=dict)

    def copy(self) -> "KeptTakeovers":
        """The same, to be written to."""
        return KeptTakeovers(dict(self.takeovers), dict(self.holders))

    def put(self, takeover: Takeover, seen: int) -> None:
        """
        Raises:
            Taken: another version of it is kept, or another one of the entitlement is open.
        """
        before = self.takeovers.get(takeover.takeover_id)
        if (before.version if before else 0) != seen:
            raise Taken
        self.takeovers[takeover.takeover_id] = takeover
        opened = [each.entitlement_id for each in self.takeovers.values() if each.is_open]
        if len(set(opened)) < len(opened):
            raise Taken

    def see_to(self, holder: TakeoverHolder) -> None:
        """
        Raises:
            Taken: they were seen to before, or the takeover is not running.
        """
        key = (holder.takeover_id, holder.subject.user_id)
        takeover = self.takeovers[holder.takeover_id]
        waits = self.holders[key].fate is Fate.WAITING
        if not waits or takeover.state is not TakeoverState.RUNNING:
            raise Taken
        self.holders[key] = holder
        taken = holder.fate is Fate.TAKEN
        self.takeovers[holder.takeover_id] = replace(
            takeover,
            version=takeover.version + 1,
            taken_count=takeover.taken_count + taken,
            skipped_count=takeover.skipped_count + (not taken),
        )


@dataclass(frozen=True, slots=True)
class TakeoverWrite(Write):
    """Something that a change does to what is kept of takeovers."""

    apply: Callable[[KeptTakeovers], None]


@dataclass(frozen=True)
class FakeTakeovers:
    """The port `Takeovers`. `store` gives what is kept."""

    store: Callable[[], KeptTakeovers]

    async def get(self, takeover_id: str) -> Takeover | None:
        return self.store().takeovers.get(takeover_id)

    async def open_of(self, entitlement_id: str) -> str:
        kept = self.store().takeovers.values()
        opened = (each for each in kept if each.is_open and each.entitlement_id == entitlement_id)
        return next((each.takeover_id for each in opened), "")

    async def page(self, page: PageRequest, *, state: TakeoverState | None) -> Page[Takeover]:
        after = page.after()
        found = [
            each
            for key, each in sorted(self.store().takeovers.items(), reverse=True)
            if (after is None or key < after[0]) and state in (None, each.state)
        ]
        return page.page(found[: page.size + 1], key=lambda it: (it.takeover_id,))

    async def running(self, after: str, most: int) -> list[str]:
        return [
            key
            for key, each in sorted(self.store().takeovers.items())
            if each.state is TakeoverState.RUNNING and key > after
        ][:most]

    async def waiting(self, takeover_id: str, after: str, most: int) -> list[str]:
        return [
            user_id
            for (of, user_id), each in sorted(self.store().holders.items())
            if of == takeover_id and each.fate is Fate.WAITING and user_id > after
        ][:most]

    async def holder(
        self, takeover_id: str, user_id: str
    ) -> tuple[Takeover, TakeoverHolder] | None:
        found = self.store().holders.get((takeover_id, user_id))
        return None if found is None else (self.store().takeovers[takeover_id], found)

    async def past(
        self, entitlement_id: str, user_ids: Collection[str]
    ) -> Mapping[str, Sequence[TakeoverHolder]]:
        kept = self.store().holders.values()
        return {
            user_id: [
                each
                for each in kept
                if each.entitlement_id == entitlement_id and each.subject.user_id == user_id
            ]
            for user_id in user_ids
        }

    def added(self, takeover: Takeover) -> Write:
        return TakeoverWrite(lambda kept: kept.put(takeover, 0))

    def changed(self, takeover: Takeover, *, seen: int) -> Write:
        return TakeoverWrite(lambda kept: kept.put(takeover, seen))

    def listed(self, holders: Sequence[TakeoverHolder]) -> Sequence[Write]:
        found = {(each.takeover_id, each.subject.user_id): each for each in holders}
        return (TakeoverWrite(lambda kept: kept.holders.update(found)),)

    def seen_to(self, holder: TakeoverHolder) -> Sequence[Write]:
        return (TakeoverWrite(lambda kept: kept.see_to(holder)),)

    def left(self, takeover: Takeover) -> Write:
        assert takeover.finish_time is not None, "it is over"
        time = takeover.finish_time

        def apply(kept: KeptTakeovers) -> None:
            for key, each in kept.holders.items():
                if each.takeover_id == takeover.takeover_id and each.fate is Fate.WAITING:
                    kept.holders[key] = each.skipped("The takeover was cancelled.", time)

        return TakeoverWrite(apply)
