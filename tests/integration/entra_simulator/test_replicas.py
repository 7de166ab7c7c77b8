"""Reads that come from replicas which hear of writes later."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tests.integration.entra_simulator.delta_client import GROUPS, USERS, read
from tests.integration.entra_simulator.random_tenant import RandomChanges
from tests.integration.entra_simulator.test_assignment_writes import assign
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMBERS = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members"
NORA = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}"}


async def test_reads_lag_behind_writes(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock
) -> None:
    """A write is accepted at once, refused a second time at once, and read only later."""
    simulator.behaviour.replica_lags = (5.0,)
    assert (await graph.post(f"{MEMBERS}/$ref", json=NORA)).status_code == 204
    assert (await graph.post(f"{MEMBERS}/$ref", json=NORA)).status_code == 400
    assert simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)

    async def listed() -> bool:
        ids = {member["id"] for member in (await graph.get(MEMBERS)).json()["value"]}
        reference = await graph.get(f"{MEMBERS}/{cast.NORA}/$ref")
        assert (reference.status_code == 200) == (cast.NORA in ids)
        return cast.NORA in ids

    assert not await listed()
    clock.advance(timedelta(seconds=4))
    assert not await listed()
    clock.advance(timedelta(seconds=1))
    assert await listed()


async def test_different_reads_see_different_replicas(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """What one read has seen, the next may not see yet."""
    simulator.behaviour.replica_lags = (0.0, 60.0)
    simulator.tenant.update_object(cast.JONAS, {"displayName": "New"})
    names = {
        (await graph.get(f"/v1.0/users/{cast.JONAS}")).json()["displayName"] for _ in range(20)
    }
    assert names == {"New", "Jonas Weber"}


async def test_new_objects_are_unknown_for_a_while(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock
) -> None:
    """GET is 404, and writes that name them are refused, until every replica has heard."""
    simulator.behaviour.replica_lags = (5.0,)
    tenant = simulator.tenant
    user = tenant.add_object("user", {"displayName": "New", "userPrincipalName": "new@x.example"})
    role = {
        "id": "11111111-1111-4111-8111-111111111111",
        "value": "New",
        "displayName": "New",
        "description": "New",
        "isEnabled": True,
        "allowedMemberTypes": ["User"],
    }
    roles = tenant.service_principals[cast.LEDGERLINE]["appRoles"]
    tenant.update_object(cast.LEDGERLINE, {"appRoles": [*roles, role]})
    app = tenant.add_object(
        "servicePrincipal", {"displayName": "New", "appId": cast.UNKNOWN, "appRoles": []}
    )
    member = {"@odata.id": f"https://graph.microsoft.com/v1.0/users/{user['id']}"}

    async def answers() -> list[int]:
        return [
            (await graph.get(f"/v1.0/users/{user['id']}")).status_code,
            (await graph.post(f"{MEMBERS}/$ref", json=member)).status_code,
            (await assign(graph, cast.ATELIER, user["id"])).status_code,
            (await assign(graph, cast.LEDGERLINE, cast.NORA, role["id"])).status_code,  # type: ignore[arg-type]
            (await assign(graph, app["id"], cast.NORA)).status_code,
        ]

    refused = await assign(graph, cast.ATELIER, user["id"])
    assert refusal(refused)[1:] == ("Request_BadRequest", "Not a valid reference update.")
    unknown_role = await assign(graph, cast.LEDGERLINE, cast.NORA, str(role["id"]))
    assert refusal(unknown_role)[2] == "Permission being assigned was not found on application"
    assert await answers() == [404, 404, 400, 400, 404]
    simulator.behaviour.unreplicated_not_found = True
    assert await answers() == [404, 404, 404, 400, 404]
    clock.advance(timedelta(seconds=5))
    assert await answers() == [200, 204, 201, 201, 201]


async def test_deleted_objects_are_read_for_a_while(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock
) -> None:
    """The other way round: gone on the primary, still there for reads, refused for writes."""
    simulator.behaviour.replica_lags = (5.0,)
    simulator.tenant.delete_object(cast.NORA)
    assert (await graph.get(f"/v1.0/users/{cast.NORA}")).status_code == 200
    assert (await graph.post(f"{MEMBERS}/$ref", json=NORA)).status_code == 404
    clock.advance(timedelta(seconds=5))
    assert (await graph.get(f"/v1.0/users/{cast.NORA}")).status_code == 404


async def test_delta_tells_late_and_loses_nothing(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock
) -> None:
    """A link carries its replica's position: what that one had not seen comes later."""
    simulator.behaviour.replica_lags = (5.0,)
    first = await read(graph, USERS)
    simulator.tenant.update_object(cast.JONAS, {"displayName": "New"})
    second = await read(graph, first.link)
    latest = await read(graph, f"{USERS}&$deltatoken=latest")
    assert second.items == []
    clock.advance(timedelta(seconds=5))
    for link in (second.link, latest.link):
        assert [item["id"] for item in (await read(graph, link)).items] == [cast.JONAS]


async def test_lag_can_be_switched_on_and_off(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Switched on, reads know all that was there; switched off, they see every write again."""
    simulator.tenant.update_object(cast.JONAS, {"displayName": "Before"})
    simulator.behaviour.replica_lags = (5.0,)
    simulator.tenant.update_object(cast.JONAS, {"displayName": "After"})
    address = f"/v1.0/users/{cast.JONAS}"
    assert (await graph.get(address)).json()["displayName"] == "Before"
    simulator.behaviour.replica_lags = ()
    assert (await graph.get(address)).json()["displayName"] == "After"


@pytest.mark.parametrize("seed", range(5))
async def test_a_replica_ends_up_as_the_primary(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock, seed: int
) -> None:
    """Whatever changes, and while neither side sees what is the other's: the same in the end."""
    changes = RandomChanges(simulator, seed)
    changes.make(50)
    simulator.behaviour.replica_lags = (5.0,)
    at_first = await read(graph, GROUPS)
    changes.make(200)
    again = await read(graph, GROUPS)
    assert sorted(at_first.items, key=lambda item: str(item["id"])) == sorted(
        again.items, key=lambda item: str(item["id"])
    )
    clock.advance(timedelta(seconds=5))
    late = await read(graph, GROUPS)
    simulator.behaviour.replica_lags = ()
    assert late.items == (await read(graph, GROUPS)).items
