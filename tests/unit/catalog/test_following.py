"""How uses follow from what the requests service says happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.changes import Outcome, Write
from libs.domain.errors import Unavailable
from services.catalog.domain.following import (
    Asked,
    Closed,
    Extended,
    Failed,
    FeedEvent,
    FeedPosition,
    Fulfilled,
    Granted,
    Happening,
    LeaseEnding,
    LeaseGone,
    follow,
)
from services.catalog.domain.unmanaged import LEASE_SETTLE
from services.catalog.domain.use import Use, UseState
from services.catalog.handlers.follow_requests import MOST, FollowRequests
from tests.fakes.clock import FakeClock
from tests.unit.catalog.things import NOW

END = datetime(2026, 5, 1, tzinfo=UTC)
ASKED = Asked("req_1", "ent_1", "app_1", "usr_1")
LATER = datetime(2026, 5, 2, tzinfo=UTC)
GRANTED = Granted("req_1", "lea_1")
MORE = Asked("req_2", "ent_1", "app_1", "usr_1")


@pytest.mark.parametrize(
    ("happenings", "state"),
    [
        ([ASKED], UseState.OPEN),
        ([ASKED, Closed("req_1")], None),
        ([ASKED, GRANTED], UseState.GRANTED),
        ([ASKED, GRANTED, Fulfilled("req_1", END)], UseState.ACTIVE),
        ([ASKED, GRANTED, Failed("req_1")], UseState.FAILED),
        ([ASKED, GRANTED, Failed("req_1"), GRANTED], UseState.GRANTED),
        ([ASKED, GRANTED, Failed("req_1"), LeaseEnding("lea_1")], UseState.ENDING),
        ([ASKED, GRANTED, Fulfilled("req_1", END), LeaseEnding("lea_1")], UseState.ENDING),
        ([ASKED, GRANTED, LeaseEnding("lea_1"), LeaseGone("lea_1")], None),
        # Cancelled on its way into Entra: the lease ends first, and is on its way out yet.
        ([ASKED, GRANTED, LeaseEnding("lea_1"), Closed("req_1")], UseState.ENDING),
        ([ASKED, GRANTED, LeaseEnding("lea_1"), Closed("req_1"), LeaseGone("lea_1")], None),
        ([GRANTED, Closed("req_1"), LeaseEnding("lea_1"), LeaseGone("lea_2")], None),
        # A lease lasts longer, or does not: what asked for that is over then.
        ([ASKED, GRANTED, Fulfilled("req_1", END), MORE, Closed("req_2")], UseState.ACTIVE),
        (
            [
                *(ASKED, GRANTED, Fulfilled("req_1", END), MORE),
                *(Extended("req_2", "lea_1", LATER), Fulfilled("req_2", LATER)),
            ],
            UseState.ACTIVE,
        ),
        ([MORE, Extended("req_2", "lea_1", LATER), Fulfilled("req_2", LATER)], None),
        # What is asked for anew has not got the lease of before.
        ([ASKED, GRANTED, ASKED, LeaseEnding("lea_1")], UseState.OPEN),
        ([ASKED, GRANTED, Granted("req_1", "lea_2"), LeaseGone("lea_1")], UseState.GRANTED),
    ],
)
def test_a_use_stands_where_the_last_event_left_it(
    happenings: list[Happening], state: UseState | None
) -> None:
    """Each step of an access request and its lease, to the end of both."""
    found = follow((), happenings).uses
    assert {use.state for use in found.values()} == ({state} if state else set())


def test_what_is_known_of_a_lease_is_kept() -> None:
    """The lease from the approval on, its end while its clock runs."""
    (use,) = follow((), [ASKED, GRANTED, Fulfilled("req_1", END)]).uses.values()
    assert use == Use("req_1", "ent_1", "app_1", "usr_1", UseState.ACTIVE, "lea_1", END)
    (use,) = follow([use], [LeaseEnding("lea_1")]).uses.values()
    assert (use.state, use.lease_id, use.end_time) == (UseState.ENDING, "lea_1", END)


def test_a_lease_that_lasts_longer_has_its_new_end() -> None:
    """The one that it says, and not the one that came in its place."""
    active: list[Happening] = [ASKED, GRANTED, Fulfilled("req_1", END), MORE]
    (use,) = follow((), [*active, Extended("req_2", "lea_1", LATER)]).uses.values()
    assert use == Use("req_1", "ent_1", "app_1", "usr_1", UseState.ACTIVE, "lea_1", LATER)
    anew: list[Happening] = [ASKED, GRANTED, Granted("req_1", "lea_2"), Fulfilled("req_1", END)]
    (use,) = follow((), [*anew, Extended("req_2", "lea_1", LATER)]).uses.values()
    assert (use.lease_id, use.end_time) == ("lea_2", END)


_numbers = st.integers(1, 3).map(str)
_requests = _numbers.map("req_".__add__)
_leases = _numbers.map("lea_".__add__)
_happenings = st.lists(
    st.one_of(
        st.builds(Asked, _requests, st.just("ent_1"), st.just("app_1"), st.just("usr_1")),
        _numbers.map(lambda number: Granted(f"req_{number}", f"lea_{number}")),
        st.builds(Fulfilled, _requests, st.just(END)),
        st.builds(Failed, _requests),
        st.builds(Closed, _requests),
        st.builds(LeaseEnding, _leases),
        st.builds(Extended, _requests, _leases, st.just(LATER)),
        st.builds(LeaseGone, _leases),
    ),
    max_size=30,
)


@given(_happenings, st.integers(0, 30))
def test_batches_come_to_what_one_by_one_comes_to(happenings: list[Happening], cut: int) -> None:
    """Wherever the feed is cut, and in whatever order things are said to happen."""
    one_by_one: Iterable[Use] = ()
    for happening in happenings:
        one_by_one = follow(one_by_one, [happening]).uses.values()
    halves = follow(follow((), happenings[:cut]).uses.values(), happenings[cut:]).uses
    assert {use.access_request_id: use for use in one_by_one} == halves


@dataclass(frozen=True, slots=True)
class _Followed(Write):
    last: FeedPosition | None
    changed: tuple[Use, ...]
    over: tuple[str, ...]
    anew: bool


@dataclass
class _Feed:
    """The port `Feed` in memory."""

    at: FeedPosition | None = None
    uses: dict[str, Use] = field(default_factory=dict)
    former: dict[str, datetime] = field(default_factory=dict)

    async def position(self, service: str) -> FeedPosition | None:
        return self.at

    async def named(self, happenings: Iterable[Happening]) -> list[Use]:
        keys = {getattr(it, "access_request_id", None) for it in happenings}
        leases = {getattr(it, "lease_id", None) for it in happenings}
        return [
            u for u in self.uses.values() if u.access_request_id in keys or u.lease_id in leases
        ]

    def followed(
        self,
        service: str,
        seen: FeedPosition | None,
        last: FeedPosition | None,
        changed: Any,
        over: Any,
        *,
        anew: bool,
    ) -> tuple[Write, ...]:
        assert seen == self.at
        return (_Followed(last, changed, over, anew),)

    def ended(self, leases: Sequence[Use], settle_time: datetime) -> tuple[Write, ...]:
        self.former |= {use.lease_id: settle_time for use in leases}
        return ()

    def unmoved(self, service: str, seen: FeedPosition | None) -> Write:
        return _Followed(seen, (), (), False)

    def commit(self, outcome: Outcome[bool]) -> bool:
        if outcome.change is not None:
            (write,) = outcome.change.writes
            assert isinstance(write, _Followed)
            self.at = write.last
            if write.anew:
                self.uses.clear()
            for key in write.over:
                del self.uses[key]
            self.uses |= {use.access_request_id: use for use in write.changed}
        return outcome.result


@dataclass
class _Requests:
    """The port `Requests` in memory."""

    log: list[FeedEvent] = field(default_factory=list)
    calls: int = 0

    async def events(self, after: int, most: int) -> list[FeedEvent]:
        self.calls += 1
        return self.log[after : after + most]

    def happen(self, *happenings: Happening | None, life: str = "") -> None:
        for happening in happenings:
            number = len(self.log) + 1
            self.log.append(FeedEvent(number, f"evt_{life}{number}", happening))


async def test_a_batch_is_one_call_and_one_change() -> None:
    """Also of five hundred events, and nothing new is no change at all."""
    feed, requests = _Feed(), _Requests()
    follow_requests = FollowRequests(feed, requests, FakeClock(NOW))
    assert (await follow_requests()).change is None
    for number in range(MOST):
        requests.happen(Asked(f"req_{number}", "ent_1", "app_1", "usr_1"), None)
    requests.calls = 0
    while feed.commit(await follow_requests()):
        pass
    assert requests.calls == 3
    assert len(feed.uses) == MOST
    assert feed.at == FeedPosition(2 * MOST, f"evt_{2 * MOST}")
    assert (await follow_requests()).change is None


async def test_a_lease_that_is_over_is_known_for_a_while() -> None:
    """One that was there, and one that came and went within a batch; what had no lease is not."""
    feed, requests = _Feed(), _Requests()
    follow_requests = FollowRequests(feed, requests, FakeClock(NOW))
    requests.happen(ASKED, GRANTED)
    feed.commit(await follow_requests())
    requests.happen(LeaseEnding("lea_1"), LeaseGone("lea_1"))
    requests.happen(Asked("req_2", "ent_1", "app_1", "usr_1"), Granted("req_2", "lea_2"))
    requests.happen(LeaseGone("lea_2"), Asked("req_3", "ent_1", "app_1", "usr_1"), Closed("req_3"))
    feed.commit(await follow_requests())
    assert feed.uses == {}
    assert feed.former == dict.fromkeys(("lea_1", "lea_2"), NOW + LEASE_SETTLE)


@pytest.mark.parametrize("events_after", [0, 1, 2, 5])
async def test_another_feed_is_followed_from_its_beginning(events_after: int) -> None:
    """Whether it is shorter than before or has grown past it since, or is empty."""
    feed, requests = _Feed(), _Requests()
    follow_requests = FollowRequests(feed, requests, FakeClock(NOW))
    requests.happen(ASKED, GRANTED)
    feed.commit(await follow_requests())
    requests.log.clear()
    for number in range(events_after):
        requests.happen(Asked(f"req_new{number}", "ent_1", "app_1", "usr_1"), life="b")
    for _ in range(2):
        feed.commit(await follow_requests())
    assert sorted(feed.uses) == [f"req_new{number}" for number in range(events_after)]
    assert (feed.at.position if feed.at else 0) == events_after


async def test_nothing_moves_while_requests_is_away() -> None:
    """The round fails before it writes."""

    class _Away:
        async def events(self, after: int, most: int) -> list[FeedEvent]:
            raise Unavailable("the requests service", "unavailable")

    with pytest.raises(Unavailable):
        await FollowRequests(_Feed(), _Away(), FakeClock(NOW))()
