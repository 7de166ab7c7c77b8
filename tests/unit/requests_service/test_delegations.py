"""Who decides in another's place: named, listed, ended, and never in a circle."""

import asyncio
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.changes import Outcome
from libs.domain.errors import (
    AlreadyExists,
    Invalid,
    LatchkeyError,
    NotAllowed,
    NotFound,
    Unavailable,
    WrongState,
)
from services.requests.domain import facts
from services.requests.domain.delegation import Delegation, Period
from services.requests.domain.gone import Gone
from services.requests.handlers.create_delegation import CreateDelegation, DelegationCreator
from services.requests.handlers.delete_delegation import DelegationDeleter, DeleteDelegation
from services.requests.handlers.list_delegations import DelegationLister, ListDelegations
from tests.fakes.requests_delegations import Taken
from tests.support.examples import examples
from tests.unit.requests_service.house import ADA, House, person

BEN, CLEO, DAN = person("Ben"), person("Cleo"), person("Dan")
BOSS = person("Boss", ADMIN)
DAY = timedelta(days=1)


def _day(house: House, day: float) -> datetime:
    return house.clock.now() + day * DAY


async def _made(
    house: House,
    delegator: Person,
    delegate: Person,
    start: float = 0,
    end: float = 1,
    *,
    by: Person | None = None,
) -> Outcome[Delegation]:
    """From the one day until the other, counted from now."""
    creator = DelegationCreator(house.store.delegations, house.catalog, house.clock)
    return await creator(
        CreateDelegation(
            by or delegator,
            delegator.user_id,
            delegate.user_id,
            _day(house, start),
            _day(house, end),
            "away",
        )
    )


async def _name(
    house: House,
    delegator: Person,
    delegate: Person,
    start: float = 0,
    end: float = 1,
    *,
    by: Person | None = None,
) -> Delegation:
    return house.keep(await _made(house, delegator, delegate, start, end, by=by))


async def _end(house: House, who: Person, delegation: Delegation) -> None:
    deleter = DelegationDeleter(house.store.delegations, house.clock)
    house.keep(await deleter(DeleteDelegation(who, delegation.delegation_id)))


async def _listed(house: House, who: Person) -> list[str]:
    lister = DelegationLister(house.store.delegations, house.clock)
    return [it.delegation_id for it in (await lister(ListDelegations(who, 50, ""))).items]


async def _deciders(house: House, *whose: Person) -> dict[str, str]:
    found = await house.store.delegations.delegates_of(
        [who.user_id for who in whose], house.clock.now()
    )
    return {user_id: delegate.user_id for user_id, delegate in found.items()}


async def test_people_name_who_decides_for_them() -> None:
    """From its start on until its end; the audit and the event say all of it but for the words."""
    house = House()
    made = await _name(house, ADA, BEN, 1, 3)
    assert (made.delegator.user_id, made.delegate.user_id) == (ADA.user_id, BEN.user_id)
    assert (made.period, made.reason) == (Period(_day(house, 1), _day(house, 3)), "away")
    audit, (fact,) = house.last.audit, house.last.facts
    assert (audit.actor, audit.action, audit.reason) == (ADA, "delegation.created", "away")
    assert fact.body == facts.DelegationCreated(
        made.delegation_id, ADA.user_id, BEN.user_id, _day(house, 1), _day(house, 3), ADA
    )
    assert (fact.resource_id, fact.resource_version) == (made.delegation_id, 1)

    seen = []
    for _ in range(4):
        delegators = await house.store.delegations.delegators_of(BEN.user_id, house.clock.now())
        found = await _deciders(house, ADA, BEN)
        seen.append((found, [who.user_id for who in delegators]))
        house.clock.advance(DAY)
    runs = ({ADA.user_id: BEN.user_id}, [ADA.user_id])
    assert seen == [({}, []), runs, runs, ({}, [])]


async def test_a_start_that_is_past_stands_for_now() -> None:
    """Nobody has decided in another's place before it was said that they may."""
    house = House()
    assert (await _name(house, ADA, BEN, -3)).period.start == house.clock.now()
    creator = DelegationCreator(house.store.delegations, house.catalog, house.clock)
    command = CreateDelegation(BEN, BEN.user_id, CLEO.user_id, None, _day(house, 366))
    assert house.keep(await creator(command)).period.start == house.clock.now()


@pytest.mark.parametrize(("start", "end"), [(1, 1), (2, 1), (-2, -1), (0, 0), (0, 366.1)])
async def test_a_period_that_can_not_be(start: float, end: float) -> None:
    """It ends after it starts, after now, and within a year; the catalog is not asked."""
    house = House()
    with pytest.raises(Invalid) as refused:
        await _made(house, ADA, BEN, start, end)
    assert [it.field for it in refused.value.violations] == ["end_time"]
    assert house.catalog.asked == []


async def test_only_administrators_name_for_others() -> None:
    """Neither the delegate nor an auditor, and nobody themselves."""
    house = House()
    for other in (BEN, person("Audrey", AUDITOR)):
        with pytest.raises(NotAllowed):
            await _made(house, ADA, BEN, by=other)
    with pytest.raises(Invalid):
        await _made(house, ADA, ADA)
    assert house.catalog.asked == []
    made = await _name(house, ADA, BEN, by=BOSS)
    assert made.delegator.user_id == ADA.user_id
    (fact,) = house.last.facts
    assert isinstance(fact.body, facts.DelegationCreated)
    assert fact.body.actor == house.last.audit.actor == BOSS


async def test_both_are_enabled_people_of_one_tenant() -> None:
    """Whoever of the two is not is named; while the catalog is away nothing is made."""
    house = House()
    for who in (ADA, BEN):
        house.catalog.gone = {who.user_id: Gone("disabled")}
        with pytest.raises(NotFound) as refused:
            await _made(house, ADA, BEN)
        assert refused.value.reason == "DELEGATE_NOT_FOUND"
        assert refused.value.facts == {"user_id": who.user_id}
    house.catalog.gone = {}
    house.catalog.tenants = {BEN.user_id: "another"}
    with pytest.raises(NotFound):
        await _made(house, ADA, BEN)
    house.catalog.away = True
    with pytest.raises(Unavailable):
        await _made(house, ADA, BEN)


async def test_one_delegate_at_a_time() -> None:
    """Not for a moment two, whoever they are; one after the other, and one who ended, are fine."""
    house = House()
    made = await _name(house, ADA, BEN, 2, 4)
    for start, end in ((2, 4), (0, 2.1), (3.9, 9), (0, 9), (3, 3.1)):
        for delegate in (BEN, CLEO):
            with pytest.raises(AlreadyExists) as refused:
                await _made(house, ADA, delegate, start, end)
            assert refused.value.facts == {"delegation_id": made.delegation_id}
    await _name(house, ADA, CLEO, 0, 2)
    await _name(house, ADA, CLEO, 4, 5)
    await _end(house, ADA, made)
    await _name(house, ADA, CLEO, 2, 4)


async def test_no_way_leads_back() -> None:
    """Directly or through others, where for a moment all of it would hold; else it may."""
    house = House()
    await _name(house, ADA, BEN, 0, 3)
    cleos = await _name(house, BEN, CLEO, 2, 5)
    with pytest.raises(WrongState) as refused:
        await _made(house, BEN, ADA, 1, 2)
    assert refused.value.reason == "DELEGATION_LOOP"
    with pytest.raises(WrongState) as refused:
        await _made(house, CLEO, ADA, 2.9, 9)
    assert refused.value.reason == "DELEGATION_LOOP"
    assert refused.value.facts == {"delegation_id": cleos.delegation_id}
    # At each moment of these, the way ends somewhere else.
    await _name(house, CLEO, ADA, 3, 4)
    await _name(house, CLEO, ADA, 0, 2)
    assert await _deciders(house, ADA, BEN, CLEO) == {
        ADA.user_id: BEN.user_id,
        CLEO.user_id: ADA.user_id,
    }


async def test_a_way_that_is_too_long_is_not_gone() -> None:
    """A hundred other delegations are looked at and no more, be they of one person or of many; a
    shorter time is looked through."""
    house = House()
    for number in range(101):
        await _name(house, BEN, CLEO, 0.1 * number, 0.1 * number + 0.1)
        await _name(house, person(f"P{number}"), person(f"P{number + 1}"), 0, 100)
    for delegate, end in ((BEN, 11), (person("P0"), 1)):
        with pytest.raises(Invalid) as refused:
            await _made(house, ADA, delegate, 0, end)
        assert [it.field for it in refused.value.violations] == ["end_time"]
    await _name(house, ADA, BEN, 0, 9.99)
    await _name(house, ADA, person("P1"), 10, 11)
    assert house.last.facts


_WISHES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 5), st.integers(1, 4)).filter(
        lambda wish: wish[0] != wish[1]
    ),
    max_size=25,
)


@settings(max_examples=examples(150), deadline=None)
@given(_WISHES)
def test_what_is_refused_is_what_a_look_at_every_moment_refuses(
    wishes: list[tuple[int, int, int, int]],
) -> None:
    """Of any wishes in any order, those are kept that at each moment leave everybody one delegate
    at most, and no way back."""
    people = [person(f"P{number}") for number in range(5)]
    house = House()
    moments: list[dict[int, int]] = [{} for _ in range(10)]

    async def all_of_them() -> None:
        for delegator, delegate, start, length in wishes:
            taken = moments[start : start + length]
            expected = ""
            if any(delegator in moment for moment in taken):
                expected = "DELEGATION_EXISTS"
            elif any(_leads(moment, delegate, delegator) for moment in taken):
                expected = "DELEGATION_LOOP"
            refused = ""
            try:
                await _name(house, people[delegator], people[delegate], start, start + length)
            except LatchkeyError as error:
                refused = error.reason
            assert refused == expected
            if not refused:
                for moment in taken:
                    moment[delegator] = delegate

    asyncio.run(all_of_them())


def _leads(moment: dict[int, int], start: int, end: int) -> bool:
    while start != end:
        if start not in moment:
            return False
        start = moment[start]
    return True


async def test_two_at_once_are_as_one_after_the_other() -> None:
    """Of what was made from the same state, what makes an overlap or a loop with what was kept
    first is stale, though the two are by different people; anything else is kept."""
    house = House()
    overlap = [await _made(house, ADA, delegate) for delegate in (BEN, CLEO)]
    later = await _made(house, ADA, CLEO, 1, 2)
    house.keep(overlap[0])
    with pytest.raises(Taken):
        house.keep(overlap[1])
    house.keep(later)

    house = House()
    circle = [
        await _made(house, *pair) for pair in ((ADA, BEN), (BEN, CLEO), (CLEO, DAN), (DAN, ADA))
    ]
    elsewhere = await _made(house, CLEO, ADA, 1, 2)
    for each in (*circle[:3], elsewhere):
        house.keep(each)
    with pytest.raises(Taken):
        house.keep(circle[3])
    with pytest.raises(WrongState):
        await _made(house, DAN, ADA)


async def test_who_sees_and_ends_one() -> None:
    """The two and administrators; an auditor sees it, others do not know of it; when it is over it
    is kept, and neither listed nor ended again."""
    house = House()
    audrey = person("Audrey", AUDITOR)
    one, two = await _name(house, ADA, BEN, 0, 9), await _name(house, BEN, CLEO, 5, 6)
    three = await _name(house, DAN, ADA, 0, 2)
    ids = [each.delegation_id for each in (one, two, three)]
    listed = {who: await _listed(house, who) for who in (ADA, BEN, CLEO, DAN, BOSS, audrey)}
    assert listed == {
        ADA: [ids[2], ids[0]],
        BEN: [ids[1], ids[0]],
        CLEO: [ids[1]],
        DAN: [ids[2]],
        BOSS: [ids[2], ids[1], ids[0]],
        audrey: [ids[2], ids[1], ids[0]],
    }
    with pytest.raises(NotFound):
        await _end(house, DAN, one)
    with pytest.raises(NotAllowed):
        await _end(house, audrey, one)
    house.clock.advance(DAY)
    for who, each in ((BEN, one), (BOSS, two), (DAN, three)):
        await _end(house, who, each)
        audit, (fact,) = house.last.audit, house.last.facts
        assert (audit.actor, audit.action) == (who, "delegation.deleted")
        assert audit.details["end_time"] == each.period.end.isoformat()
        assert fact.body == facts.DelegationDeleted(each.delegation_id, who)
        assert fact.resource_version == 2
        with pytest.raises(NotFound):
            await _end(house, who, each)
    assert await _listed(house, BOSS) == []
    assert await _deciders(house, ADA, BEN, DAN) == {}
    house.clock.advance(4 * DAY)
    assert await _deciders(house, BEN) == {}
    assert {it.period.end for it in house.store.kept_delegations.values()} == {_day(house, -4)}
