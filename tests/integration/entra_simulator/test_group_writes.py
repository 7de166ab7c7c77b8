"""Bulk joins, references to members, owners, and deleting what a group holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, refusal
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXISTS = (
    400,
    "Request_BadRequest",
    "One or more added object references already exist for the following modified "
    "properties: 'members'.",
)


def reference(object_id: str) -> str:
    return f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"


async def bind(client: httpx.AsyncClient, group_id: str, ids: Iterable[str]) -> httpx.Response:
    body = {"members@odata.bind": [reference(id) for id in ids]}
    return await client.patch(f"/v1.0/groups/{group_id}", json=body)


def tenant_granting(*permissions: str) -> dict[str, Any]:
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["permissions"] += permissions
    return tenant


async def test_twenty_join_in_one_write(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """204, one write of the quota, one journal entry with a change for each member."""
    tenant = simulator.tenant
    tenant.update_object(cast.ATELIER_EDITORS, {"displayName": "Everybody"})
    for member_id in tenant.members_of(cast.ATELIER_EDITORS):
        tenant.remove_member(cast.ATELIER_EDITORS, member_id)
    everybody = sorted(tenant.users)[:21]
    since, writes = simulator.journal.last_number, simulator.quota.usage(cast.CONNECTOR).writes
    answer = await bind(graph, cast.ATELIER_EDITORS, everybody[:20])
    assert (answer.status_code, answer.content) == (204, b"")
    assert sorted(tenant.members_of(cast.ATELIER_EDITORS)) == everybody[:20]
    assert simulator.quota.usage(cast.CONNECTOR).writes == writes + 1
    [entry] = simulator.journal.entries(since)
    assert (entry["method"], len(entry["changes"])) == ("PATCH", 20)
    assert refusal(await bind(graph, cast.ATELIER_VIEWERS, everybody)) == (
        400,
        "Request_BadRequest",
        "A resource cannot contain more than 20 link changes",
    )


async def test_one_bad_member_adds_none(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """The whole PATCH is refused as a single write would have been."""
    before = shared.tenant.document()
    for bad, expected in (
        (cast.JONAS, EXISTS),
        (
            cast.UNKNOWN,
            (
                404,
                "Request_ResourceNotFound",
                f"Resource '{cast.UNKNOWN}' does not exist or one of its queried "
                "reference-property objects are not present.",
            ),
        ),
    ):
        for ids in ((cast.NORA, bad), (bad, cast.NORA)):
            assert refusal(await bind(reader, cast.ATELIER_EDITORS, ids)) == expected
    for group_id, status in (
        (cast.ENGINEERING, 403),
        (cast.WAREHOUSE_STAFF, 400),
        (cast.FINANCE_ANNOUNCEMENTS, 400),
        (cast.CLOUD_ADMINISTRATORS, 403),
        (cast.UNKNOWN, 404),
    ):
        assert (await bind(reader, group_id, [cast.NORA])).status_code == status
    assert shared.tenant.document() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"members@odata.bind": []},
        {"members@odata.bind": "x"},
        {"members@odata.bind": ["not-a-reference"]},
        {"displayName": "Renamed"},
        {"displayName": "Renamed", "members@odata.bind": [reference(cast.NORA)]},
    ],
)
async def test_unreadable_patches(reader: httpx.AsyncClient, body: Any) -> None:
    """A PATCH that is no bulk join is a 400."""
    answer = await reader.patch(f"/v1.0/groups/{cast.ATELIER_EDITORS}", json=body)
    assert refusal(answer)[0] == 400


async def test_reference_of_a_member(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Says whether somebody is a member: 200 with the address, or 404."""
    members = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members"
    answer = await reader.get(f"{members}/{cast.JONAS}/$ref")
    assert answer.json()["@odata.id"] == f"{shared.url}/v1.0/directoryObjects/{cast.JONAS}"
    assert refusal(await reader.get(f"{members}/{cast.NORA}/$ref"))[0] == 404


async def test_both_answers_to_an_absent_member(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """404 as a rule, 400 as it is seen right after a removal in the portal."""
    member = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/{cast.NORA}/$ref"
    assert refusal(await graph.delete(member))[:2] == (404, "Request_ResourceNotFound")
    simulator.behaviour.absent_member_bad_request = True
    assert refusal(await graph.delete(member)) == (
        400,
        "Request_BadRequest",
        "One or more removed object references do not exist for the following modified "
        "properties: 'members'.",
    )


async def test_mail_enabled_groups_may_be_forbidden(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """The other answer seen for groups that Exchange keeps."""
    simulator.behaviour.mail_enabled_forbidden = True
    answer = await bind(graph, cast.FINANCE_ANNOUNCEMENTS, [cast.NORA])
    assert refusal(answer)[:2] == (403, "Authorization_RequestDenied")


async def test_owners(state_dir: Path) -> None:
    """Owners come and go by reference, but the last one stays."""
    owners = f"/v1.0/groups/{cast.ATELIER_EDITORS}/owners"
    async with (
        Simulator(state_dir, tenant_granting("Group.ReadWrite.All")) as simulator,
        connected(simulator) as client,
    ):
        last = await client.delete(f"{owners}/{cast.PRIYA}/$ref")
        assert refusal(last) == (
            400,
            "Request_BadRequest",
            "The group must have at least one owner, hence this owner cannot be removed.",
        )
        body = {"@odata.id": reference(cast.NORA)}
        assert (await client.post(f"{owners}/$ref", json=body)).status_code == 204
        assert refusal(await client.post(f"{owners}/$ref", json=body))[0] == 400
        shown = (await client.get(f"{owners}?$select=id")).json()["value"]
        assert {owner["id"] for owner in shown} == {cast.PRIYA, cast.NORA}
        assert (await client.delete(f"{owners}/{cast.PRIYA}/$ref")).status_code == 204
        assert simulator.tenant.groups[cast.ATELIER_EDITORS]["owners"] == [cast.NORA]
        assert refusal(await client.delete(f"{owners}/{cast.PRIYA}/$ref"))[0] == 404
        state = simulator.tenant.document()
    # And they survive a restart.
    async with Simulator(state_dir) as again:
        assert again.tenant.document() == state


async def test_delete_without_ref_deletes_the_user(state_dir: Path) -> None:
    """DELETE …/members/{id} means the member itself, and an app that may delete users does so."""
    async with (
        Simulator(state_dir, tenant_granting("User.ReadWrite.All")) as simulator,
        connected(simulator) as client,
    ):
        members = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members"
        assert (await client.delete(f"{members}/{cast.NORA}")).status_code == 404
        assert (await client.delete(f"{members}/{cast.JONAS}")).status_code == 204
        assert (await client.get(f"/v1.0/users/{cast.JONAS}")).status_code == 404
        assert simulator.tenant.groups_of(cast.JONAS) == []
        simulator.tenant.restore_object(cast.JONAS)
        assert simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.JONAS)


async def test_only_people_join_microsoft_365_groups(
    shared: Simulator, reader: httpx.AsyncClient
) -> None:
    """Neither groups nor services do, one by one or together."""
    for member_id in (cast.PRODUCT_DESIGN, cast.NIGHTLY_BACKUP):
        for ids in ((member_id,), (cast.NORA, member_id)):
            assert (await bind(reader, cast.MARKETING_TEAM, ids)).status_code == 400
