"""How much is let in, and whom it is refused."""

from contextlib import ExitStack

import pytest

from libs.domain.callers import Person, Service
from libs.rpc.limits import Limits, Most, TooMuch


class _Ticks:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def _person(name: str) -> Person:
    return Person("11111111-1111-4111-8111-111111111111", f"{hash(name) & 0xFFFFFF:032x}", name)


def _refusal(limits: Limits, caller: Person | Service) -> str:
    """Why a call is refused; empty when it is let in."""
    try:
        with limits.call(caller):
            return ""
    except TooMuch as refused:
        assert refused.retry_after > 0
        return refused.reason


ADA, BEN, CLEO = (_person(name) for name in ("Ada", "Ben", "Cleo"))


def test_who_asks_too_often_is_refused_and_nobody_else() -> None:
    """A moment holds two seconds' calls; then there are as many as time brings, for each person by
    themselves."""
    ticks = _Ticks()
    limits = Limits(Most(calls_per_second=10), ticks)
    assert [_refusal(limits, ADA) for _ in range(22)] == [""] * 20 + ["RATE_LIMITED"] * 2
    assert _refusal(limits, BEN) == ""
    ticks.at += 0.5
    assert [_refusal(limits, ADA) for _ in range(6)] == [""] * 5 + ["RATE_LIMITED"]
    ticks.at += 3600
    assert [_refusal(limits, ADA) for _ in range(21)] == [""] * 20 + ["RATE_LIMITED"]


def test_when_to_try_again_is_when_it_works() -> None:
    """Who waits for as long as they are told is let in."""
    ticks = _Ticks()
    limits = Limits(Most(calls_per_second=0.5), ticks)
    assert _refusal(limits, ADA) == ""
    with pytest.raises(TooMuch) as refused, limits.call(ADA):
        pass
    ticks.at += refused.value.retry_after
    assert _refusal(limits, ADA) == ""


def test_services_are_not_counted_by_the_second() -> None:
    """What a service asks was let in by one before; it has its own places, and no more."""
    limits = Limits(Most(calls_per_second=1, calls_at_once=8))
    requests = Service("requests")
    assert {_refusal(limits, requests) for _ in range(1000)} == {""}
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(limits.call(requests))
        assert _refusal(limits, requests) == "OVERLOADED"
        assert _refusal(limits, ADA) == ""
    assert _refusal(limits, requests) == ""


def test_under_pressure_nobody_has_more_than_their_share() -> None:
    """Who takes half of all places is refused more as soon as others come; the others are let in
    until none is left."""
    limits = Limits(Most(calls_per_second=1000, calls_at_once=32))
    with ExitStack() as held:
        for _ in range(16):
            held.enter_context(limits.call(ADA))
        assert _refusal(limits, ADA) == "OVERLOADED"
        for _ in range(8):
            held.enter_context(limits.call(BEN))
        assert _refusal(limits, BEN) == "OVERLOADED"
        assert _refusal(limits, ADA) == "OVERLOADED"
        for number in range(8):
            held.enter_context(limits.call(_person(f"P{number}")))
        assert _refusal(limits, CLEO) == "OVERLOADED"
    assert _refusal(limits, ADA) == ""


def test_places_come_back_however_a_call_ends() -> None:
    """Also when it fails."""
    limits = Limits(Most(calls_per_second=1000, calls_at_once=8))
    for _ in range(50):
        with pytest.raises(ZeroDivisionError), limits.call(ADA):
            raise ZeroDivisionError
    assert _refusal(limits, ADA) == ""


def test_streams_have_places_of_their_own() -> None:
    """So many for one person, so many for all, and none of them is a call's."""
    limits = Limits(Most(streams=6, streams_of_one=4, calls_at_once=8))
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(limits.stream(ADA))
        with pytest.raises(TooMuch, match="4 streams") as refused, limits.stream(ADA):
            pass
        assert refused.value.reason == "RATE_LIMITED"
        for _ in range(2):
            held.enter_context(limits.stream(BEN))
        with pytest.raises(TooMuch) as refused, limits.stream(CLEO):
            pass
        assert refused.value.reason == "OVERLOADED"
        assert _refusal(limits, CLEO) == ""
    with limits.stream(ADA):
        pass


def test_it_forgets_people_it_has_not_heard_of_for_long() -> None:
    """Many callers do not fill the memory."""
    limits = Limits(Most())
    for number in range(12_000):
        assert _refusal(limits, _person(str(number))) == ""
    assert len(limits._budgets) == 10_000
