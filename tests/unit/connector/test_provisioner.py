"""Attempts in Entra, over a model of Graph: what is called together, and what it means."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.connector.domain.operation import OperationKind
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal, Target
from services.connector.domain.verdict import Already, Done, Refused, Remedy, Retriable, Verdict
from services.connector.entra.answer import Answer
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Graph
from services.connector.entra.moves import Move, move
from services.connector.entra.problems import Problem
from services.connector.entra.provisioner import provision
from services.connector.ports import Attempt
from tests.fakes.graph_model import Fault, GraphModel

_TENANT = "11111111-2222-3333-4444-555555555555"
_GROUP = GroupMembership("g-1")
_ROLE = AppRoleGrant("sp-1", "r-1")
_ADD, _REMOVE = OperationKind.ADD, OperationKind.REMOVE


def _attempt(
    user: str,
    kind: GroupMembership | AppRoleGrant = _GROUP,
    what: OperationKind = _ADD,
    *,
    looks_first: bool = False,
    known: str = "",
    takes_over: bool = False,
) -> Attempt:
    return Attempt(
        operation_id=f"opr_{what}_{user}_{kind}",
        kind=what,
        number=1,
        principal=Principal(f"usr_{user}", _TENANT, user),
        target=Target("den_1", "con_1", "it", kind),
        entra_assignment_id=known,
        looks_first=looks_first,
        client_request_id=f"call-{user}",
        takes_over=takes_over,
    )


def _gate() -> Gate:
    return Gate(writes_per_second=100, units_per_second=1000)


async def _made(model: GraphModel, *attempts: Attempt, gate: Gate | None = None) -> list[Verdict]:
    return await provision(cast(Graph, model), gate or _gate(), attempts)


def _everyone(count: int) -> list[Attempt]:
    """They go by one call, which carries one id."""
    people = [_attempt(f"u-{number}") for number in range(count)]
    return [replace(each, client_request_id="call-1") for each in people]


async def test_joins_of_a_group_are_one_call() -> None:
    """Twenty people, one PATCH; the attempts say so, and share the id that the call carried."""
    model = GraphModel()
    verdicts = await _made(model, *_everyone(20))
    assert len(model.requests) == 1 and len(model.members) == 20
    for verdict in verdicts:
        assert isinstance(verdict, Done)
        assert verdict.exchange.call == "PATCH /groups/g-1 with 20 members"
        assert verdict.exchange.client_request_id == "call-1" and verdict.exchange.status == 204


async def test_one_bad_member_keeps_nobody_else_out() -> None:
    """The PATCH adds nobody; on their own the others succeed, and the one has its own verdict."""
    model, gate = GraphModel(), _gate()
    model.not_taken.add("u-3")
    before = gate.writes_ready()
    verdicts = await _made(model, *_everyone(5), gate=gate)
    assert [type(verdict) for verdict in verdicts] == [Done, Done, Done, Refused, Done]
    assert len(model.members) == 4 and len(model.requests) == 2, "the single ones are one batch"
    assert before - gate.writes_ready() == 4, "what was not one write after all is counted"


async def test_who_is_a_member_already_keeps_nobody_else_out() -> None:
    """It was there before us for the one, and is new for the others."""
    model = GraphModel()
    model.members.add(("g-1", "u-0"))
    verdicts = await _made(model, *_everyone(3))
    assert [type(verdict) for verdict in verdicts] == [Already, Done, Done]


async def test_what_concerns_the_group_is_not_asked_for_each() -> None:
    """A group that nobody can write is refused for all, with its cause, in two calls."""
    model = GraphModel()
    model.denied.add("g-1")
    model.groups["g-1"] = {"groupTypes": ["DynamicMembership"]}
    verdicts = await _made(model, *_everyone(20))
    assert len(model.requests) == 2
    for verdict in verdicts:
        assert isinstance(verdict, Refused) and verdict.remedy is Remedy.HOPELESS
        assert verdict.reason == "group_not_writable" and "dynamic" in verdict.message


async def test_a_role_assignable_group_needs_a_person() -> None:
    """A permission would help; without a cause in the group it is the permission that lacks."""
    model = GraphModel()
    model.denied |= {"g-1", "g-2"}
    model.groups["g-1"] = {"isAssignableToRole": True}
    found = await _made(model, _attempt("u-1"), _attempt("u-1", GroupMembership("g-2")))
    assert [each.reason for each in found if isinstance(each, Refused)] == [
        "group_not_writable",
        "permission_missing",
    ]
    assert all(isinstance(each, Refused) and each.remedy is Remedy.NEEDS_PERSON for each in found)


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.THROTTLED_AND_DONE])
async def test_after_an_unknown_outcome_each_is_looked_up(fault: Fault) -> None:
    """Whoever is there is not added again; whoever is not goes together again."""
    model = GraphModel()
    model.faults.append(fault)
    first = await _made(model, *_everyone(4))
    assert all(isinstance(each, Retriable) and not each.certain for each in first)
    model.members.remove(("g-1", "u-2"))
    model.members.remove(("g-1", "u-3"))
    again = [replace(each, looks_first=True) for each in _everyone(4)]
    verdicts = await _made(model, *again)
    assert [type(verdict) for verdict in verdicts] == [Already, Already, Done, Done]
    assert [len(calls) for calls in model.requests] == [1, 4, 1]
    assert [calls[0].method for calls in model.requests] == ["PATCH", "GET", "PATCH"]


async def test_everything_else_shares_a_request() -> None:
    """Assignments, removals and single joins go in one batch; each has its own verdict."""
    model = GraphModel()
    model.members.add(("g-2", "u-2"))
    known = model.assign("u-3", "sp-1", "r-1")
    verdicts = await _made(
        model,
        _attempt("u-1", _ROLE),
        _attempt("u-2", GroupMembership("g-2"), _REMOVE),
        _attempt("u-3", _ROLE, _REMOVE, known=known),
        _attempt("u-4", GroupMembership("g-3")),
    )
    assert all(isinstance(verdict, Done) for verdict in verdicts)
    assert [len(calls) for calls in model.requests] == [4, 1], "the look and then the deletion"
    assert isinstance(verdicts[0], Done) and verdicts[0].entra_assignment_id == "id-2"


async def test_a_fault_in_a_batch_is_its_items_own() -> None:
    """The others of the batch are done all the same."""
    model = GraphModel()
    model.faults.append(Fault.THROTTLED)
    model.on_item.add(Fault.THROTTLED)
    verdicts = await _made(model, *[_attempt(f"u-{number}", _ROLE) for number in range(4)])
    assert [type(verdict) for verdict in verdicts] == [Retriable, Done, Done, Done]
    throttled = verdicts[0]
    assert isinstance(throttled, Retriable) and throttled.delay == timedelta(seconds=1)
    assert not throttled.certain, "Microsoft is known to have done what it answered with 429"


async def test_a_duplicate_is_looked_up_for_its_id() -> None:
    """Without the id of what is there it could never be removed."""
    model = GraphModel()
    known = model.assign("u-1", "sp-1", "r-1")
    model.assign("u-1", "sp-1", "r-2")
    [verdict] = await _made(model, _attempt("u-1", _ROLE))
    assert isinstance(verdict, Already) and verdict.entra_assignment_id == known
    assert verdict.exchange.status == 400, "what decided it was the refusal"


async def test_an_assignment_after_an_unknown_outcome_is_looked_up() -> None:
    """What is there is ours to keep by its id; what is not is made."""
    model = GraphModel()
    known = model.assign("u-1", "sp-1", "r-1")
    found = await _made(
        model,
        _attempt("u-1", _ROLE, looks_first=True),
        _attempt("u-2", _ROLE, looks_first=True),
    )
    assert isinstance(found[0], Already) and found[0].entra_assignment_id == known
    assert isinstance(found[1], Done) and model.writes == [
        "POST /servicePrincipals/sp-1/appRoleAssignedTo"
    ]


async def test_only_ones_own_assignment_is_deleted() -> None:
    """An id that turns out to be somebody else's is not deleted: the right one is looked for."""
    model = GraphModel()
    theirs = model.assign("u-2", "sp-1", "r-1")
    own = model.assign("u-1", "sp-1", "r-1")
    [verdict] = await _made(model, _attempt("u-1", _ROLE, _REMOVE, known=theirs))
    assert isinstance(verdict, Done)
    assert model.writes == [f"DELETE /servicePrincipals/sp-1/appRoleAssignedTo/{own}"]
    [verdict] = await _made(model, _attempt("u-1", _ROLE, _REMOVE, known=theirs))
    assert isinstance(verdict, Already) and model.assigned("u-2", "sp-1", "r-1")


@pytest.mark.parametrize("role", ["r-2", "R-2"])
async def test_another_role_of_the_same_person_is_not_deleted(role: str) -> None:
    """Principal, app and role must all be the same."""
    model = GraphModel()
    other = model.assign("u-1", "sp-1", role)
    [verdict] = await _made(model, _attempt("u-1", _ROLE, _REMOVE, known=other))
    assert isinstance(verdict, Already) and other in model.assignments and not model.writes


def _answered(steps: Move, *answers: Answer | Problem) -> list[str]:
    """The calls of a move that is answered so."""
    calls = [next(steps)]
    for answer in answers:
        calls.append(steps.send(answer))
    return [f"{call.method} {call.path}" for call in calls]


def test_an_assignment_that_is_not_to_be_seen_is_deleted_by_its_id() -> None:
    """The id came from Graph's own answer: a replica that has not heard of it proves nothing."""
    steps = move(_attempt("u-1", _ROLE, _REMOVE, known="id-7"), "base")
    path = "/servicePrincipals/sp-1/appRoleAssignedTo/id-7"
    gone = Problem(404, "Request_ResourceNotFound", "Resource 'id-7' does not exist")
    assert _answered(steps, gone) == [f"GET {path}", f"DELETE {path}"]


@pytest.mark.parametrize("takes_over", [True, False])
async def test_what_was_put_back_by_hand_goes_when_it_is_taken_over(takes_over: bool) -> None:
    """It has another id than the one we know; otherwise it is left. While that can't be looked up
    nobody believes that it is gone."""
    model = GraphModel()
    other = model.assign("u-1", "sp-1", "r-1")
    attempt = _attempt("u-1", _ROLE, _REMOVE, known="id-7", takes_over=takes_over)
    # The look at the id that we know, its deletion, and the look for another.
    model.faults.extend([None, None, Fault.UNAVAILABLE])
    [verdict] = await _made(model, attempt)
    assert isinstance(verdict, Retriable if takes_over else Already)
    model.faults.clear()
    [verdict] = await _made(model, attempt)
    assert isinstance(verdict, Done if takes_over else Already)
    assert model.assigned("u-1", "sp-1", "r-1") is not takes_over
    deleted = f"DELETE /servicePrincipals/sp-1/appRoleAssignedTo/{other}"
    assert (deleted in model.writes) is takes_over
    [verdict] = await _made(model, attempt)
    assert isinstance(verdict, Already)


async def test_what_can_not_be_looked_at_is_not_deleted() -> None:
    """While the look fails nothing is written, and that is known."""
    model = GraphModel()
    own = model.assign("u-1", "sp-1", "r-1")
    model.faults.append(Fault.UNAVAILABLE)
    [verdict] = await _made(model, _attempt("u-1", _ROLE, _REMOVE, known=own))
    assert isinstance(verdict, Retriable) and verdict.certain and not model.writes


async def test_a_tenant_that_is_closed_is_not_called() -> None:
    """What is noted and has not gone waits outside, and is known to have changed nothing."""
    model, gate = GraphModel(), _gate()
    gate.close_for(timedelta(seconds=30))
    verdicts = await _made(model, *_everyone(3), _attempt("u-9", _ROLE), gate=gate)
    assert all(isinstance(each, Retriable) and each.certain for each in verdicts)
    assert model.requests == []


class _Refusing(GraphModel):
    """A Graph that takes no batches."""

    async def batch(self, calls: object) -> list[Answer | Problem]:
        assert isinstance(calls, list)
        return [Problem(400, "BadRequest", "Invalid batch payload format.")] * len(calls)


async def test_a_batch_that_is_refused_goes_call_by_call() -> None:
    """B1: nothing of it was looked at, so nobody is refused for it."""
    model = _Refusing()
    verdicts = await _made(model, *[_attempt(f"u-{number}", _ROLE) for number in range(3)])
    assert all(isinstance(verdict, Done) for verdict in verdicts)


class _Broken(GraphModel):
    """A Graph that fails where nobody thought of it."""

    async def call(self, call: object) -> Answer | Problem:
        raise KeyError("nobody thought of it")


async def test_a_fault_of_ours_loses_no_operation() -> None:
    """What it did is unknown, and the next attempt finds out."""
    [verdict] = await _made(_Broken(), _attempt("u-1"))
    assert isinstance(verdict, Retriable) and not verdict.certain
    assert "a fault of ours" in verdict.problem


_IDS = st.text(st.characters(codec="ascii"), min_size=1, max_size=12)
_GONE = Problem(404, "Request_ResourceNotFound", "gone")
_REPLIES = st.sampled_from(
    [
        Answer(200, {"value": [{"id": "x"}]}, ""),
        Answer(204, {}, ""),
        _GONE,
        Problem(400, "Request_BadRequest", "no"),
        Problem(403, "Authorization_RequestDenied", "no"),
        Problem(429, "TooManyRequests", "no"),
        Problem(0, "ReadTimeout", "no"),
    ]
)


@given(
    user=_IDS,
    group=_IDS,
    known=st.one_of(st.just(""), _IDS),
    what=st.sampled_from([_ADD, _REMOVE]),
    joins=st.booleans(),
    looks=st.booleans(),
    replies=st.lists(_REPLIES, min_size=1, max_size=6),
)
def test_no_call_can_delete_a_person(
    user: str,
    group: str,
    known: str,
    what: OperationKind,
    joins: bool,
    looks: bool,
    replies: list[Answer | Problem],
) -> None:
    """W7: whatever ids are and Graph answers, a DELETE names an assignment, or a membership by its
    /$ref."""
    kind = GroupMembership(group) if joins else AppRoleGrant(group, "r-1")
    steps = move(_attempt(user, kind, what, looks_first=looks, known=known), "base")
    waiting = iter(replies)
    try:
        call = next(steps)
        while True:
            if call.method == "DELETE":
                assert what is _REMOVE
                parts = call.path.split("/")
                assert (parts[1], parts[3], len(parts), parts[5:]) in (
                    ("groups", "members", 6, ["$ref"]),
                    ("servicePrincipals", "appRoleAssignedTo", 5, []),
                )
            assert call.method in ("GET", "POST", "DELETE")
            call = steps.send(next(waiting, _GONE))
    except StopIteration as end:
        assert isinstance(end.value, Done | Already | Refused | Retriable)
