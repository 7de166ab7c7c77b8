"""What goes wrong between us and Graph while many leases come and go."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from latchkey.connector.v1 import connection_pb2
from latchkey.connector.v1 import provisioning_pb2 as pb
from services.connector.entra import answers, http
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector import crowd
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast

_DONE, _ALREADY = pb.ATTEMPT_OUTCOME_DONE, pb.ATTEMPT_OUTCOME_ALREADY
_NOT_DONE, _UNKNOWN = pb.ATTEMPT_OUTCOME_NOT_DONE, pb.ATTEMPT_OUTCOME_UNKNOWN


def _strike(
    house: ConnectorHouse, kind: str, calls: Sequence[tuple[str, str]], **more: int
) -> None:
    for method, path in calls:
        house.simulator.faults.add(kind, method=method, path=path, **more)


_ADDING = (
    ("PATCH", "/groups/*"),
    ("POST", "/groups/*/members/$ref"),
    ("POST", "/servicePrincipals/*/appRoleAssignedTo"),
    ("POST", "/$batch"),
)
_REMOVING = (
    ("DELETE", "/groups/*/members/*/$ref"),
    ("DELETE", "/servicePrincipals/*/appRoleAssignedTo/*"),
    ("GET", "/servicePrincipals/*/appRoleAssignedTo/*"),
    ("POST", "/$batch"),
)


async def _come_and_go(house: ConnectorHouse, kind: str) -> None:
    connection_id = await house.connect()
    targets = [
        membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
        app_role(connection_id, cast.TENANT, cast.ATELIER),
    ]
    persons = crowd.people(house, 5)
    leases = crowd.leases(house, persons, targets)
    _strike(house, kind, _ADDING, times=1)
    await house.granted(*leases)
    await crowd.all_reached(house, leases, pb.DELIVERY_STATE_DELIVERED)
    assert len(_touched(house)) == 10, "each was made once"
    assert not any(found.preexisting for found in await house.assignments())

    house.simulator.faults.clear()
    _strike(house, kind, _REMOVING, times=1)
    await house.ended(*leases)
    await crowd.all_reached(house, leases, pb.DELIVERY_STATE_REMOVED)
    tenant = house.simulator.tenant
    for person in persons:
        assert person in tenant.users
        assert not tenant.is_member(cast.ATELIER_EDITORS, person)
        assert not tenant.find_assignment(person, cast.ATELIER, cast.NO_ROLE)
    assert len(_touched(house)) == 20, "each was taken away once"
    assert house.simulator.quota.early_calls == []
    struck = [entry for entry in house.simulator.journal.entries() if entry.get("fault")]
    assert len(struck) >= 3, "the faults did strike"
    for found in await house.operations():
        whole = await crowd.operation(house, found.operation_id)
        assert [each.number for each in whole.attempts] == [*range(1, whole.attempt_count + 1)]
        assert whole.attempts[-1].outcome in (_DONE, _ALREADY)
        for attempt in whole.attempts:
            assert attempt.outcome and attempt.client_request_id and attempt.HasField("finish_time")


def _touched(house: ConnectorHouse) -> list[tuple[str, str]]:
    """What was changed in the tenant, one by one: a PATCH of many is as many changes."""
    return [(change["action"], str(change)) for change in house.changes()]


@pytest.mark.usefixtures("short_lag")
@pytest.mark.parametrize("kind", ["throttle", "reset-done"])
async def test_a_storm_costs_time_and_nothing_else(house: ConnectorHouse, kind: str) -> None:
    """Whatever struck, each thing is made once and taken away once, and no call comes early."""
    await _come_and_go(house, kind)


@pytest.mark.usefixtures("short_lag")
@pytest.mark.parametrize(
    "kind",
    ["throttle-silent", "throttle-done", "unavailable", "gateway-timeout-done", "reset"],
)
async def test_every_other_storm(small_house: ConnectorHouse, kind: str) -> None:
    """The same for what no database makes a difference to."""
    await _come_and_go(small_house, kind)


async def test_a_503_that_says_when_to_come_back_is_obeyed(small_house: ConnectorHouse) -> None:
    """Nothing is called before the time is over, neither the same call nor any other."""
    house = small_house
    connection_id = await house.connect()
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    _strike(house, "unavailable", [("POST", "/groups/*/members/$ref")], times=1, retryAfter=2)
    await house.granted(house.lease(cast.NORA, [target]))
    refused = await crowd.attempted(house, 1)
    other = house.lease(cast.GRETA, [target])
    await house.granted(other)
    await house.reached(other, pb.DELIVERY_STATE_DELIVERED)
    first, *later = [entry for entry in _calls(house) if "/groups/" in entry["path"]]
    assert first["status"] == 503
    assert refused.attempts[0].outcome == _UNKNOWN and refused.attempts[0].status == 503
    assert all(_seconds(entry) - _seconds(first) >= 1.9 for entry in later)


async def test_a_throttled_item_of_a_batch_is_its_own(small_house: ConnectorHouse) -> None:
    """Behind an answer of 200 one item was throttled: the tenant rests, the others are done."""
    house = small_house
    connection_id = await house.connect()
    persons = crowd.people(house, 6)
    leases = crowd.leases(house, persons, [app_role(connection_id, cast.TENANT, cast.ATELIER)])
    house.simulator.faults.add(
        "throttle",
        method="POST",
        path="/servicePrincipals/*/appRoleAssignedTo",
        batchItems="only",
        times=2,
    )
    async with crowd.gathering(house, connection_id):
        await house.granted(*leases)
        await crowd.gathered(house, 6)
    await crowd.all_reached(house, leases, pb.DELIVERY_STATE_DELIVERED)
    assert len(house.changes()) == 6 and house.simulator.quota.early_calls == []
    attempts = [
        attempt
        for found in await house.operations()
        for attempt in (await crowd.operation(house, found.operation_id)).attempts
    ]
    throttled = [attempt for attempt in attempts if attempt.status == 429]
    assert len(throttled) == 2
    for attempt in throttled:
        assert attempt.outcome == _UNKNOWN and attempt.code == "TooManyRequests"
        assert attempt.graph_request_id and attempt.call.startswith("POST /servicePrincipals/")


async def test_new_objects_that_not_every_replica_knows(small_house: ConnectorHouse) -> None:
    """A person, a group and an app made a moment ago: refused at first, delivered in the end."""
    house = small_house
    simulator = house.simulator
    connection_id = await house.connect()
    simulator.behaviour.replica_lags = (0.0, 1.0, 2.0)
    # The replicas begin with what there is; what follows reaches them late.
    await house.connections.TestConnection(
        connection_pb2.TestConnectionRequest(connection_id=connection_id), metadata=house.admin
    )
    persons = crowd.people(house, 3)
    [group] = crowd.groups(house, 1)
    leases = crowd.leases(
        house,
        persons,
        [
            membership(connection_id, cast.TENANT, group),
            app_role(connection_id, cast.TENANT, cast.ATELIER),
        ],
    )
    await house.granted(*leases)
    await crowd.all_reached(house, leases, pb.DELIVERY_STATE_DELIVERED)
    await house.ended(*leases)
    await crowd.all_reached(house, leases, pb.DELIVERY_STATE_REMOVED)
    assert not any(simulator.tenant.is_member(group, person) for person in persons)
    assert not any(
        simulator.tenant.find_assignment(person, cast.ATELIER, cast.NO_ROLE) for person in persons
    )


async def test_access_whose_id_nobody_could_see_is_removed_all_the_same(
    small_house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer was lost and the lists lag for longer than the lease lasts: an empty list is not
    taken for "gone" before every list knows what was added."""
    monkeypatch.setattr(answers, "REPLICATION_PATIENCE", timedelta(seconds=8))
    house = small_house
    connection_id = await house.connect()
    house.simulator.behaviour.replica_lags = (6.0,)
    path = "/servicePrincipals/*/appRoleAssignedTo"
    _strike(house, "reset-done", [("POST", path)], times=1)
    lease_id = house.lease(cast.NORA, [app_role(connection_id, cast.TENANT, cast.ATELIER)])
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    [assignment] = await house.assignments()
    assert not assignment.entra_assignment_id, "nobody could see it"
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED, within=30)
    assert not house.simulator.tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)


async def test_one_bad_member_of_many(
    small_house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of people who join together the good ones succeed, and the bad one fails with its reason."""
    monkeypatch.setattr(answers, "REPLICATION_PATIENCE", timedelta(seconds=1))
    house = small_house
    connection_id = await house.connect()
    persons = crowd.people(house, 6)
    house.simulator.tenant.add_member(cast.ATELIER_EDITORS, persons[1])
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    leases = crowd.leases(house, [*persons, cast.UNKNOWN], [target])
    async with crowd.gathering(house, connection_id):
        await house.granted(*leases)
        await crowd.gathered(house, 7)
    *good, bad = leases
    await crowd.all_reached(house, good, pb.DELIVERY_STATE_DELIVERED)
    failed = await house.reached(bad, pb.DELIVERY_STATE_FAILED)
    assert failed.failure_reason == "principal_not_found"
    assert failed.remedy == pb.REMEDY_HOPELESS
    assert any(entry["method"] == "PATCH" for entry in crowd.graph_writes(house))
    preexisting = [
        found.entra_principal_id for found in await house.assignments() if found.preexisting
    ]
    assert preexisting == [persons[1]]


async def test_an_answer_that_never_comes_is_looked_up(
    small_house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Carried out and never answered: the next attempt finds it there, and the record says so."""
    monkeypatch.setattr(http, "_TIMEOUT", httpx.Timeout(1.0))
    house = small_house
    connection_id = await house.connect()
    calls = [
        ("POST", "/groups/*/members/$ref"),
        ("POST", "/servicePrincipals/*/appRoleAssignedTo"),
    ]
    _strike(house, "timeout-done", calls, times=1)
    targets = [
        membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
        app_role(connection_id, cast.TENANT, cast.ATELIER),
    ]
    lease_id = house.lease(cast.NORA, targets)
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert len(house.changes()) == len(crowd.graph_writes(house)) == 2
    for found in await house.operations():
        first, second = (await crowd.operation(house, found.operation_id)).attempts
        assert (first.outcome, second.outcome) == (_UNKNOWN, _ALREADY)
        assert first.status == 0 and first.call.startswith("POST /")
        assert second.status == 200 and second.call.startswith("GET /")
    assert not any(found.preexisting for found in await house.assignments())


def _calls(house: ConnectorHouse) -> list[dict[str, Any]]:
    return [entry for entry in house.simulator.journal.entries() if entry["source"] == "graph"]


def _seconds(entry: dict[str, Any]) -> float:
    return datetime.fromisoformat(str(entry["time"])).timestamp()
