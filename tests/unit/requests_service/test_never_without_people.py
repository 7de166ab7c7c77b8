"""What looked like a way around those who decide, and is none."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from libs.domain.errors import NotAllowed, WrongState
from services.requests.domain import timeline
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Approvers,
    Escalate,
    Manager,
    Remind,
    Step,
    TimeLimit,
    Wait,
)
from services.requests.handlers.wish import Wish
from services.requests.loops.decide import DecideLoop
from tests.fakes.requests_delegations import Taken
from tests.fakes.requests_neighbours import ENTITLEMENT, FakeCatalog
from tests.unit.requests_service.cast import (
    BY_GROUP,
    DEE,
    GIL,
    GROUP,
    GUS,
    MAX,
    OLA,
    SUE,
    by,
    delegate,
    suspend,
    town,
)
from tests.unit.requests_service.house import ADA, House, person

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "others", [(Accept(),), (Wait(timedelta(hours=1)), Accept())], ids=["at once", "after a wait"]
)
@pytest.mark.parametrize("owners", [(), (ADA,), (OLA,)], ids=["none", "the requester", "silent"])
async def test_that_nobody_decided_in_time_is_no_approval(
    owners: tuple[Any, ...], others: tuple[Step, ...]
) -> None:
    """Escalated to a policy that would accept by itself, a step stays with those who had it, or
    with nobody; though there are none, or they are those whose own it is, or they are silent."""
    limit = TimeLimit(DAY, Escalate("pol_accepts"))
    house = town(Approval(AppOwners(), time_limit=limit))
    house.catalog.owners = [each.user_id for each in owners]
    house.policy.others["pol_accepts"] = others
    made = await house.create()
    before = made.state
    for _ in range(3):
        house.clock.advance(DAY)
        await house.overdue(made.access_request_id)
        found = house.kept(made.access_request_id)
        assert found.state is before
        assert found.plan == made.plan
    assert house.store.kept_leases == {}


async def test_an_approval_that_shortened_is_not_lost_to_a_silence() -> None:
    """The first step said one hour; the second one's time limit does not turn that into eight."""
    limit = TimeLimit(DAY, Escalate("pol_accepts"))
    house = town(by(GIL), by(GUS, time_limit=limit))
    house.policy.others["pol_accepts"] = (Accept(),)
    made = await house.approve(await house.create(), GIL, duration=timedelta(hours=1))
    house.clock.advance(DAY)
    await house.overdue(made.access_request_id)
    found = house.kept(made.access_request_id)
    assert (found.state, found.requested_duration) == (State.PENDING, timedelta(hours=1))
    assert found.approvals == made.approvals


class _Meanwhile(FakeCatalog):
    """Does something while it is asked who may decide."""

    def __init__(self, like: FakeCatalog, what: Any) -> None:
        super().__init__(**vars(like))
        self.what = what

    async def approvers(
        self, entitlement_id: str, subject_user_id: str, sources: Sequence[Approvers]
    ) -> tuple[Resolved, ...]:
        answers = await super().approvers(entitlement_id, subject_user_id, sources)
        self.what()
        return answers


@pytest.mark.parametrize("verb", ["approve", "deny"])
async def test_a_delegation_that_ends_meanwhile_decides_nothing(verb: str) -> None:
    """It is read, then the catalog is asked: the commit holds only while it still lasts."""
    house = town(by(OLA))
    delegate(house, OLA, DEE)
    made = await house.create()
    (delegation,) = house.store.kept_delegations.values()

    def end() -> None:
        house.store.kept_delegations.clear()

    house.catalog = _Meanwhile(house.catalog, end)
    with pytest.raises(Taken):
        await (house.approve if verb == "approve" else house.deny)(made, DEE)
    assert house.kept(made.access_request_id) == made
    assert delegation.delegate == PersonRef.of(DEE) or delegation.delegate.user_id == DEE.user_id
    # The next try finds no delegation: to them there is no such access request.
    with pytest.raises(Exception, match="no access request"):
        await house.approve(made, DEE)


async def test_a_timeline_has_an_end() -> None:
    """Two hundred comments; and of reminders in a row only the last one is kept on it."""
    house = town(by(GIL, time_limit=TimeLimit(timedelta(minutes=1), Remind())))
    made = await house.create()
    for _ in range(5):
        house.clock.advance(timedelta(minutes=1))
        await house.overdue(made.access_request_id)
    found = house.kept(made.access_request_id)
    reminders = [each for each in found.timeline if isinstance(each.what, timeline.Reminded)]
    assert [each.time for each in reminders] == [house.clock.now()]
    for _ in range(200):
        await house.comment(found, ADA)
    with pytest.raises(WrongState) as refusal:
        await house.comment(found, GIL)
    assert refusal.value.reason == "TOO_MANY_COMMENTS"


async def test_no_end_given_is_the_limit_whenever_policy_is_asked() -> None:
    """Who asked for no duration did not ask for today's limit: when it sinks the wish goes on with
    the new one, after a restart and after an escalation."""
    limit = TimeLimit(DAY, Escalate("pol_others"))
    house = town(by(GIL, time_limit=limit))
    house.policy.others["pol_others"] = (by(GUS),)
    made = await house.create()
    assert made.requested_duration == timedelta(hours=8)
    house.catalog.max_duration = timedelta(hours=4)
    again = await house.restart(made, ADA)
    assert (again.state, again.requested_duration) == (State.PENDING, timedelta(hours=4))
    house.catalog.max_duration = timedelta(hours=2)
    house.clock.advance(DAY)
    await house.overdue(made.access_request_id)
    found = house.kept(made.access_request_id)
    assert (found.state, found.requested_duration) == (State.PENDING, timedelta(hours=2))
    assert found.awaiting == {GUS.user_id}


async def test_a_restart_names_the_limit_that_is_too_short_for_what_was_asked() -> None:
    """What was asked for expressly is not shortened by anybody but who approves."""
    house = town(by(GIL))
    made = await house.ask(Wish(ADA, ENTITLEMENT, timedelta(hours=8)))
    house.catalog.max_duration = timedelta(hours=4)
    with pytest.raises(Exception, match="14400s"):
        await house.restart(made, ADA)


async def test_what_somebody_asked_for_others_is_over_when_they_leave() -> None:
    """Nobody could approve it any more, since who asked may not ask; the subject may ask anew."""
    from tests.unit.requests_service.test_gone import DISABLED, _loop

    house = town(by(GIL))
    house.catalog.line[SUE.user_id] = [MAX.user_id]
    made = await house.ask(Wish(MAX, ENTITLEMENT, None, SUE.user_id))
    house.catalog.gone[MAX.user_id] = DISABLED
    house.catalog.refuses_gone = True
    with pytest.raises(WrongState):
        await house.approve(made, GIL)
    await _loop(house).of_person(MAX.user_id)
    found = house.kept(made.access_request_id)
    assert found.state is State.CANCELLED
    assert (await house.create(SUE)).state is State.PENDING


async def test_those_who_wait_keep_nobody_waiting() -> None:
    """A round goes through all that wait for an approver: only silence ends it early."""
    house = House()
    house.policy.steps = (Approval(Manager()),)
    for number in range(40):
        assert (await house.create(person(f"P{number:02}"))).state is State.NO_APPROVER
    house.catalog.line = {
        each.subject.user_id: [MAX.user_id] for each in house.store.kept_access_requests.values()
    }
    await DecideLoop(house.writes, house.store.access_requests, house.decider)()
    states = {each.state for each in house.store.kept_access_requests.values()}
    assert states == {State.PENDING}


async def test_who_was_asked_once_does_not_learn_who_is_in_a_group() -> None:
    """A former approver's delegate is refused with how many may decide, and not who."""
    house = town(by(OLA), BY_GROUP)
    delegate(house, OLA, DEE)
    house.catalog.groups[GROUP] = [GIL.user_id, GUS.user_id]
    made = await house.approve(await house.create(), OLA)
    with pytest.raises(NotAllowed) as refusal:
        await house.approve(made, DEE)
    assert refusal.value.facts["who"] == "2 members of a group"
    suspend(house, GIL)
