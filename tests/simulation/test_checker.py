"""The checker finds what it is for: a journal that is right, and each way to doctor it."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulation.checker import violations
from tests.simulation.journal import Line
from tests.simulation.record import record_of

_BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_GROUP = "group g-1"


def _at(minutes: float) -> str:
    return (_BEGIN + timedelta(minutes=minutes)).isoformat()


def _event(minutes: float, kind: str, **body: Any) -> Line:
    return {"what": "event", "time": _at(minutes), "type": kind, "resource_id": "x", "body": body}


def _entra(minutes: float, by: str, *, added: bool, person: str = "ada") -> Line:
    about = {"by": by, "added": added, "person": person, "kind": _GROUP}
    return {"what": "entra", "time": _at(minutes), **about}


def _asked(access_request_id: str, state: str = "FULFILLED") -> Line:
    about = {"access_request_id": access_request_id, "state": state}
    return {"what": "access_request", **about, "subject": "usr_ada", "requester": "usr_ada"}


def _right() -> list[Line]:
    """Ada has a group for an hour, with her manager's approval, and for half an hour more; she had
    it by hand before that, and again later."""
    about = {"lease_id": "lea_1", "access_request_id": "req_1"}
    longer = {"lease_id": "lea_1", "access_request_id": "req_2"}
    decided = {"policy_id": "pol_manager", "approver_user_ids": ["usr_max"]}
    approved = {"what": "audit", "service": "requests", "time": _at(1), "reason": ""}
    return [
        {"what": "policy", "time": _at(0), "policy_id": "pol_manager", "people": 1},
        _entra(0.1, "hand", added=True),
        _entra(0.2, "hand", added=False),
        {**approved, "action": "access_request.approved", "resource_id": "req_1"}
        | {"details": {"state": "APPROVED", "lease_id": "lea_1"}},
        _event(1, "AccessRequestApproved", **about, **decided),
        _event(1, "LeaseGranted", lease_id="lea_1", round="1"),
        _entra(1.1, "latchkey", added=True),
        {"what": "effect", "time": _at(1.2), "consumer": "requests-x", "event_id": "evt_1"},
        _event(2, "AccessRequestFulfilled", **about, end_time=_at(62)),
        {**approved, "action": "lease.extended", "resource_id": "lea_1"}
        | {"details": {"access_request_id": "req_2", "state": "ACTIVE"}},
        _event(50, "AccessRequestApproved", access_request_id="req_2", **decided),
        _event(50, "LeaseExtended", **longer, end_time=_at(92)),
        _event(92.1, "LeaseEnded", lease_id="lea_1"),
        _entra(92.2, "latchkey", added=False),
        _event(92.3, "LeaseRemoved", lease_id="lea_1"),
        _entra(95, "hand", added=True),
        {"what": "sync", "time": _at(100)},
        {"what": "end", "time": _at(200)},
        {"what": "lease", "lease_id": "lea_1", "access_request_id": "req_1", "state": "ENDED"}
        | {"person": "ada", "kinds": [_GROUP], "duration_seconds": 5400.0},
        _asked("req_1"),
        _asked("req_2"),
    ]


def _without(**facts: Any) -> Callable[[list[Line]], None]:
    """Lines with these facts were never written."""

    def doctor(lines: list[Line]) -> None:
        gone = [line for line in lines if facts.items() <= line.items()]
        assert gone, f"there is none with {facts}"
        lines[:] = [line for line in lines if line not in gone]

    return doctor


def _with(*more: Line) -> Callable[[list[Line]], None]:
    """These lines were written too."""
    return lambda lines: lines.extend(more)


def _body(kind: str, **facts: Any) -> Callable[[list[Line]], None]:
    """Events of this kind say something else."""

    def doctor(lines: list[Line]) -> None:
        for line in lines:
            if line["what"] == "event" and line["type"] == kind:
                line["body"].update(facts)

    return doctor


def _late(minutes: float, **facts: Any) -> Callable[[list[Line]], None]:
    """Lines with these facts were written at another time."""

    def doctor(lines: list[Line]) -> None:
        for line in lines:
            if facts.items() <= line.items():
                line["time"] = _at(minutes)

    return doctor


def _all(*doctors: Callable[[list[Line]], None]) -> Callable[[list[Line]], None]:
    def doctor(lines: list[Line]) -> None:
        for each in doctors:
            each(lines)

    return doctor


_FULFILLED = "AccessRequestFulfilled"
_BROUGHT_BACK = _entra(120, "latchkey", added=True)
_SECOND_EFFECT = {"what": "effect", "time": _at(3), "consumer": "requests-x", "event_id": "evt_1"}
_GIVEN = {"what": "entra", "by": "latchkey", "added": True}
_TAKEN = {"what": "entra", "by": "latchkey", "added": False}


def _state(what: str, state: str) -> Callable[[list[Line]], None]:
    def doctor(lines: list[Line]) -> None:
        next(line for line in lines if line["what"] == what)["state"] = state

    return doctor


def test_a_journal_that_is_right() -> None:
    """Nothing is found in it."""
    assert violations(record_of(_right())) == []


@pytest.mark.parametrize(
    ("invariant", "doctor"),
    [
        ("S1", _without(type="AccessRequestApproved")),
        ("S1", _without(action="access_request.approved")),
        ("S1", _late(1.5, type="AccessRequestApproved")),
        ("S1", _body("AccessRequestApproved", approver_user_ids=[])),
        ("S1", _body("AccessRequestApproved", approver_user_ids=["usr_ada"])),
        ("S1", _body("AccessRequestApproved", policy_id="")),
        ("S1", _with(_entra(5, "latchkey", added=True, person="eve"))),
        ("S3", _with(_entra(5, "latchkey", added=True))),
        ("S3", _with(_entra(5, "latchkey", added=False), _entra(5.1, "latchkey", added=True))),
        ("S3", _with(_entra(93, "latchkey", added=True), _entra(93.2, "latchkey", added=False))),
        ("S4", _with(_entra(93, "latchkey", added=True), _entra(94.9, "latchkey", added=False))),
        ("S4", _all(_without(**_GIVEN), _late(150, **_TAKEN), _with(_BROUGHT_BACK))),
        ("S9", _with(_SECOND_EFFECT)),
        ("S15", _with(_entra(110, "latchkey", added=False))),
        ("S15", _with(_entra(95.5, "latchkey", added=False))),
        ("S17", _late(94, **_TAKEN)),
        ("S17", _without(**_TAKEN)),
        ("S17", _all(_without(type="LeaseExtended"), _body(_FULFILLED, end_time=_at(99)))),
        ("S17", _without(action="lease.extended")),
        ("S17", _body("LeaseExtended", end_time=_at(40))),
        ("lea_1 was shown as ended", _late(93, **_TAKEN)),
        ("L8", _with(_entra(10, "hand", added=False), {"what": "sync", "time": _at(15)})),
        ("L2", _without(type="LeaseRemoved")),
        ("L2", _late(120, type="LeaseRemoved")),
        ("L7", _state("lease", "ENDING")),
        ("L7", _state("lease", "GRANTED")),
        ("L7", _state("access_request", "APPROVED")),
        ("L7", _state("access_request", "EVALUATING")),
    ],
)  # fmt: skip
def test_a_journal_that_is_doctored(invariant: str, doctor: Callable[[list[Line]], None]) -> None:
    """It is found guilty of what was done to it."""
    lines = copy.deepcopy(_right())
    doctor(lines)
    found = violations(record_of(lines))
    assert any(each.startswith(invariant) for each in found), found


def test_what_is_in_the_way_gives_time() -> None:
    """While Graph is away nothing can be taken: the bound counts from when it is back."""
    foul = [
        {"what": "weather", "time": _at(at), "fair": fair} for at, fair in ((92, False), (95, True))
    ]
    lines = [*_right(), *foul]
    _late(95.5, **_TAKEN)(lines)
    _late(95.6, type="LeaseRemoved")(lines)
    _late(99, what="entra", by="hand", added=True)(lines)
    assert not [each for each in violations(record_of(lines)) if each.startswith("S17")]
    _late(97, **_TAKEN)(lines)
    assert [each for each in violations(record_of(lines)) if each.startswith("S17")]


def test_an_answer_that_was_lost_may_make_it_look_like_ours() -> None:
    """What was given by hand, unseen by any sync, while a lease of it was on its way, may be taken
    with the lease."""
    lines = _right()
    _without(**_GIVEN)(lines)
    _without(what="entra", by="hand")(lines)
    unseen = [*lines, _entra(0.5, "hand", added=True), {"what": "sync", "time": _at(0.9)}]
    assert not [each for each in violations(record_of(unseen)) if each.startswith("S15")]
    seen = [*lines, _entra(-5, "hand", added=True), {"what": "sync", "time": _at(0.9)}]
    assert [each for each in violations(record_of(seen)) if each.startswith("S15")]


def test_a_lease_that_never_came_to_entra_is_judged_too() -> None:
    """One that was given back on its way, of a group where nothing ever happened."""
    lines = _right()
    lines += [
        _event(3, "LeaseGranted", lease_id="lea_2", round="1"),
        _event(3.1, "LeaseEnded", lease_id="lea_2"),
        _event(3.2, "LeaseRemoved", lease_id="lea_2"),
        {"what": "lease", "lease_id": "lea_2", "access_request_id": "req_3", "state": "ENDED"}
        | {"person": "ben", "kinds": ["group g-2"], "duration_seconds": 3600.0},
        _asked("req_3", "CANCELLED"),
    ]
    assert violations(record_of(lines)) == []
