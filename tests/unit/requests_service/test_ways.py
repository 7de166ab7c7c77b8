"""Whatever happens, in whatever order: it goes as the contract says, and nobody gets what nobody
allowed."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from libs.domain.callers import Person
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.states import EmergencyReview
from services.requests.handlers.wish import Wish
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.support.examples import examples
from tests.unit.requests_service import ways_refusals as refusals
from tests.unit.requests_service.cast import ADA, DAN, DEE, GIL, GUS, HAL, MAX, OLA, OTO, ROOT, SUE
from tests.unit.requests_service.ways_ends import WaysEnds
from tests.unit.requests_service.ways_model import EMERGENCY, Way
from tests.unit.requests_service.ways_plans import PEOPLE_DECIDE, PLANS
from tests.unit.requests_service.ways_town import BY_ID, one_of, stale

_LENGTHS = st.sampled_from([None, None, timedelta(hours=1), timedelta(hours=3), timedelta(hours=6)])
_ASSIGNEES = (OLA, OTO, GIL, GUS, DEE, DAN, ADA)
_SELDOM = st.sampled_from([False, False, False, False, True])
_WHY = st.sampled_from(["", "because", "because"])


class Ways(WaysEnds):
    """Everything that people and the service do with access requests."""

    @initialize(
        first=PEOPLE_DECIDE,
        emergency=PLANS,
        second=PLANS,
        pair=st.sampled_from([(ADA, ADA), (MAX, SUE), (HAL, ADA)]),
        asked=st.tuples(_LENGTHS, _SELDOM),
    )
    def somebody_asks(
        self, first: Any, emergency: Any, second: Any, pair: Any, asked: tuple[Any, bool]
    ) -> None:
        self.policies_are(first, emergency, second)
        self.create(pair, *asked)

    @rule(
        pair=st.sampled_from(
            [(ADA, ADA), (ADA, ADA), (SUE, SUE), (MAX, SUE), (HAL, ADA), (ROOT, SUE), (OLA, ADA)]
        ),
        length=_LENGTHS,
        emergency=_SELDOM,
    )
    def create(self, pair: tuple[Person, Person], length: Any, emergency: bool) -> None:
        who, subject = pair[0], pair[1].user_id
        way = Way(self.town, who.user_id, subject, emergency, length)
        before = [each for each in self.ways.values() if each.subject == subject]
        leased = any(
            each.live and each.subject.user_id == subject
            for each in self.house.store.kept_leases.values()
        )
        wish = Wish(who, ENTITLEMENT, length, subject, emergency)

        def made(way: Way) -> None:
            way.tells, way.settled = ["AccessRequestCreated"], way.cap(length)
            way.tells += ["EmergencyAccessRequested"] if emergency else []
            way.ask(EMERGENCY if emergency else "")

        why = refusals.asking(self.town, before, leased, way, length)
        found = self.hold(self.house.ask(wish), why, who, way, made)
        if found is not None:
            self.ways[found.access_request_id] = way

    @precondition(lambda self: self.ways)
    @rule(data=st.data(), late=_SELDOM, length=_LENGTHS, why=_WHY)
    def approve(self, data: Any, late: bool, length: timedelta | None, why: str) -> None:
        seen, way = self._one(data)
        who = self._somebody(data, way)
        self.hold(
            self.house.approve(stale(seen) if late else seen, who, why, duration=length),
            refusals.approving(way, who.user_id, stale=late, length=length, reason=why),
            who,
            way,
            lambda way: way.approve(who.user_id, length),
        )

    @precondition(lambda self: self.ways)
    @rule(data=st.data(), why=_WHY)
    def approve_until_others_are_needed(self, data: Any, why: str) -> None:
        key = one_of(data, self.ways)
        way = self.ways[key]
        for _ in range(3):
            if way.state != "PENDING" or not way.may:
                return
            self._approve(key, data.draw(st.sampled_from(sorted(way.may))), why)

    def _approve(self, key: str, user_id: str, why: str) -> None:
        reasons = refusals.approving(self.ways[key], user_id, stale=False, length=None, reason=why)
        attempt = self.house.approve(self.house.kept(key), BY_ID[user_id], why)

        def approved(way: Way) -> None:
            way.approve(user_id, None)

        self.hold(attempt, reasons, BY_ID[user_id], self.ways[key], approved)

    @precondition(lambda self: self.ways)
    @rule(data=st.data(), late=_SELDOM, why=_WHY)
    def deny(self, data: Any, late: bool, why: str) -> None:
        seen, way = self._one(data)
        who = self._somebody(data, way)

        def denied(way: Way) -> None:
            way.known |= {who.user_id}
            way.deny()

        self.hold(
            self.house.deny(stale(seen) if late else seen, who, why),
            refusals.denying(way, who.user_id, stale=late, reason=why),
            who,
            way,
            denied,
        )

    @precondition(lambda self: self.ways)
    @rule(
        data=st.data(),
        late=_SELDOM,
        to=st.lists(st.sampled_from(_ASSIGNEES), min_size=1, max_size=3, unique=True),
    )
    def reassign(self, data: Any, late: bool, to: list[Person]) -> None:
        seen, way = self._one(data)
        who = self._somebody(data, way)
        named = tuple(each.user_id for each in to)

        def handed(way: Way) -> None:
            way.given = named
            way.may, way.needed = way.able()
            way.state, way.known = "PENDING", way.known | way.may
            way.tells += ["AccessRequestReassigned", "ApprovalRequested"]

        self.hold(
            self.house.reassign(stale(seen) if late else seen, who, *to),
            refusals.reassigning(way, who.user_id, named, stale=late),
            who,
            way,
            handed,
        )

    def _comment(self, data: Any) -> None:
        seen, way = self._one(data)
        who = self._somebody(data, way)
        self.hold(
            self.house.comment(seen, who),
            refusals.commenting(way, who.user_id),
            who,
            way,
            lambda way: way.tells.append("AccessRequestCommented"),
        )

    @precondition(lambda self: self.ways)
    @rule(data=st.data(), what=st.sampled_from([0, 0, 0, 1, 1, 2]))
    def change(self, data: Any, what: int) -> None:
        (self._comment, self._restart, self._cancel)[what](data)

    def _cancel(self, data: Any) -> None:
        who = data.draw(st.sampled_from((ADA, SUE, ROOT, OLA)))
        seen, way = self._one(data)

        def cancelled(way: Way) -> None:
            way.state, way.may, way.due = "CANCELLED", frozenset(), None
            way.tells.append("AccessRequestCancelled")

        why = refusals.changing(way, who.user_id)
        self.hold(self.house.cancel(seen.access_request_id, who), why, who, way, cancelled)

    def _restart(self, data: Any) -> None:
        who = data.draw(st.sampled_from((ADA, ADA, SUE, ROOT, ROOT, OLA)))
        seen, way = self._one(data)

        def anew(way: Way) -> None:
            way.tells.append("AccessRequestRestarted")
            way.ask(EMERGENCY if way.emergency else "")

        why = refusals.restarting(way, who.user_id)
        self.hold(self.house.restart(seen, who), why, who, way, anew)

    @precondition(lambda self: self.ways)
    @rule(data=st.data(), late=_SELDOM, justified=st.booleans())
    def review(self, data: Any, late: bool, justified: bool) -> None:
        seen, way = self._one(data)
        who = self._somebody(data, way)
        verdict = EmergencyReview.JUSTIFIED if justified else EmergencyReview.NOT_JUSTIFIED

        def reviewed(way: Way) -> None:
            way.review = verdict.value
            way.tells.append("EmergencyAccessReviewed")

        why = refusals.reviewing(way, who.user_id, stale=late)
        attempt = self.house.review(stale(seen) if late else seen, who, verdict)
        self.hold(attempt, why, who, way, reviewed)

    @precondition(lambda self: self.ways)
    @rule(data=st.data())
    def look_again(self, data: Any) -> None:
        self._by_itself(one_of(data, self.ways), "decide")

    @precondition(lambda self: self.ways)
    @rule(data=st.data(), waits=st.sampled_from([True, True, True, False]))
    def time_is_over(self, data: Any, waits: bool) -> None:
        key = one_of(data, self.ways)
        due = self.ways[key].due
        if waits and due is not None:
            self.time_passes((due - self.town.now) // timedelta(minutes=1))
        self._by_itself(key, "overdue")

    def _by_itself(self, key: str, what: str) -> None:
        way, attempt = self.ways[key], getattr(self.house, what)(key)
        why = refusals.by_itself(way, overdue=what == "overdue")

        def done(way: Way) -> None:
            if what == "decide":
                way.look_again()
            elif way.due is not None and way.due <= self.town.now:
                way.overdue()

        self.hold(attempt, why, None, way, done)

    def _one(self, data: Any) -> tuple[AccessRequest, Way]:
        key = one_of(data, self.ways)
        return self.house.kept(key), self.ways[key]

    @staticmethod
    def _somebody(data: Any, way: Way) -> Person:
        """Anybody, and rather those who may."""
        likely = sorted(way.inbox | {to for to, _ in way.town.places.values()}) or sorted(BY_ID)
        return BY_ID[data.draw(st.sampled_from(likely) | st.sampled_from(sorted(BY_ID)))]

    @invariant()
    def everything_is_where_the_contract_says(self) -> None:
        for key, way in self.ways.items():
            found = self.house.kept(key)
            assert found.state.value == way.state
            assert found.awaiting == way.inbox
            assert found.due_time == way.due
            assert found.requested_duration == way.duration
            assert found.review.value == way.review
            assert found.asked_user_ids == way.known
            assert [each.user_ids for each in found.approvals] == [who for _, who in way.said]
            if way.step is not None and found.progress is not None:
                assert found.progress.number == way.at
                assert found.progress.still_needed == way.still_needed
                assert bool(found.progress.problem) == (way.state == "NO_APPROVER")


TestWays = Ways.TestCase
TestWays.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)
