"""Adding and removing members of groups."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, refusal
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORBIDDEN = (
    403,
    "Authorization_RequestDenied",
    "Insufficient privileges to complete the operation.",
)
SYNCED = (
    400,
    "Request_BadRequest",
    "Unable to update the specified properties for on-premises mastered Directory Sync objects "
    "or objects currently undergoing migration.",
)
MAIL_ENABLED = (
    400,
    "Request_BadRequest",
    "Cannot Update a mail-enabled security groups and or distribution list.",
)


def not_found(object_id: str) -> tuple[int, str, str]:
    return (
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property "
        "objects are not present.",
    )


async def add(client: httpx.AsyncClient, group_id: str, member_id: str) -> httpx.Response:
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member_id}"}
    return await client.post(f"/v1.0/groups/{group_id}/members/$ref", json=reference)


async def remove(client: httpx.AsyncClient, group_id: str, member_id: str) -> httpx.Response:
    return await client.delete(f"/v1.0/groups/{group_id}/members/{member_id}/$ref")


async def test_add_and_remove(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Both answer 204 without body and content type, and the member list follows."""
    answer = await add(graph, cast.ATELIER_EDITORS, cast.NORA)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    answer = await remove(graph, cast.ATELIER_EDITORS, cast.NORA)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


async def test_host_and_collection_of_a_reference_carry_no_meaning(
    graph: httpx.AsyncClient,
) -> None:
    """Only the id in a reference counts."""
    for reference in (
        f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}",
        f"https://graph.microsoft.com/beta/users/{cast.NORA}",
        f"https://localhost:8443/v1.0/directoryObjects('{cast.NORA}')",
    ):
        answer = await graph.post(
            f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/$ref", json={"@odata.id": reference}
        )
        assert answer.status_code == 204
        assert (await remove(graph, cast.ATELIER_EDITORS, cast.NORA)).status_code == 204


async def test_assigned_security_and_microsoft_365_groups_are_writable(
    graph: httpx.AsyncClient,
) -> None:
    """These two kinds of group take members through Graph."""
    for group_id in (cast.ATELIER_EDITORS, cast.MARKETING_TEAM):
        assert (await add(graph, group_id, cast.NORA)).status_code == 204


async def test_refused_additions(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Each refusal has Microsoft's status, code and message, and changes nothing."""
    before = shared.tenant.document()
    cases = [
        # Already a member
        (
            cast.ATELIER_EDITORS,
            cast.JONAS,
            (
                400,
                "Request_BadRequest",
                "One or more added object references already exist for the following modified "
                "properties: 'members'.",
            ),
        ),
        (cast.ATELIER_EDITORS, cast.UNKNOWN, not_found(cast.UNKNOWN)),
        (cast.UNKNOWN, cast.NORA, not_found(cast.UNKNOWN)),
        (cast.ENGINEERING, cast.NORA, FORBIDDEN),
        (cast.CLOUD_ADMINISTRATORS, cast.NORA, FORBIDDEN),
        (cast.WAREHOUSE_STAFF, cast.NORA, SYNCED),
        (cast.FINANCE_ANNOUNCEMENTS, cast.NORA, MAIL_ENABLED),
        # A group in a Microsoft 365 group
        (
            cast.MARKETING_TEAM,
            cast.PRODUCT_DESIGN,
            (
                400,
                "Request_BadRequest",
                "Only users can be members of a Microsoft 365 group.",
            ),
        ),
    ]
    for group_id, member_id, expected in cases:
        assert refusal(await add(reader, group_id, member_id)) == expected
    assert shared.tenant.document() == before


async def test_refused_removals(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Groups that take no members through Graph give none away either."""
    before = shared.tenant.document()
    cases = [
        (cast.ATELIER_EDITORS, cast.NORA, not_found(cast.NORA)),
        (cast.ATELIER_EDITORS, cast.UNKNOWN, not_found(cast.UNKNOWN)),
        (cast.ENGINEERING, shared.tenant.members_of(cast.ENGINEERING)[0], FORBIDDEN),
        (cast.WAREHOUSE_STAFF, shared.tenant.members_of(cast.WAREHOUSE_STAFF)[0], SYNCED),
        (cast.FINANCE_ANNOUNCEMENTS, cast.GRETA, MAIL_ENABLED),
    ]
    for group_id, member_id, expected in cases:
        assert refusal(await remove(reader, group_id, member_id)) == expected
    assert shared.tenant.document() == before


async def test_role_assignable_group_with_the_extra_permission(state_dir: Path) -> None:
    """RoleManagement.ReadWrite.Directory opens role-assignable groups."""
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["permissions"].append("RoleManagement.ReadWrite.Directory")
    async with Simulator(state_dir, tenant) as simulator, connected(simulator) as client:
        assert (await add(client, cast.CLOUD_ADMINISTRATORS, cast.NORA)).status_code == 204


async def test_delete_without_ref_would_delete_the_user(reader: httpx.AsyncClient) -> None:
    """DELETE …/members/{id} without `/$ref` means the member itself, and is refused."""
    answer = await reader.delete(f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/{cast.JONAS}")
    assert refusal(answer) == FORBIDDEN


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"@odata.id": "not-a-reference"}'])
async def test_unreadable_bodies(reader: httpx.AsyncClient, content: str) -> None:
    """A body that names no member is a 400."""
    answer = await reader.post(
        f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/$ref",
        content=content,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


async def test_patch_of_references_is_not_offered(reader: httpx.AsyncClient) -> None:
    """References are added by POST, or by PATCH of the group itself."""
    answer = await reader.patch(f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/$ref", json={})
    assert refusal(answer) == (
        400,
        "BadRequest",
        "The request is currently not supported on the targeted entity set",
    )
