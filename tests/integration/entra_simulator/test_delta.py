"""Delta queries of users, groups and apps: the first round, and what comes in later ones."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, refusal
from tests.integration.entra_simulator.delta_client import APPS, GROUPS, USERS, read
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

USER = "#microsoft.graph.user"


async def test_first_round_lists_every_user(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Each user once, with what was selected, and its manager as a link."""
    users = await read(reader, USERS)
    assert sorted(item["id"] for item in users.items) == sorted(shared.tenant.users)
    assert users.item(cast.JONAS) == {
        "id": cast.JONAS,
        "displayName": "Jonas Weber",
        "accountEnabled": True,
        "manager@delta": [{"@odata.type": USER, "id": cast.PRIYA}],
    }
    assert "manager@delta" not in users.item(cast.INGRID)
    assert users.pages[0]["@odata.context"].endswith(
        "/v1.0/$metadata#users(id,displayName,accountEnabled,manager)"
    )


async def test_first_round_lists_every_group_with_members_and_owners(
    shared: Simulator, reader: httpx.AsyncClient
) -> None:
    """Members name type and id only; a group without any has no `members@delta`."""
    groups = await read(reader, GROUPS)
    for group_id in shared.tenant.groups:
        item = groups.item(group_id)
        members = item.get("members@delta", [])
        assert sorted(member["id"] for member in members) == sorted(
            shared.tenant.members_of(group_id)
        )
        assert all(set(member) == {"@odata.type", "id"} for member in members)
        assert ("members@delta" in item) == bool(members)
    assert {
        "@odata.type": "#microsoft.graph.group",
        "id": cast.PRODUCT_DESIGN,
    } in groups.item(cast.PRODUCT_STAFF)["members@delta"]
    assert groups.item(cast.ATELIER_EDITORS)["owners@delta"] == [
        {"@odata.type": USER, "id": cast.PRIYA}
    ]


async def test_members_come_unless_select_names_something_else(
    reader: httpx.AsyncClient,
) -> None:
    """Without $select a group has its default properties and its members."""
    item = (await read(reader, "/v1.0/groups/delta")).item(cast.ATELIER_EDITORS)
    assert item["members@delta"] and item["securityEnabled"] is True
    item = (await read(reader, "/v1.0/groups/delta?$select=displayName")).item(cast.ATELIER_EDITORS)
    assert item == {"id": cast.ATELIER_EDITORS, "displayName": "Atelier Editors"}


async def test_properties_that_were_never_set_are_left_out(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A property appears once it has been set, and from then on also as null."""
    address = "/v1.0/users/delta?$select=id,department,employeeId"
    first = await read(graph, address)
    assert "employeeId" not in first.item(cast.LENA)
    simulator.tenant.update_object(cast.LENA, {"employeeId": "7"})
    simulator.tenant.update_object(cast.LENA, {"employeeId": None})
    assert (await read(graph, first.link)).items == [{"id": cast.LENA, "employeeId": None}]


async def test_a_later_round_lists_what_changed_as_it_is_now(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """One item for each changed user, however often it changed; none for a quiet tenant."""
    first = await read(graph, USERS)
    assert (await read(graph, first.link)).items == []
    simulator.tenant.update_object(cast.JONAS, {"displayName": "Jonas W."})
    simulator.tenant.update_object(cast.JONAS, {"displayName": "Jonas Weber-Lind"})
    second = await read(graph, first.link)
    assert [item["id"] for item in second.items] == [cast.JONAS]
    assert second.item(cast.JONAS)["displayName"] == "Jonas Weber-Lind"
    assert (await read(graph, second.link)).items == []


async def test_only_changes_of_what_was_selected_count(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Somebody's new job title is no news to a query for names."""
    first = await read(graph, "/v1.0/users/delta?$select=id,displayName")
    groups = await read(graph, "/v1.0/groups/delta?$select=id,displayName")
    simulator.tenant.update_object(cast.JONAS, {"jobTitle": "Principal Designer"})
    simulator.tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    assert (await read(graph, first.link)).items == []
    assert (await read(graph, groups.link)).items == []


async def test_memberships_come_with_their_present_state(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Added is a member, removed says so, and added then removed is removed."""
    first = await read(graph, GROUPS)
    tenant = simulator.tenant
    tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    tenant.remove_member(cast.ATELIER_EDITORS, cast.JONAS)
    tenant.add_member(cast.ATELIER_EDITORS, cast.GRETA)
    tenant.remove_member(cast.ATELIER_EDITORS, cast.GRETA)
    item = (await read(graph, first.link)).item(cast.ATELIER_EDITORS)
    gone = {"reason": "deleted"}
    assert sorted(item["members@delta"], key=lambda member: str(member["id"])) == [
        {"@odata.type": USER, "id": cast.JONAS, "@removed": gone},
        {"@odata.type": USER, "id": cast.NORA},
        {"@odata.type": USER, "id": cast.GRETA, "@removed": gone},
    ]
    assert item["displayName"] == "Atelier Editors"
    assert "owners@delta" not in item


async def test_a_changed_manager_comes_beside_the_one_that_is_gone(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """The link to the new manager, and the removal of the old one."""
    first = await read(graph, USERS)
    simulator.tenant.update_object(cast.JONAS, {"manager": cast.INGRID})
    item = (await read(graph, first.link)).item(cast.JONAS)
    assert sorted(item["manager@delta"], key=lambda link: "@removed" in link) == [
        {"@odata.type": USER, "id": cast.INGRID},
        {"@odata.type": USER, "id": cast.PRIYA, "@removed": {"reason": "deleted"}},
    ]


async def test_deleted_restored_and_purged_users(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """`changed` while a user can be restored, `deleted` once it is gone; groups lose the member."""
    users, groups = await read(graph, USERS), await read(graph, GROUPS)
    simulator.tenant.delete_object(cast.PRIYA)
    second = await read(graph, users.link)
    assert second.item(cast.PRIYA) == {"id": cast.PRIYA, "@removed": {"reason": "changed"}}
    # Her reports have no manager any more.
    assert second.item(cast.JONAS)["manager@delta"][0]["@removed"] == {"reason": "deleted"}
    item = (await read(graph, groups.link)).item(cast.PRODUCT_DESIGN)
    assert item["members@delta"] == [
        {"@odata.type": USER, "id": cast.PRIYA, "@removed": {"reason": "deleted"}}
    ]
    simulator.tenant.restore_object(cast.PRIYA)
    third = await read(graph, second.link)
    assert third.item(cast.PRIYA)["displayName"] == "Priya Raman"
    assert simulator.tenant.is_member(cast.PRODUCT_DESIGN, cast.PRIYA)
    simulator.tenant.delete_object(cast.PRIYA)
    simulator.tenant.purge_object(cast.PRIYA)
    fourth = await read(graph, third.link)
    assert fourth.item(cast.PRIYA) == {"id": cast.PRIYA, "@removed": {"reason": "deleted"}}


async def test_deleted_groups(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """A Microsoft 365 group can be restored, a security group cannot."""
    first = await read(graph, GROUPS)
    simulator.tenant.delete_object(cast.MARKETING_TEAM)
    simulator.tenant.delete_object(cast.ATELIER_EDITORS)
    second = await read(graph, first.link)
    assert second.item(cast.MARKETING_TEAM)["@removed"] == {"reason": "changed"}
    assert second.item(cast.ATELIER_EDITORS)["@removed"] == {"reason": "deleted"}
    simulator.tenant.restore_object(cast.MARKETING_TEAM)
    third = await read(graph, second.link)
    assert third.item(cast.MARKETING_TEAM)["members@delta"]


async def test_what_a_restored_group_has_lost(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A member that was deleted while its group was: the group comes back without it."""
    tenant = simulator.tenant
    first = await read(graph, GROUPS)
    member_id = tenant.members_of(cast.MARKETING_TEAM)[0]
    tenant.delete_object(cast.MARKETING_TEAM)
    tenant.delete_object(member_id)
    tenant.restore_object(cast.MARKETING_TEAM)
    members = (await read(graph, first.link)).item(cast.MARKETING_TEAM)["members@delta"]
    assert {member["id"] for member in members if "@removed" in member} == {member_id}
    assert {member["id"] for member in members if "@removed" not in member} == set(
        tenant.members_of(cast.MARKETING_TEAM)
    )


async def test_apps_do_not_change_with_their_assignments(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Assignments never show in servicePrincipals/delta; a renamed app does."""
    first = await read(graph, APPS)
    simulator.tenant.add_assignment(cast.NORA, cast.ATELIER)
    assert (await read(graph, first.link)).items == []
    simulator.tenant.update_object(cast.ATELIER, {"displayName": "Atelier 2"})
    assert [item["displayName"] for item in (await read(graph, first.link)).items] == ["Atelier 2"]


@pytest.mark.parametrize("spelling", ["/delta", "/delta()", "/microsoft.graph.delta()", "/delta/"])
@pytest.mark.parametrize("version", ["v1.0", "beta"])
async def test_spellings(
    shared: Simulator, reader: httpx.AsyncClient, version: str, spelling: str
) -> None:
    """SDKs write the function in several ways."""
    found = await read(reader, f"/{version}/users{spelling}?$select=id")
    assert len(found.items) == len(shared.tenant.users)
    assert found.link.startswith(f"{shared.url}/{version}/users{spelling.rstrip('/')}")


async def test_return_minimal(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """With `Prefer: return=minimal` an item has what changed and no more."""
    first = await read(graph, GROUPS)
    simulator.tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    simulator.tenant.update_object(cast.ATELIER_VIEWERS, {"displayName": "Onlookers"})
    new = simulator.tenant.add_object(
        "group",
        {"displayName": "New", "groupTypes": [], "securityEnabled": True, "mailEnabled": False},
    )
    found = await read(graph, first.link, {"Prefer": "return=minimal"})
    assert set(found.item(cast.ATELIER_EDITORS)) == {"id", "members@delta"}
    assert found.item(cast.ATELIER_VIEWERS) == {
        "id": cast.ATELIER_VIEWERS,
        "displayName": "Onlookers",
    }
    assert found.item(new["id"])["displayName"] == "New"


async def test_delta_needs_the_permission_to_read(state_dir: Path) -> None:
    """GroupMember.ReadWrite.All does not list groups, by delta as by list."""
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["permissions"] = ["GroupMember.ReadWrite.All"]
    async with Simulator(state_dir, tenant) as simulator, connected(simulator) as client:
        assert refusal(await client.get(GROUPS))[0] == 403
