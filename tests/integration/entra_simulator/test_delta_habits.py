"""What delta queries may do to a client: split, repeat, shuffle, come empty."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tests.integration.entra_simulator.delta_client import GROUPS, USERS, read
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_big_group_comes_in_parts(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """On several pages, each with the group's properties and some of its members."""
    simulator.tenant.add_members(
        cast.ATELIER_EDITORS,
        set(simulator.tenant.users) - set(simulator.tenant.members_of(cast.ATELIER_EDITORS)),
    )
    simulator.behaviour.member_delta_page = 7
    found = await read(graph, GROUPS)
    parts = [item for item in found.items if item["id"] == cast.ATELIER_EDITORS]
    assert len(parts) >= len(simulator.tenant.users) // 7
    assert {part["displayName"] for part in parts} == {"Atelier Editors"}
    members = [member["id"] for part in parts for member in part.get("members@delta", ())]
    assert sorted(members) == sorted(simulator.tenant.users)
    for page in found.pages:
        links = [
            link
            for item in page["value"]
            for relation in ("members@delta", "owners@delta")
            for link in item.get(relation, ())
        ]
        assert len(links) <= 7


async def test_members_that_leave_while_a_group_is_read_hide_no_others(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Who was a member all the time is listed, wherever the page was cut."""
    members = simulator.tenant.members_of(cast.ENGINEERING)
    simulator.behaviour.member_delta_page = 2
    address = f"{GROUPS}&$filter=id eq '{cast.ENGINEERING}'"
    page = (await graph.get(address)).json()
    first = [member["id"] for member in page["value"][0]["members@delta"]]
    simulator.tenant.remove_member(cast.ENGINEERING, first[0])
    rest = await read(graph, page["@odata.nextLink"])
    listed = {
        member["id"]
        for item in (*page["value"], *rest.items)
        for member in item.get("members@delta", ())
    }
    assert listed == set(members)
    again = await read(graph, rest.link)
    [gone] = again.item(cast.ENGINEERING)["members@delta"]
    assert (gone["id"], gone["@removed"]) == (first[0], {"reason": "deleted"})


async def test_page_sizes(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """As many objects as the switches say, and all of them in the end."""
    simulator.behaviour.user_delta_page = 10
    users = await read(graph, USERS)
    assert {len(page["value"]) for page in users.pages[:-1]} == {10}
    assert len(users.items) == len(simulator.tenant.users)


async def test_shuffled(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Each round has another order, and every object once."""
    simulator.behaviour.delta_shuffled = True
    simulator.behaviour.user_delta_page = 10
    orders = []
    for _ in range(2):
        ids = [item["id"] for item in (await read(graph, USERS)).items]
        assert sorted(ids) == sorted(simulator.tenant.users) != ids
        orders.append(ids)
    assert orders[0] != orders[1]


@pytest.mark.parametrize("shuffled", [False, True])
async def test_repeated(simulator: Simulator, graph: httpx.AsyncClient, shuffled: bool) -> None:
    """An object comes once more, never twice on one page."""
    simulator.behaviour.delta_shuffled = shuffled
    simulator.behaviour.delta_repeated = 1.0
    found = await read(graph, USERS)
    ids = [item["id"] for item in found.items]
    assert sorted(ids) == sorted([*simulator.tenant.users] * 2)
    for page in found.pages:
        assert len({item["id"] for item in page["value"]}) == len(page["value"])


async def test_empty_pages(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """An empty page with a next link comes before each page, and the round still ends."""
    simulator.behaviour.delta_empty_pages = 1.0
    simulator.behaviour.user_delta_page = 10
    found = await read(graph, USERS)
    sizes = [len(page["value"]) for page in found.pages]
    assert sizes[::2] == [0] * (len(sizes) // 2)
    assert len(found.items) == len(simulator.tenant.users)


async def test_removed_in_the_first_round(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Objects that went before the first round may be listed in it, as gone."""
    simulator.tenant.delete_object(cast.NORA)
    assert cast.NORA not in {item["id"] for item in (await read(graph, USERS)).items}
    simulator.behaviour.delta_removed_in_initial = True
    gone = (await read(graph, USERS)).item(cast.NORA)
    assert gone == {"id": cast.NORA, "@removed": {"reason": "changed"}}


async def test_assignments_come_with_users(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """directoryObjects/delta tells assignments and their end, and every item says its type."""
    address = (
        "/v1.0/directoryObjects/delta?$filter=isof('microsoft.graph.user') "
        "or isof('microsoft.graph.appRoleAssignment')"
    )
    first = await read(graph, address)
    types = {item["id"]: item["@odata.type"] for item in first.items}
    tenant = simulator.tenant
    assert set(types) == {*tenant.users, *tenant.assignments}
    assert types[cast.NORA] == "#microsoft.graph.user"
    made = tenant.add_assignment(cast.NORA, cast.ATELIER)
    gone = next(iter(tenant.assignments))
    tenant.remove_assignment(gone)
    second = await read(graph, first.link)
    assert second.item(made["id"])["principalId"] == cast.NORA
    assert second.item(gone) == {
        "@odata.type": "#microsoft.graph.appRoleAssignment",
        "id": gone,
        "@removed": {"reason": "deleted"},
    }


async def test_assignments_alone_are_not_tracked(reader: httpx.AsyncClient) -> None:
    """Only together with users, and not by id."""
    for expression in (
        "isof('microsoft.graph.appRoleAssignment')",
        "isof('microsoft.graph.appRoleAssignment') or isof('microsoft.graph.group')",
        f"isof('microsoft.graph.user') or isof('microsoft.graph.appRoleAssignment') "
        f"or id eq '{cast.NORA}'",
    ):
        answer = await reader.get("/v1.0/directoryObjects/delta", params={"$filter": expression})
        assert answer.status_code in (400, 403)


async def test_each_type_needs_its_permission(readonly: httpx.AsyncClient) -> None:
    """Who reads users by GroupMember.Read.All does not read groups in this stream."""
    address = "/v1.0/directoryObjects/delta?$filter=isof('microsoft.graph.{}')"
    assert (await readonly.get(address.format("user"))).status_code == 200
    assert refusal(await readonly.get(address.format("group")))[0] == 403


async def test_properties_of_one_type(reader: httpx.AsyncClient) -> None:
    """`microsoft.graph.user/surname` selects for users and leaves groups alone."""
    found = await read(
        reader,
        "/v1.0/directoryObjects/delta?$filter=isof('microsoft.graph.user') "
        "or isof('microsoft.graph.servicePrincipal')"
        "&$select=microsoft.graph.user/surname,microsoft.graph.servicePrincipal/displayName",
    )
    assert set(found.item(cast.JONAS)) == {"@odata.type", "id", "surname"}
    assert set(found.item(cast.ATELIER)) == {"@odata.type", "id", "displayName"}
