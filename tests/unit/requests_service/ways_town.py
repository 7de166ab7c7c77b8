"""The town of the machine in `test_ways`: what changes there, and how an attempt is held against
the model."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from libs.domain.callers import Person
from libs.domain.errors import LatchkeyError, WrongState
from services.requests.domain import timeline
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.resolution import EmergencyTerms
from tests.unit.requests_service.cast import (
    ADA,
    AUDREY,
    BIG,
    DAN,
    DEE,
    GIA,
    GIL,
    GROUP,
    GUS,
    HAL,
    MAX,
    OLA,
    OTO,
    ROOT,
    SUE,
    delegate,
    enable,
    ids,
    suspend,
    town,
)
from tests.unit.requests_service.ways_model import EMERGENCY, Way
from tests.unit.requests_service.ways_people import Town
from tests.unit.requests_service.ways_plans import CONDITION, ESCALATED, PLANS

T = TypeVar("T")
PEOPLE = (ADA, SUE, MAX, BIG, OLA, OTO, GIL, GUS, GIA, DEE, DAN, HAL, ROOT, AUDREY)
BY_ID = {each.user_id: each for each in PEOPLE}
_DECIDERS = (MAX, OLA, OTO, GIL, GUS, GIA, DEE, DAN)
# Which entry of a timeline each event of an access request goes with.
_ENTRIES: dict[str, type] = {
    "AccessRequestCreated": timeline.Created,
    "EmergencyAccessRequested": timeline.EmergencyRequested,
    "ApprovalRequested": timeline.StepOpened,
    "NoApproverFound": timeline.NoApprover,
    "ApprovalGiven": timeline.StepApproved,
    "ApprovalReminded": timeline.Reminded,
    "AccessRequestReassigned": timeline.Reassigned,
    "AccessRequestEscalated": timeline.Escalated,
    "AccessRequestCommented": timeline.Commented,
    "AccessRequestRestarted": timeline.Restarted,
    "AccessRequestApproved": timeline.Approved,
    "AccessRequestDenied": timeline.Denied,
    "AccessRequestCancelled": timeline.Cancelled,
    "EmergencyAccessReviewed": timeline.EmergencyReviewed,
}


def _sets(*people: Person) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(ids(*people)), max_size=4)


def run(attempt: Coroutine[Any, Any, T]) -> T:
    """What an attempt over fakes comes to: none of them ever waits."""
    try:
        attempt.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("a fake waits")


def one_of(data: Any, kept: Mapping[str, object]) -> str:
    """The key of one of them. Drawn by its place: ids are others with each run."""
    place: int = data.draw(st.integers(0, len(kept) - 1))
    return list(kept)[place]


class WaysTown(RuleBasedStateMachine):
    """People come and go, and so do the other services."""

    def __init__(self) -> None:
        super().__init__()
        self.house = town()
        self.house.catalog.emergency = EmergencyTerms(EMERGENCY, timedelta(hours=2))
        self.town = Town(
            now=self.house.clock.now(),
            enabled=set(BY_ID),
            managers={who: list(ids(MAX, BIG)) for who in ids(ADA, SUE)},
            owners=set(ids(OLA, OTO)),
            group=set(ids(GIL, GUS, GIA)),
            admins=frozenset(ids(ROOT)),
            auditors=frozenset(ids(AUDREY)),
            helpdesk=frozenset(ids(HAL)),
        )
        self.ways: dict[str, Way] = {}
        for of, to in ((OLA, DEE), (ADA, DAN)):
            delegate(self.house, of, to)
            self.town.places[of.user_id] = (to.user_id, self.town.now + timedelta(hours=240))

    def policies_are(self, first: Any, emergency: Any, second: Any) -> None:
        """What policies say."""
        self.town.policies = {"": first, EMERGENCY: emergency, ESCALATED: second}
        self.as_it_is()

    @rule(data=st.data(), what=st.sampled_from([0, 0, 0, 1, 1, 1, 2, 2, 3, 4]))
    def something_changes(self, data: Any, what: int) -> None:
        (
            self._people_change_places,
            self._somebody_names_a_delegate_or_ends_it,
            self._somebody_is_suspended_or_enabled_again,
            self._a_policy_changes,
            self._others_are_away_or_back,
        )[what](data)
        self.as_it_is()

    def _a_policy_changes(self, data: Any) -> None:
        policy = data.draw(st.sampled_from(["", "", EMERGENCY, ESCALATED]))
        self.town.policies[policy] = data.draw(PLANS)

    def _somebody_is_suspended_or_enabled_again(self, data: Any) -> None:
        who = data.draw(st.sampled_from(_DECIDERS))
        self.town.enabled ^= {who.user_id}
        (enable if who.user_id in self.town.enabled else suspend)(self.house, who)

    def _people_change_places(self, data: Any) -> None:
        self.town.owners = data.draw(_sets(ADA, OLA, OTO, DEE))
        self.town.group = data.draw(_sets(SUE, GIL, GUS, GIA, DAN))
        manager = data.draw(st.sampled_from([MAX, MAX, OLA]))
        for each in ids(ADA, SUE):
            self.town.managers[each] = list(ids(manager, BIG))

    def _somebody_names_a_delegate_or_ends_it(self, data: Any) -> None:
        of = data.draw(st.sampled_from((ADA, SUE, MAX, OLA, OTO, GIL)))
        to = data.draw(st.sampled_from((ADA, SUE, DEE, DAN, OLA)))
        hours = data.draw(st.sampled_from([3, 300]))
        now, kept = self.house.clock.now(), self.house.store.kept_delegations
        if self.town.places.get(of.user_id, ("", now))[1] > now:
            for key, it in kept.items():
                if it.delegator.user_id == of.user_id and not it.is_over(now):
                    kept[key] = it.end(now)
            del self.town.places[of.user_id]
        elif of is not to:
            delegate(self.house, of, to, hours)
            self.town.places[of.user_id] = (to.user_id, now + timedelta(hours=hours))

    def _others_are_away_or_back(self, data: Any) -> None:
        it = self.town
        away = data.draw(st.sampled_from(["policy", "catalog", "gone", "", "", "", ""]))
        it.policy_away, it.catalog_away = away == "policy", away == "catalog"
        it.gone, it.ready = away == "gone", data.draw(st.booleans())
        hours = data.draw(st.sampled_from([None, 8, 8, 4]))
        it.limit = None if hours is None else timedelta(hours=hours)

    @rule(minutes=st.sampled_from([1, 59, 60, 300]))
    def time_passes(self, minutes: int) -> None:
        self.house.clock.advance(timedelta(minutes=max(0, minutes)))
        self.as_it_is()

    def as_it_is(self) -> None:
        """The fakes answer with what is so."""
        it, catalog, policy = self.town, self.house.catalog, self.house.policy
        it.now = self.house.clock.now()
        catalog.owners, catalog.groups = sorted(it.owners), {GROUP: sorted(it.group)}
        catalog.line, catalog.max_duration = it.managers, it.limit
        catalog.away = it.catalog_away
        catalog.refusal = WrongState("APP_REMOVED", "It is gone.") if it.gone else None
        policy.problem = "away" if it.policy_away else ""
        policy.steps = it.policies[""]
        policy.others = {key: steps for key, steps in it.policies.items() if key}
        policy.true = {CONDITION} if it.ready else set()

    def hold(
        self,
        attempt: Coroutine[Any, Any, T],
        why: set[str],
        actor: Person | None,
        way: Way | None = None,
        then: Callable[[Way], None] | None = None,
    ) -> T | None:
        """Does it. It is refused when there is a reason, by one of them, and leaves everything as
        it was; else one change says all that has happened."""
        store = self.house.store
        before, count = dict(store.kept_access_requests), len(store.changes)
        if way is not None:
            way.tells = []
        try:
            result = run(attempt)
        except LatchkeyError as error:
            assert error.reason in why, f"{error.reason}: {error} is no reason, {why or 'none'} is"
            noted = error.reason in ("SELF_DECISION", "NOT_AN_APPROVER")
            assert len(store.changes) == count + noted
            if error.reason == "NOT_AN_APPROVER":
                assert way is not None
                way.look()
                self._one_change(before, way, actor)
            else:
                assert store.kept_access_requests == before
                assert not noted or (not self.house.last.facts and not self.house.last.writes)
            assert not noted or self.house.last.audit.actor == actor
            return None
        assert not why, f"it is done in spite of {why}"
        if way is not None and then is not None:
            then(way)
        if len(store.changes) > count:
            self._one_change(before, way, actor)
        else:
            assert actor is None, "what somebody does is on record"
            assert store.kept_access_requests == before
        assert len(store.changes) <= count + 1
        return result

    def _one_change(
        self, before: dict[str, AccessRequest], way: Way | None, actor: Person | None
    ) -> None:
        """One audit record, the events that the model tells of, and their entries."""
        change = self.house.last
        assert change.audit.actor == (actor or REQUESTS)
        key = change.audit.resource_id
        found, seen = self.house.kept(key), before.get(key)
        was = seen.version if seen is not None else 0
        timeline_before = seen.timeline if seen is not None else ()
        told = [fact for fact in change.facts if fact.resource_id == key]
        if any(type(fact.body).__name__ == "ApprovalReminded" for fact in told):
            # Of reminders in a row the last one stays.
            last = timeline_before[-1]
            if isinstance(last.what, timeline.Reminded) and last not in found.timeline:
                timeline_before = timeline_before[:-1]
        assert found.timeline[: len(timeline_before)] == timeline_before
        assert (found.version > was) == (found != seen)
        assert change.audit.details.get("state", found.state) == found.state
        assert all(was < fact.resource_version <= found.version for fact in told)
        names = [type(fact.body).__name__ for fact in told]
        if way is not None:
            if seen is not None and seen.state == way.state == "NO_APPROVER" and not way.tells:
                # It may be for another reason by now, and that is told.
                assert names in ([], ["NoApproverFound"])
            else:
                assert names == way.tells
        new = [type(entry.what) for entry in found.timeline[len(timeline_before) :]]
        for name in names:
            new.remove(_ENTRIES[name])
        assert not set(new) & (set(_ENTRIES.values()) - {timeline.StepOpened, timeline.NoApprover})


def stale(seen: AccessRequest) -> AccessRequest:
    """As it was seen by somebody who is late."""
    return replace(seen, version=seen.version - 1)
