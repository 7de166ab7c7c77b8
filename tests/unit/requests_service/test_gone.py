"""What depends on people and entitlements that are gone is ended."""

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from libs.domain.callers import Person
from libs.domain.errors import Unavailable
from libs.domain.ids import derived_id
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequestState
from services.requests.domain.gone import Gone
from services.requests.domain.lease import EndCause, LeaseState
from services.requests.handlers.cancel_access_request import Withdrawer
from services.requests.handlers.create_delegation import CreateDelegation, DelegationCreator
from services.requests.handlers.delete_delegation import DelegationEnder
from services.requests.handlers.end_lease import Ender
from services.requests.loops.gone import GoneLoop
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.house import ADA, House, person

T = TypeVar("T")
APP = derived_id("app", "design tool")
DISABLED = Gone("The person is disabled in the directory.")
REMOVED = Gone("The group Editors is gone.")


def _loop(house: House) -> GoneLoop:
    store, clock = house.store, house.clock
    return GoneLoop(
        house.writes,
        store.access_requests,
        store.leases,
        store.delegations,
        house.catalog,
        Ender(store.access_requests, store.leases, clock),
        Withdrawer(store.access_requests, clock),
        DelegationEnder(store.delegations, clock),
        house.decider,
        clock,
    )


async def _granted(house: House, number: int) -> str:
    return (await house.create(person(f"P{number:03}"))).lease_id


async def test_a_person_who_is_gone_loses_what_is_open() -> None:
    """An undecided wish and a lease on its way; of another person nothing, and the second hint
    finds nothing left."""
    house = House()
    mine = await house.create()
    other = await house.create(person("Ben"))
    house.policy.problem = "away"
    wish = await house.create(person("Cleo"))
    house.policy.problem = ""
    loop = _loop(house)
    for who in (ADA, person("Cleo"), person("Ben")):
        if who != person("Ben"):
            house.catalog.gone[who.user_id] = DISABLED
        await loop.of_person(who.user_id)

    lease = house.store.kept_leases[mine.lease_id]
    assert (lease.state, lease.end_cause) == (LeaseState.ENDING, EndCause.REVOKED)
    assert lease.end_reason == DISABLED.reason
    kept = house.store.kept_access_requests
    assert kept[mine.access_request_id].state is AccessRequestState.CANCELLED
    assert kept[wish.access_request_id].state is AccessRequestState.CANCELLED
    assert kept[other.access_request_id].state is AccessRequestState.APPROVED
    assert house.last.audit.action == "access_request.cancelled"
    assert (house.last.audit.actor, house.last.audit.reason) == (REQUESTS, DISABLED.reason)
    (fact,) = house.last.facts
    assert fact.body == facts.AccessRequestCancelled(wish.access_request_id, REQUESTS)
    changes = len(house.store.changes)
    await loop.of_person(ADA.user_id)
    await loop()
    assert len(house.store.changes) == changes


async def test_an_app_loses_what_is_for_an_entitlement_that_is_gone() -> None:
    """Once the catalog says so, not because an event does; and the entitlement is asked for once
    for all its leases."""
    house = House()
    leases = [await _granted(house, number) for number in range(20)]
    loop = _loop(house)
    await loop.of_app(APP)
    assert house.catalog.asked == [ENTITLEMENT]
    assert not any(house.store.kept_leases[found].is_over for found in leases)

    house.catalog.gone[ENTITLEMENT] = REMOVED
    await loop.of_app(derived_id("app", "another"))
    assert not any(house.store.kept_leases[found].is_over for found in leases)
    await loop.of_app(APP)
    assert {house.store.kept_leases[found].end_reason for found in leases} == {REMOVED.reason}


async def test_rounds_come_to_every_lease() -> None:
    """Five hundred a round, the last ones in the second, and then the first ones again; a round
    that finds the catalog away is done again."""
    house = House()
    leases = sorted([await _granted(house, number) for number in range(510)])
    users = {key: house.store.kept_leases[key].subject.user_id for key in leases}
    first, last = leases[0], leases[-1]
    loop = _loop(house)
    house.catalog.away = True
    await loop()
    with pytest.raises(Unavailable):
        await loop.of_person(users[first])
    house.catalog.away = False
    await loop()
    assert len(house.catalog.asked) == 500 + 1
    house.catalog.gone = {users[first]: DISABLED, users[last]: DISABLED}
    await loop()
    over = [key for key, lease in house.store.kept_leases.items() if lease.is_over]
    assert over == [last]
    await loop()
    over = sorted(key for key, lease in house.store.kept_leases.items() if lease.is_over)
    assert over == [first, last]


@pytest.mark.parametrize(("unknown", "ends"), [(20, True), (21, False)])
async def test_a_catalog_that_lost_its_data_ends_nothing(unknown: int, ends: bool) -> None:
    """A few may be unknown; when it is many of those asked for, the round passes over them."""
    house = House()
    leases = [await _granted(house, number) for number in range(60)]
    _unknown(house, leases[:unknown])
    await _loop(house)()
    over = sum(lease.is_over for lease in house.store.kept_leases.values())
    assert over == (unknown if ends else 0)


async def test_doubt_keeps_nobody_who_is_known() -> None:
    """Beside many who are unknown a disabled person's lease ends, and one whose entitlement is
    removed though its person is unknown, in the same round."""
    house = House()
    leases = [await _granted(house, number) for number in range(60)]
    _unknown(house, leases[:30])
    disabled, removed = leases[40], leases[3]
    house.catalog.gone[house.store.kept_leases[disabled].subject.user_id] = DISABLED
    kept = house.store.kept_leases[removed]
    house.store.kept_leases[removed] = replace(kept, entitlement_id="ent_other")
    house.catalog.gone["ent_other"] = REMOVED
    await _loop(house)()
    over = {key: it.end_reason for key, it in house.store.kept_leases.items() if it.is_over}
    assert over == {disabled: DISABLED.reason, removed: REMOVED.reason}


async def test_doubt_is_seen_in_the_audit() -> None:
    """Once when it begins, however many rounds it lasts, and once when a whole turn of the leases
    found none: a round without doubt in the middle of a turn does not end it."""
    house = House()
    leases = sorted([await _granted(house, number) for number in range(510)])
    before = len(house.store.changes)
    _unknown(house, leases[:150])
    loop = _loop(house)

    async def noted(rounds: int) -> list[str]:
        for _ in range(rounds):
            await loop()
        return [each.audit.action for each in house.store.changes[before:]]

    assert await noted(5) == ["catalog.doubted"]
    audit = house.last.audit
    assert (audit.actor, audit.resource_id) == (REQUESTS, "catalog")
    assert audit.details == {"asked": 501, "unknown": 150}
    assert audit.reason.startswith("The catalog does not know 150 of 501 people and entitlements")
    house.catalog.gone.clear()
    # The rest of a turn that began with doubt, the first half of the next, and its end.
    assert await noted(2) == ["catalog.doubted"]
    assert await noted(1) == ["catalog.doubted", "catalog.believed"]
    assert await noted(4) == ["catalog.doubted", "catalog.believed"]
    _unknown(house, leases[:150])
    assert (await noted(2))[2:] == ["catalog.doubted"]


def _unknown(house: House, leases: list[str]) -> None:
    for found in leases:
        user_id = house.store.kept_leases[found].subject.user_id
        house.catalog.gone[user_id] = Gone("The person is not in the directory.", unknown=True)


async def test_delegations_by_and_to_somebody_who_is_gone_end() -> None:
    """At a word, and in a round where there was none; not those that are over or of others, and
    not of people who are merely unknown when too many are."""
    house = House()
    loop = _loop(house)
    ben, cleo, dan, eve = (person(name) for name in ("Ben", "Cleo", "Dan", "Eve"))
    pairs = ((ADA, ben), (ben, cleo), (cleo, dan), (dan, eve))
    by, to, others, last = [await _delegated(house, *pair) for pair in pairs]

    async def ended() -> list[str]:
        now = house.clock.now()
        return [key for key, it in house.store.kept_delegations.items() if it.is_over(now)]

    await loop.of_person(ben.user_id)
    assert await ended() == []
    house.catalog.gone[ben.user_id] = DISABLED
    await loop.of_person(ben.user_id)
    assert await ended() == [by, to]
    audit, (fact,) = house.last.audit, house.last.facts
    assert (audit.actor, audit.reason) == (REQUESTS, DISABLED.reason)
    assert isinstance(fact.body, facts.DelegationDeleted)

    house.catalog.gone[eve.user_id] = DISABLED
    changes = len(house.store.changes)
    await loop()
    assert await ended() == [by, to, last]
    await loop()
    assert len(house.store.changes) == changes + 1

    many = [person(f"P{number}") for number in range(30)]
    for who in many:
        await _delegated(house, who, cleo)
        house.catalog.gone[who.user_id] = Gone("The person is not in the directory.", unknown=True)
    await loop()
    assert await ended() == [by, to, last]
    assert house.last.audit.action == "catalog.doubted"
    house.catalog.gone[cleo.user_id] = DISABLED
    await loop()
    assert len(await ended()) == 34
    assert others in await ended()


async def _delegated(house: House, delegator: Person, delegate: Person) -> str:
    creator = DelegationCreator(house.store.delegations, house.catalog, house.clock)
    end = house.clock.now() + timedelta(days=1)
    command = CreateDelegation(delegator, delegator.user_id, delegate.user_id, None, end)
    return house.keep(await creator(command)).delegation_id
