"""Leases that overlap: what somebody holds in Entra is there exactly while some reason holds it."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.domain.errors import LatchkeyError
from services.connector.domain.connection import RemovedAccessAction
from services.connector.ports import Attempt
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.steps import Accept, Reject
from tests.fakes.graph_model import Fault
from tests.simulation.entra import LATCHKEY, Kind
from tests.simulation.standing import Standing
from tests.simulation.town import KINDS, OFFERS, PEOPLE, Town
from tests.support.examples import SAME_EACH_RUN, examples

T = TypeVar("T")
_SYNCS = 4
_State = LeaseState
_WHO = st.integers(0, len(PEOPLE) - 1)
_WHAT = st.sampled_from(KINDS)
_ANY = st.integers(0, 1000)
_LENGTH = st.sampled_from([None, *(timedelta(minutes=each) for each in (1, 7, 30, 600))])
_PAUSE = st.sampled_from([timedelta(seconds=1), *(timedelta(minutes=each) for each in (1, 4, 40))])
_WISH = st.tuples(
    _WHO, st.sampled_from(sorted(OFFERS)), _LENGTH, st.sampled_from([False, False, True])
)
_HAND = st.tuples(st.sampled_from(["gives", "gives", "takes", "renews"]), _WHO, _WHAT)
_DONE = ("expire", "look", "sweep", "reconcile", "sync", "event", "event", "answer", "answer")
_WORK = st.tuples(st.sampled_from(_DONE), _ANY, st.integers(0, 2))
_FAULTS = st.lists(st.one_of(st.none(), st.sampled_from(list(Fault))), max_size=3)


class Overlap(RuleBasedStateMachine):
    """Everything that people, the clock, the broker, Entra and the connector's end can do."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.town = Town()
        self.standing = Standing(self.town)
        self.judged = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Does something; None where it is refused."""
        try:
            return self.runner.run(work)
        except LatchkeyError:
            return None
        finally:
            self.town.relay()

    def one(self, number: int, *states: LeaseState) -> Lease | None:
        """One of the leases in these states."""
        found = [lease for lease in self.town.leases if lease.state in states]
        return found[number % len(found)] if found else None

    @initialize(
        action=st.sampled_from(list(RemovedAccessAction)),
        hands=st.lists(_HAND, max_size=3),
        wishes=st.lists(_WISH, min_size=2, max_size=5),
    )
    def begin(
        self,
        action: RemovedAccessAction,
        hands: list[tuple[str, int, Kind]],
        wishes: list[tuple[int, str, timedelta | None, bool]],
    ) -> None:
        """What is removed by hand ends its leases, or is put back."""
        self.town.removed_is(action)
        self.by_hand(hands)
        self.grant(wishes)

    @rule(wishes=st.lists(_WISH, min_size=1, max_size=3))
    def grant(self, wishes: list[tuple[int, str, timedelta | None, bool]]) -> None:
        for who, offer, length, takes_over in wishes:
            self.run(self.town.ask(PEOPLE[who], offer, length, takes_over=takes_over))

    @rule(number=_ANY, length=st.sampled_from([0.1, 5]), approved=st.booleans())
    def extend(self, number: int, length: float, approved: bool) -> None:
        if (lease := self.one(number, _State.ACTIVE)) is None:
            return
        self.town.house.policy.steps = (Accept(),) if approved else (Reject("no"),)
        who = next(each for each in PEOPLE if each.user_id == lease.subject.user_id)
        asked = self.run(self.town.house.extend(lease.lease_id, length, who))
        self.town.house.policy.steps = (Accept(),)
        after = self.town.house.store.kept_leases[lease.lease_id]
        if asked is None or not approved:
            assert after.end_time == lease.end_time, "what is not approved changes nothing"
        else:
            assert lease.end_time is not None and after.end_time is not None
            assert after.end_time > lease.end_time

    @rule(number=_ANY)
    def give_back(self, number: int) -> None:
        """Also twice, and while it is delivered."""
        if (lease := self.one(number, *_State)) is None:
            return
        who = next(each for each in PEOPLE if each.user_id == lease.subject.user_id)
        assert self.run(self.town.house.revoke(lease.lease_id, who)) is not None

    @rule(number=_ANY)
    def retry(self, number: int) -> None:
        if (lease := self.one(number, _State.FAILED)) is None:
            return
        who = next(each for each in PEOPLE if each.user_id == lease.subject.user_id)
        self.run(self.town.house.retry(lease.access_request_id, who))

    @rule(pause=_PAUSE)
    def time_passes(self, pause: timedelta) -> None:
        self.town.clock.advance(pause)

    @rule(work=st.lists(_WORK, min_size=1, max_size=6))
    def work(self, work: list[tuple[str, int, int]]) -> None:
        """Both services do what they do, and events come: in any order, twice, or never."""
        for what, at, times in work:
            match what:
                case "expire":
                    self.run(self.town.expire())
                case "look":
                    self.run(self.town.look())
                case "sweep":
                    self.run(self.town.sweep())
                case "reconcile":
                    self.run(self.town.reconciler())
                case "sync":
                    self.sync()
                case "event" if self.town.to_connector:
                    told = self.town.to_connector
                    event, lease_id = told.pop(at % len(told))
                    for _ in range(times):
                        self.run(self.town.hear(event, lease_id))
                case "answer" if self.town.to_requests:
                    heard = self.town.to_requests
                    lease_id = heard.pop(at % len(heard))
                    for _ in range(times):
                        self.run(self.town.house.settle(lease_id))

    @rule(number=_ANY, what=st.sampled_from(["granted", "ended"]))
    def forged_event(self, number: int, what: str) -> None:
        if (lease := self.one(number, *_State)) is not None:
            self.run(self.town.hear(what, lease.lease_id))

    @rule()
    def drift_is_found(self) -> None:
        """A sync that is believed, and what the connector makes of it."""
        self.town.clock.advance(timedelta(minutes=4))
        self.sync()
        self.run(self.town.reconciler())

    def sync(self) -> None:
        """The catalog hears what Entra holds."""
        self.town.sync()
        self.standing.synced()

    @rule(hands=st.lists(_HAND, min_size=1, max_size=3))
    def by_hand(self, hands: list[tuple[str, int, Kind]]) -> None:
        """Somebody gives or takes something past Latchkey, or takes it and gives it again."""
        for does, who, kind in hands:
            if does in ("takes", "renews"):
                self.standing.remove(PEOPLE[who], kind)
            if does in ("gives", "renews"):
                self.standing.add(PEOPLE[who], kind)

    @rule(group=st.sampled_from(["g-editors", "g-viewers"]), refused=st.booleans())
    def group_is_refused(self, group: str, refused: bool) -> None:
        (self.town.entra.denied.add if refused else self.town.entra.denied.discard)(group)

    @rule(writes=st.integers(1, 6), faults=_FAULTS, dies=st.booleans(), ending=st.none() | _ANY)
    def calls(
        self, writes: int, faults: list[Fault | None], dies: bool, ending: int | None
    ) -> None:
        """A wave of calls, of which some are lost, while a lease is given back; the connector may
        be killed before it has kept an answer."""
        parcels = self.run(self.town.begin_wave(writes)) or []
        if ending is not None:
            self.give_back(ending)
            self.run(self.town.look())
        for attempts in parcels:
            self.call(attempts, faults, dies=dies)

    def call(
        self, attempts: list[Attempt], faults: Sequence[Fault | None] = (), *, dies: bool = False
    ) -> None:
        """Entra is called."""
        self.standing.calling(attempts)
        verdicts = self.run(self.town.carry_out(attempts, faults, dies=dies))
        self.standing.called(attempts, verdicts or ())

    @invariant()
    def nothing_of_others_is_taken(self) -> None:
        """What somebody was given by hand stays, unless a lease takes it over."""
        self.standing.follow()

    @invariant()
    def nothing_is_interrupted(self) -> None:
        """What an active lease holds is not taken away, not even for a moment."""
        journal = self.town.entra.journal
        for change in journal[self.judged :]:
            if change.by == LATCHKEY and not change.added:
                who = next(each for each in PEOPLE if each.entra_object_id == change.person)
                held = self.town.leases_on(who, change.kind, _State.ACTIVE)
                assert not held, f"{change.kind} was taken from under {held[0].lease_id}"
        self.judged = len(journal)

    @invariant()
    def nothing_ended_is_held(self) -> None:
        """A lease is shown as ended only when what it brought is out of Entra, or is another's."""
        for who in PEOPLE:
            for kind in KINDS:
                if not self.town.entra.holds(who.entra_object_id, kind):
                    continue
                if self.standing.may_be(who, kind):
                    continue
                others = set(_State) - {_State.ENDED}
                assert self.town.leases_on(who, kind, *others), f"{kind} is held by nobody"

    @precondition(lambda self: len(self.town.leases) > 1)
    @rule()
    def quiet(self) -> None:
        """Lost events are made up for and everything is worked off: Entra is as the model."""
        self.town.entra.denied.clear()
        self.town.to_requests.clear()
        for number in range(60):
            self.run(self.town.expire())
            self.run(self.town.look())
            self.run(self.town.reconciler())
            parcels = self.run(self.town.begin_wave(100)) or []
            for attempts in parcels:
                self.call(attempts)
            self.run(self.town.sweep())
            while self.town.to_requests:
                self.run(self.town.house.settle(self.town.to_requests.pop()))
            if number >= _SYNCS and not self._is_busy():
                break
            self.town.clock.advance(timedelta(minutes=2))
            self.sync()
        else:
            raise AssertionError("there is no end to it")
        self._judge()
        written = len(self.town.entra.journal)
        self.sync()
        self.run(self.town.look())
        self.run(self.town.sweep())
        assert not self.run(self.town.begin_wave(100))
        assert len(self.town.entra.journal) == written, "a second look writes nothing"

    def _is_busy(self) -> bool:
        """Whether anything is on its way, in Entra or between the two."""
        store = self.town.store
        lost = {it.lease_id for it in store.deliveries_by_id.values() if it.state.value == "LOST"}
        on_its_way = any(
            each.is_on_its_way or (each.lease_id in lost and not each.is_over)
            for each in self.town.leases
        )
        return on_its_way or any(each.operation for each in store.assignments_by_id.values())

    def _judge(self) -> None:
        self.nothing_of_others_is_taken()
        self.nothing_is_interrupted()
        self.nothing_ended_is_held()
        for who in PEOPLE:
            for kind in KINDS:
                if self.town.leases_on(who, kind, _State.ACTIVE):
                    assert self.town.entra.holds(who.entra_object_id, kind), f"{kind} is missing"

    def teardown(self) -> None:
        """However it began, it ends well; when everything is given back nothing of it stays; and
        what is given by hand then outlives other leases, whatever there was before."""
        try:
            self.quiet()
            self._give_all_back()
            everybody = range(len(PEOPLE))
            self.by_hand([("gives", who, kind) for who in everybody for kind in KINDS])
            self.grant([(who, offer, None, False) for who in everybody for offer in OFFERS])
            self.quiet()
            self._give_all_back()
            for who in PEOPLE:
                for kind in KINDS:
                    assert self.town.entra.holds(who.entra_object_id, kind)
        finally:
            self.runner.close()

    def _give_all_back(self) -> None:
        for number in range(len(self.town.leases)):
            self.give_back(number)
        self.quiet()


TestOverlap = Overlap.TestCase
TestOverlap.__doc__ = (
    "Whatever is granted, extended, given back, lost, doubled, shuffled, killed or done by hand."
)
TestOverlap.settings = settings(
    max_examples=examples(30),
    derandomize=SAME_EACH_RUN,
    stateful_step_count=int(os.environ.get("SOAK_STEPS", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
