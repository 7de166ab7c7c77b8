"""Whatever comes in whatever order: at the end Entra holds what the leases say."""

import asyncio
import itertools
from datetime import timedelta
from enum import Enum

from hypothesis import given, settings
from hypothesis import strategies as st

from services.connector.domain import facts
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.verdict import Refused, Retriable, Verdict
from services.connector.ports import Attempt
from tests.support.examples import examples
from tests.unit.connector.provisioning_house import GROUP, ROLE, ProvisioningHouse

_LEASES = {
    "lea_1": (GROUP,),
    "lea_2": (GROUP, ROLE),
    "lea_over": (GROUP, ROLE),
}
_TAKES_OVER = "lea_over"
_BY_ID = {target.directory_entitlement_id: target for target in (GROUP, ROLE)}
_REFUSED = Refused("403 Authorization_RequestDenied", "permission_missing", "refused")


class Call(Enum):
    """What becomes of a call of Entra."""

    ANSWERED = "answered"
    NEVER_SENT = "never sent"
    LOST_ON_THE_WAY = "lost before it had its effect"
    ANSWER_LOST = "lost after it had its effect"
    REFUSED = "refused"
    CRASH_BEFORE = "the connector is killed before the call arrives"
    CRASH_AFTER = "the connector is killed before the answer is kept"


_STEPS = st.one_of(
    st.tuples(st.sampled_from(["grant", "end"]), st.sampled_from(sorted(_LEASES))),
    st.tuples(st.sampled_from(["call", "finish"]), st.sampled_from(list(Call))),
    st.tuples(st.just("begin"), st.just("")),
    st.tuples(st.just("grant at once"), st.sampled_from(sorted(_LEASES))),
    st.tuples(st.sampled_from(["granted", "ended"]), st.sampled_from(sorted(_LEASES))),
)
_BY_HAND = st.one_of(
    _STEPS,
    st.tuples(st.sampled_from(["give", "take"]), st.sampled_from(sorted(_BY_ID))),
    st.tuples(st.just("look"), st.just("")),
)


class Play:
    """One interleaving: calls of Entra are under way while events arrive."""

    def __init__(self, before: frozenset[str], *, in_mirror: bool) -> None:
        self.house = ProvisioningHouse()
        self.before = before
        self.in_mirror = in_mirror
        self.under_way: dict[str, Attempt] = {}
        self.refused = False
        self.in_doubt = False
        self.given: set[str] = set()
        self.touched: set[str] = set()
        for target in (GROUP, ROLE):
            if target.directory_entitlement_id in before:
                self.house.had_before(target, in_mirror=in_mirror)

    async def step(self, what: str, which: object) -> None:
        house = self.house
        lease_id = str(which)
        if what == "grant" and lease_id not in house.requests.leases:
            house.lease(lease_id, *_LEASES[lease_id], takes_over=lease_id == _TAKES_OVER)
            await house.granted(lease_id)
        elif what == "grant at once" and lease_id not in house.requests.leases:
            house.lease(lease_id, *_LEASES[lease_id], takes_over=lease_id == _TAKES_OVER)
            if self.under_way:  # then there is no room for it
                await house.granted(lease_id)
            else:
                begun = await house.granted_at_once(lease_id)
                self.under_way = {each.operation_id: each for each in begun}
        elif what == "end" and lease_id in house.requests.leases:
            house.end(lease_id)
            await house.ended(lease_id)
        elif what == "granted" and lease_id in house.requests.leases:
            await house.granted(lease_id)
        elif what == "ended" and lease_id in house.requests.leases:
            await house.ended(lease_id)
        elif what == "give":
            house.given_by_hand(_BY_ID[lease_id])
            self.given.add(lease_id)
            self.touched.add(lease_id)
        elif what == "take":
            house.removed_by_hand(_BY_ID[lease_id])
            self.touched.add(lease_id)
        elif what == "look":
            await house.look()
        elif what in ("begin", "call"):
            await self._begin()
        if what in ("finish", "call") and isinstance(which, Call) and self.under_way:
            _, attempt = self.under_way.popitem()
            await self._finish(attempt, which)

    async def _begin(self) -> None:
        house = self.house
        house.clock.advance(timedelta(minutes=10))
        if not self.under_way:  # what is due for one person is done to its end first
            for attempt in await house.begin():
                self.under_way[attempt.operation_id] = attempt

    async def _finish(self, attempt: Attempt, call: Call) -> None:
        verdict: Verdict = Retriable("", "lost", certain=False)
        if call in (Call.ANSWERED, Call.ANSWER_LOST, Call.CRASH_AFTER):
            answer = self.house.tenant.apply(attempt)
            verdict = answer if call is Call.ANSWERED else verdict
        if call is Call.NEVER_SENT:
            verdict = Retriable("", "never sent", certain=True)
        if call is Call.REFUSED:
            self.refused, verdict = True, _REFUSED
        self.in_doubt |= call not in (Call.ANSWERED, Call.NEVER_SENT, Call.REFUSED)
        if call not in (Call.CRASH_BEFORE, Call.CRASH_AFTER):
            await self.house.settle(attempt, verdict)

    async def to_the_end(self) -> None:
        """Calls under way are answered, lost events are repeated, and all is worked off."""
        for attempt in self.under_way.values():
            await self.house.settle(attempt, self.house.tenant.apply(attempt))
        for lease_id in itertools.chain(*[self.house.requests.leases] * 2):
            await self.house.granted(lease_id)
            await self.house.ended(lease_id)
            await self.house.work()
        if not self.touched:
            return
        await self.house.look()
        for lease_id, delivery in [*self.house.store.deliveries_by_id.items()]:
            if delivery.state is DeliveryState.LOST:
                # As requests does.
                self.house.end(lease_id)
                await self.house.ended(lease_id)
        await self.house.work()
        changes = len(self.house.store.changes)
        await self.house.look()
        assert len(self.house.store.changes) == changes, "the second look writes nothing"

    def check(self) -> None:
        house = self.house
        for target in (GROUP, ROLE):
            live = any(
                house.is_live(lease_id)
                for lease_id in house.requests.leases
                if target in _LEASES[lease_id]
            )
            id = target.directory_entitlement_id
            was_there = id in self.before
            taken = (
                _TAKES_OVER in house.requests.leases
                and not house.is_live(_TAKES_OVER)
                and self.in_mirror
                and not self.touched
            )
            if house.holds(target):
                assert live or (was_there and not taken) or id in self.given, (
                    f"{target.display_name} was left in Entra"
                )
            else:
                # What nobody saw there can't be told from what a lost call of ours put there.
                assert (
                    not was_there
                    or (self.in_doubt and not self.in_mirror)
                    or id in self.touched
                    or _TAKES_OVER in house.requests.leases
                ), f"{target.display_name} was there before us"
                assert self.refused or not live, f"{target.display_name} is missing"
        for lease_id in house.requests.leases:
            state = house.delivery(lease_id).state
            if not house.is_live(lease_id):
                assert state is DeliveryState.REMOVED
            else:
                assert state is DeliveryState.DELIVERED or self.refused
            told = [fact.body for fact in house.store.told if fact.resource_id == lease_id]
            ends = [isinstance(body, facts.AccessDeprovisioned) for body in told]
            assert ends == sorted(ends), "nothing is told of a lease after its end"
            versions = [
                fact.resource_version for fact in house.store.told if fact.resource_id == lease_id
            ]
            assert versions == sorted(set(versions)), "versions of a delivery grow"


@settings(max_examples=examples(150), deadline=None)
@given(
    before=st.sampled_from([frozenset[str](), frozenset({"den_group"}), frozenset({"den_role"})]),
    in_mirror=st.booleans(),
    steps=st.lists(_STEPS, min_size=3, max_size=40),
)
def test_entra_agrees_with_the_leases_at_the_end(
    before: frozenset[str], in_mirror: bool, steps: list[tuple[str, object]]
) -> None:
    """Granted, ended, doubled and reordered events, lost calls, lost answers and crashes."""

    asyncio.run(_play(before, in_mirror, steps))


@settings(max_examples=examples(150), deadline=None)
@given(
    before=st.sampled_from([frozenset[str](), frozenset({"den_group"}), frozenset({"den_role"})]),
    in_mirror=st.booleans(),
    steps=st.lists(_BY_HAND, min_size=3, max_size=40),
)
def test_entra_agrees_though_people_give_and_take_by_hand(
    before: frozenset[str], in_mirror: bool, steps: list[tuple[str, object]]
) -> None:
    """The same, with access given and removed in Entra, and looked at after syncs, in between:
    what is lost ends its leases, the rest is there, and a second look finds nothing to do."""
    asyncio.run(_play(before, in_mirror, steps))


async def _play(before: frozenset[str], in_mirror: bool, steps: list[tuple[str, object]]) -> None:
    scene = Play(before, in_mirror=in_mirror)
    for what, which in steps:
        await scene.step(what, which)
    await scene.to_the_end()
    scene.check()
