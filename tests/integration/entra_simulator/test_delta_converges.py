"""However a tenant changes and however badly delta behaves: a copy kept by it comes out right."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator.delta_client import APPS, GROUPS, USERS, Copy, read
from tests.integration.entra_simulator.random_tenant import RandomChanges
from tests.support.examples import examples
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASSIGNMENTS = (
    "/v1.0/directoryObjects/delta?$filter=isof('microsoft.graph.user') "
    "or isof('microsoft.graph.appRoleAssignment')"
)


def truth(simulator: Simulator) -> dict[str, Mapping[str, Any]]:
    """The tenant as copies should hold it, by stream."""
    tenant = simulator.tenant
    return {
        USERS: {
            id: (user["displayName"], user.get("manager")) for id, user in tenant.users.items()
        },
        GROUPS: {
            id: (group["displayName"], set(tenant.members_of(id)), set(group.get("owners") or []))
            for id, group in tenant.groups.items()
        },
        APPS: {id: found["displayName"] for id, found in tenant.service_principals.items()},
        ASSIGNMENTS: {id: None for id in (*tenant.users, *tenant.assignments)},
    }


def held(copy: Copy) -> Mapping[str, Any]:
    """What a copy holds, in the same form."""
    match copy.address:
        case address if address == USERS:
            return {
                id: (found["displayName"], next(iter(found.get("manager") or []), None))
                for id, found in copy.objects.items()
            }
        case address if address == GROUPS:
            return {
                id: (found["displayName"], found.get("members", set()), found.get("owners", set()))
                for id, found in copy.objects.items()
            }
        case address if address == APPS:
            return {id: found["displayName"] for id, found in copy.objects.items()}
        case _:
            return dict.fromkeys(copy.objects)


def misbehave(simulator: Simulator, chance: random.Random) -> None:
    behaviour = simulator.behaviour
    behaviour.user_delta_page = chance.randint(1, 12)
    behaviour.group_delta_page = chance.randint(1, 6)
    behaviour.service_principal_delta_page = chance.randint(1, 6)
    behaviour.member_delta_page = chance.randint(1, 10)
    behaviour.delta_shuffled = chance.random() < 0.5
    behaviour.delta_repeated = chance.choice([0.0, 0.3, 1.0])
    behaviour.delta_empty_pages = chance.choice([0.0, 0.3, 1.0])
    behaviour.delta_removed_in_initial = chance.random() < 0.5


@pytest.mark.parametrize("seed", range(examples(5)))
async def test_warm_and_cold_copies_equal_the_tenant(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock, seed: int
) -> None:
    """After rounds that were read while the tenant changed, with every switch on and off."""
    chance = random.Random(seed)
    changes = RandomChanges(simulator, seed)
    lagging = seed % 3 == 0
    if lagging:
        simulator.behaviour.replica_lags = (0.0, 2.0, 5.0)
    copies = [Copy(USERS), Copy(GROUPS), Copy(APPS), Copy(ASSIGNMENTS)]

    async def change_between_pages(request: httpx.Request) -> None:
        changes.make(chance.randint(0, 3))
        clock.advance(timedelta(seconds=chance.random()))

    for _ in range(6):
        misbehave(simulator, chance)
        changes.make(chance.randint(0, 25))
        graph.event_hooks["request"] = [change_between_pages]
        await chance.choice(copies).catch_up(graph)
        graph.event_hooks["request"] = []
    # The last round is read in peace, when every replica has heard of everything.
    clock.advance(timedelta(seconds=10))
    expected = truth(simulator)
    for copy in copies:
        await copy.catch_up(graph)
        assert held(copy) == expected[copy.address], copy.address
        cold = Copy(copy.address)
        await cold.catch_up(graph)
        assert held(cold) == expected[copy.address], copy.address
        assert (await read(graph, copy.link or "")).items == []
