"""When the connector does not touch Entra for a lease, and what it tells again."""

from dataclasses import replace
from typing import Any

import pytest

from libs.domain.errors import NotFound
from services.connector.domain import facts
from services.connector.domain.connection import ConnectionMode
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal, Target
from services.connector.domain.verdict import Refused, Remedy
from tests.unit.connector.provisioning_house import (
    CONNECTION,
    GROUP,
    PERSON,
    ROLE,
    ProvisioningHouse,
)

_REFUSED = Refused("403", "permission_missing", "Insufficient privileges")


def _told(house: ProvisioningHouse) -> list[Any]:
    return [fact.body for fact in house.store.told]


async def _refused(house: ProvisioningHouse, reason: str) -> None:
    await house.granted("lea_1")
    assert house.delivery("lea_1").state is DeliveryState.FAILED
    assert house.delivery("lea_1").failure_reason == reason
    assert house.store.assignments_by_id == {}, "nothing is even intended"
    [told] = _told(house)
    assert isinstance(told, facts.AccessProvisioningFailed) and told.failure_reason == reason


async def test_an_unlisted_target_is_refused() -> None:
    """One target that the catalog does not list refuses all of them."""
    house = ProvisioningHouse()
    house.lease("lea_1", ROLE, GROUP)
    house.catalog.listed = [ROLE]
    await _refused(house, "target_not_listed")


async def test_a_target_that_the_catalog_has_otherwise_is_refused() -> None:
    """The same id for another group is not the same target."""
    house = ProvisioningHouse()
    house.lease("lea_1", replace(GROUP, kind=GroupMembership("g-2")))
    await _refused(house, "target_not_listed")


async def test_microsofts_own_is_refused_even_if_listed() -> None:
    """A hard stop of the connector's own."""
    house = ProvisioningHouse()
    house.lease("lea_1", ROLE)
    house.connections.protected_ids = frozenset({"sp-1"})
    await _refused(house, "target_protected")


async def test_an_app_role_of_a_connection_for_groups_only_is_refused() -> None:
    """The connector has no permission for it there, and does not try; groups are delivered."""
    house = ProvisioningHouse()
    house.connections.connection = replace(CONNECTION, mode=ConnectionMode.GROUPS_ONLY)
    house.lease("lea_1", GROUP, ROLE)
    await _refused(house, "groups_only")
    assert house.delivery("lea_1").remedy is Remedy.NEEDS_PERSON
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED


async def test_another_person_is_refused() -> None:
    """The lease and the catalog must mean the same person."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP)
    house.catalog.subject = replace(PERSON, entra_object_id="99999999-0000-0000-0000-000000000000")
    await _refused(house, "principal_mismatch")


async def test_a_person_of_another_tenant_is_refused() -> None:
    """Whoever is not of the connected tenant is nobody there."""
    house = ProvisioningHouse()
    stranger = Principal("usr_eve", "99999999-0000-0000-0000-000000000000", PERSON.entra_object_id)
    house.lease("lea_1", GROUP)
    house.change("lea_1", subject=stranger)
    house.catalog.subject = stranger
    await _refused(house, "principal_mismatch")


async def test_an_unknown_connection_is_refused() -> None:
    """A target of a tenant that is not connected."""
    house = ProvisioningHouse()
    elsewhere = Target("den_else", "con_2", "elsewhere", AppRoleGrant("sp-9", "r-9"))
    house.catalog.listed.append(elsewhere)
    house.lease("lea_1", elsewhere)
    await _refused(house, "connection_not_found")


@pytest.mark.parametrize("reason", ["ENTITLEMENT_NOT_FOUND", "USER_NOT_FOUND"])
async def test_what_the_catalog_does_not_know_is_refused(reason: str) -> None:
    """An entitlement or a person that is gone fails visibly."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP)
    house.catalog.missing = NotFound(reason, "gone")
    await _refused(house, reason.lower())


async def test_a_lease_of_nothing_is_refused() -> None:
    """Nothing to deliver is not delivered."""
    house = ProvisioningHouse()
    house.lease("lea_1")
    await _refused(house, "no_targets")


async def test_an_event_is_only_a_hint() -> None:
    """A lease that is not granted is not delivered, whatever an event says."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP)
    house.change("lea_1", is_wanted=False)
    await house.granted("lea_1")
    await house.ended("lea_1")
    assert house.store.deliveries_by_id == {}
    with pytest.raises(NotFound):
        await house.granted("lea_forged")


async def test_a_late_grant_after_the_end_adds_nothing() -> None:
    """The end of a lease that was never begun is noted, and answered."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP)
    house.end("lea_1")
    await house.ended("lea_1")
    assert _told(house) == [facts.AccessDeprovisioned("lea_1")]
    house.change("lea_1", is_wanted=True, is_ended=False)  # not even if requests says so
    await house.granted("lea_1")
    assert await house.begin() == []
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


async def test_doubled_events_do_their_work_once_and_tell_again() -> None:
    """Requests repeats until it has heard: it is told again, and Entra is not called again."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP)
    await house.granted("lea_1")
    await house.granted("lea_1")
    await house.work()
    assert _told(house) == [facts.AccessProvisioned("lea_1", 1)]
    await house.granted("lea_1")
    assert _told(house) == [facts.AccessProvisioned("lea_1", 1)] * 2
    house.change("lea_1", is_delivered=True)
    await house.granted("lea_1")
    assert len(_told(house)) == 2, "requests knows already"
    house.end("lea_1")
    await house.ended("lea_1")
    await house.ended("lea_1")
    await house.work()
    await house.ended("lea_1")
    assert _told(house)[2:] == [facts.AccessDeprovisioned("lea_1")] * 2
    assert await house.begin() == []


async def test_a_retry_is_a_new_round() -> None:
    """The same round is not tried again; a higher one is, only for what is missing."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP, ROLE)
    await house.granted("lea_1")
    for attempt in await house.begin():
        await house.settle(
            attempt, _REFUSED if attempt.target == ROLE else house.tenant.apply(attempt)
        )
    await house.granted("lea_1")
    assert await house.begin() == []
    assert len(_told(house)) == 2, "the failure is told again"
    house.change("lea_1", round=2)
    await house.granted("lea_1")
    assert house.delivery("lea_1").state is DeliveryState.PENDING
    [attempt] = await house.begin()
    assert attempt.target == ROLE
    await house.settle(attempt, house.tenant.apply(attempt))
    assert house.delivery("lea_1").state is DeliveryState.DELIVERED
    assert _told(house)[-1] == facts.AccessProvisioned("lea_1", 2)


async def test_a_retry_of_an_unlisted_target_fails_again_in_its_round() -> None:
    """Each round is answered with its own number."""
    house = ProvisioningHouse()
    house.lease("lea_1", GROUP)
    house.catalog.listed = []
    await house.granted("lea_1")
    house.change("lea_1", round=2)
    await house.granted("lea_1")
    assert [told.round for told in _told(house)] == [1, 2]
    house.catalog.listed = [GROUP]
    house.change("lea_1", round=3)
    await house.granted("lea_1")
    await house.work()
    assert _told(house)[-1] == facts.AccessProvisioned("lea_1", 3)
