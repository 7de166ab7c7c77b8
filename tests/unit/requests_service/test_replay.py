"""What a policy that is not saved would have decided otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from libs.domain.errors import Invalid, LatchkeyError, NotAllowed, Unavailable, Violation
from services.requests.domain import steps as kinds
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.plan import Plan
from services.requests.domain.replay import Draft, DraftAnswer, difference
from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Escalate,
    GiveUp,
    GroupMembers,
    Manager,
    People,
    Reassign,
    Reject,
    Step,
    TimeLimit,
    UnknownStep,
    Wait,
)
from services.requests.handlers.replay_policy import Replayed, Replayer, ReplayPolicy
from services.requests.translate.peers import draft_error
from tests.unit.requests_service.house import House, person

_HOUR = timedelta(hours=1)
_MANAGER = Approval(Manager())
_OWNERS = Approval(AppOwners())


def _plan(*steps: Step, **fields: Any) -> Plan:
    given: dict[str, Any] = {"rule": "", "condition": "", "explanation": ()} | fields
    return Plan("pol_1", "P", 1, "d", steps=steps, evaluate_time=None, **given)


def _different(before: Sequence[Step], after: Sequence[Step]) -> str:
    return difference(_plan(*before), DraftAnswer(_plan(*after, rule="another", condition="true")))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([Accept()], [Accept("Welcome.")]),
        ([Reject("No.")], [Reject("Never.")]),
        ([_MANAGER], [_MANAGER, Accept()]),
        ([_MANAGER], [replace(_MANAGER, reason_to_approve=True, reason_to_deny=True)]),
        ([Approval(People(("a", "b")))], [Approval(People(("b", "a", "b")))]),
        (
            [replace(_OWNERS, all_of_them=True, fallback=People(("a", "b")))],
            [replace(_OWNERS, all_of_them=True, needed=3, fallback=People(("b", "a")))],
        ),
        (
            [replace(_OWNERS, time_limit=TimeLimit(_HOUR, Reassign(People(("a", "b")))))],
            [replace(_OWNERS, time_limit=TimeLimit(_HOUR, Reassign(People(("b", "a")))))],
        ),
        ([Wait(_HOUR), Accept()], [Wait(_HOUR), Accept("Now.")]),
    ],
)
def test_the_same_in_other_words_is_no_difference(before: list[Step], after: list[Step]) -> None:
    """Another rule, message or order of names, a reason that is wanted, and an acceptance behind
    an approval: whoever asked would have noticed nothing."""
    assert _different(before, after) == _different(after, before) == ""


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        ([Accept()], [_MANAGER], "was approved at once; would need the subject's manager"),
        ([Accept()], [Reject("No.")], "was approved at once; would be denied: No."),
        ([Reject("No.")], [Accept()], "was denied: No.; would be approved at once"),
        (
            [_MANAGER, replace(_OWNERS, needed=2), Accept()],
            [_OWNERS, _MANAGER],
            "needed the subject's manager, then 2 of the app's owners; "
            "would need the app's owners, then the subject's manager",
        ),
        (
            [Approval(GroupMembers("grp_1"), all_of_them=True)],
            [Wait(_HOUR), Accept()],
            "needed all of the members of grp_1; would wait for 1 hour, then would be approved",
        ),
        (
            [Wait(None, "emergency", _HOUR), _MANAGER, Reject("No.")],
            [Wait(None, "emergency", _HOUR), UnknownStep()],
            "waited until emergency, then needed the subject's manager, then was denied: No.; "
            "would wait until emergency, then would have a step of an unknown kind",
        ),
        (
            [Wait(None, "emergency", _HOUR), Accept()],
            [Wait(None, "emergency", 2 * _HOUR), Accept()],
            "waited until emergency, then was approved; would be the same but for the timeout",
        ),
        (
            [Approval(People(("a",)))],
            [Approval(People(("b",)), fallback=AppOwners(), time_limit=TimeLimit(_HOUR, GiveUp()))],
            "needed people who are named; would be the same but for the people who are named, "
            "the fallback, the time limit",
        ),
        (
            [replace(_MANAGER, time_limit=TimeLimit(_HOUR, Escalate("pol_2")))],
            [
                replace(
                    _MANAGER,
                    distinct=True,
                    no_reassignment=True,
                    no_delegation=True,
                    time_limit=TimeLimit(_HOUR, Escalate("pol_3")),
                )
            ],
            "needed the subject's manager; would be the same but for whether earlier approvers "
            "count, whether it may be handed on, whether delegates may decide, the time limit",
        ),
    ],
)
def test_what_differs_is_said_in_words(before: list[Step], after: list[Step], summary: str) -> None:
    """Another outcome, others who decide, how many, in what order, or under other terms; also the
    other way round."""
    assert _different(before, after) == summary
    assert _different(after, before)


def test_no_field_of_a_step_is_forgotten() -> None:
    """What the words don't tell of a step has words of its own: no difference is a blank one."""
    others: dict[str, Any] = {
        "fallback": AppOwners(),
        "distinct": True,
        "no_reassignment": True,
        "no_delegation": True,
        "time_limit": TimeLimit(_HOUR, kinds.Remind()),
    }
    for name, value in others.items():
        words = _different([_MANAGER], [replace(_MANAGER, **{name: value})])
        assert words.rpartition("but for ")[2], name
    told = {"approvers", "needed", "all_of_them", "reason_to_approve", "reason_to_deny"}
    assert told | set(others) == {field for field in Approval.__dataclass_fields__}


def test_a_plan_that_fails_is_a_difference() -> None:
    """And its summary says why."""
    found = difference(_plan(Accept()), DraftAnswer(None, "no such attribute: department"))
    assert found == "was approved at once; would fail: no such attribute: department"


async def _replay(house: House, **fields: Any) -> Replayed:
    replayer = Replayer(house.store.access_requests, house.policy, house.clock)
    given: dict[str, Any] = {
        "policy_id": _policy_id(house),
        "draft": Draft(b"x"),
        "start_time": house.clock.time - timedelta(days=1),
        "end_time": None,
        "size": 100,
    }
    return await replayer(ReplayPolicy(**(given | fields)))


def _policy_id(house: House) -> str:
    kept = next(iter(house.store.kept_access_requests.values()))
    assert kept.plan is not None
    return kept.plan.policy_id


async def _several(house: House, count: int) -> list[AccessRequest]:
    """Access requests of as many people, a minute apart; the oldest first."""
    made = []
    for number in range(count):
        made.append(await house.create(person(f"P{number}")))
        house.clock.advance(timedelta(minutes=1))
    return made


def _ids(found: Replayed) -> list[str]:
    return [each.access_request.access_request_id for each in found.differences]


class TestReplaying:
    async def test_it_asks_with_what_was_known_then_and_changes_nothing(self) -> None:
        """The inputs that are kept are asked about, newest first; those that come out differently
        are listed with both plans, and nothing was written."""
        house = House()
        ada, ben, cleo = await _several(house, 3)
        changes, calls = len(house.store.changes), house.policy.calls
        no = DraftAnswer(_plan(Reject("No.")))
        house.policy.drafts = {ben.subject.user_id: no, ada.subject.user_id: DraftAnswer(None, "?")}
        found = await _replay(house)
        assert _ids(found) == [ben.access_request_id, ada.access_request_id]
        assert (found.count, found.next_page_token) == (3, "")
        first, second = found.differences
        assert (first.before, first.after) == (ben.plan, no.plan)
        assert (second.before, second.after) == (ada.plan, None)
        assert first.summary == "was approved at once; would be denied: No."
        ((draft, inputs),) = house.policy.asked_of_drafts
        assert draft == Draft(b"x")
        assert inputs == [cleo.inputs, ben.inputs, ada.inputs]
        assert (len(house.store.changes), house.policy.calls) == (changes, calls)

    async def test_only_those_of_the_policy_in_the_period_with_inputs(self) -> None:
        """From the start on, and before the end; another policy's, and one that policy never
        answered, are not asked about."""
        house = House()
        made = await _several(house, 4)
        house.policy.problem = "away"
        await house.create(person("Undecided"))
        start, end = made[1].create_time, made[3].create_time
        house.policy.draft_steps = (Reject("No."),)
        found = await _replay(house, start_time=start, end_time=end)
        assert _ids(found) == [made[2].access_request_id, made[1].access_request_id]
        assert (await _replay(house)).count == 4
        asked = len(house.policy.asked_of_drafts)
        assert await _replay(house, policy_id="pol_other") == Replayed((), 0, "")
        assert len(house.policy.asked_of_drafts) == asked

    async def test_policy_is_asked_about_a_hundred_at_a_time(self) -> None:
        """However many a page goes through."""
        house = House()
        await _several(house, 205)
        found = await _replay(house, size=201)
        assert [len(inputs) for _, inputs in house.policy.asked_of_drafts] == [100, 100, 1]
        assert (found.count, bool(found.next_page_token)) == (201, True)
        rest = await _replay(house, size=500, token=found.next_page_token)
        assert (rest.count, rest.next_page_token) == (4, "")

    async def test_pages_go_through_each_once(self) -> None:
        """Short or empty ones among them, also when several were made at one moment; the token is
        of one policy, draft and period."""
        house = House()
        made = await _several(house, 4)
        moment = house.clock.time
        made += [await house.create(person(f"Q{number}")) for number in range(4)]
        no = DraftAnswer(_plan(Reject("No.")))
        for each in (made[0], made[6], made[7]):
            house.policy.drafts[each.subject.user_id] = no
        house.clock.advance(timedelta(minutes=1))
        listed: list[str] = []
        counts, token = [], ""
        while True:
            found = await _replay(house, size=3, token=token)
            listed += _ids(found)
            counts.append(found.count)
            if not (token := found.next_page_token):
                break
        assert counts == [3, 3, 2]
        assert sorted(listed) == sorted(made[n].access_request_id for n in (0, 6, 7))
        token = (await _replay(house, size=3)).next_page_token
        for fields in (
            {"policy_id": "pol_2"},
            {"draft": Draft(b"y")},
            {"start_time": moment},
            {"end_time": moment},
        ):
            with pytest.raises(Invalid) as raised:
                await _replay(house, token=token, **fields)
            assert raised.value.reason == "PAGE_TOKEN_INVALID"

    async def test_a_page_of_long_plans_is_cut(self) -> None:
        """Where it would grow too large for a message; the next one goes on behind it."""
        house = House()
        made = await _several(house, 7)
        long = ("rule 'x': false",) * 40_000
        house.policy.drafts = {
            each.subject.user_id: DraftAnswer(_plan(Reject("No."), explanation=long))
            for each in made
        }
        first = await _replay(house)
        assert first.count == len(first.differences) == 3
        second = await _replay(house, token=first.next_page_token)
        third = await _replay(house, token=second.next_page_token)
        listed = [*_ids(first), *_ids(second), *_ids(third)]
        assert listed == [each.access_request_id for each in made[::-1]]
        assert not third.next_page_token

    async def test_a_period_that_has_not_begun_is_refused(self) -> None:
        """There can be nothing in it."""
        house = House()
        await house.create()
        with pytest.raises(Invalid) as raised:
            await _replay(house, start_time=house.clock.time)
        assert [each.field for each in raised.value.violations] == ["start_time"]

    async def test_it_is_of_the_last_evaluation(self) -> None:
        """One that was restarted is asked about as of the restart."""
        house = House()
        house.policy.steps = (_OWNERS,)
        made = await house.create()
        house.clock.advance(_HOUR)
        house.policy.steps = (Accept(),)
        again = await house.restart(made, person("Ada"))
        assert again.inputs is not None
        house.policy.draft_steps = (_OWNERS,)
        found = await _replay(house, start_time=made.create_time)
        assert [each.summary for each in found.differences] == [
            "was approved at once; would need the app's owners"
        ]
        assert house.policy.asked_of_drafts[0][1][0].now == _later(made.create_time)


def _later(time: datetime) -> datetime:
    return time + _HOUR


def test_policys_refusals_are_passed_on_as_the_drafts() -> None:
    """What it says of the policy; whatever else it refuses is not the caller's to correct."""
    draft = Violation("policy.rules[0].condition", "line 1: unknown name")
    facts = Violation("facts[3].held", "has 1001 entries")
    refused = draft_error(Invalid([draft, facts], reason="EXPRESSION_INVALID"))
    assert isinstance(refused, Invalid)
    assert (refused.reason, refused.violations) == ("DRAFT_INVALID", (draft,))
    others: list[LatchkeyError] = [Invalid([facts]), NotAllowed("CALLER_NOT_ALLOWED", "No.")]
    for other in others:
        assert isinstance(draft_error(other), Unavailable)
    away = Unavailable("the policy service", "away")
    assert draft_error(away) is away
