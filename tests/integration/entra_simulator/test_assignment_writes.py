"""Assigning people and groups to apps, and taking the assignment back."""

from __future__ import annotations

import base64
import re
import uuid

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


def role_id(simulator: Simulator, app_id: str, value: str) -> str:
    roles = simulator.tenant.service_principals[app_id]["appRoles"]
    return next(str(role["id"]) for role in roles if role["value"] == value)


async def assign(
    client: httpx.AsyncClient,
    app_id: str,
    principal_id: str,
    app_role_id: str = cast.NO_ROLE,
    resource_id: str | None = None,
) -> httpx.Response:
    body = {
        "principalId": principal_id,
        "resourceId": resource_id or app_id,
        "appRoleId": app_role_id,
    }
    return await client.post(f"/v1.0/servicePrincipals/{app_id}/appRoleAssignedTo", json=body)


async def revoke(client: httpx.AsyncClient, app_id: str, assignment_id: str) -> httpx.Response:
    return await client.delete(
        f"/v1.0/servicePrincipals/{app_id}/appRoleAssignedTo/{assignment_id}"
    )


async def test_assignment_answers_with_the_whole_entity(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """201 with ids, names and times: the client needs no second read."""
    accountant = role_id(simulator, cast.LEDGERLINE, "Accountant")
    answer = await assign(graph, cast.LEDGERLINE, cast.NORA, accountant)
    assert answer.status_code == 201
    body = answer.json()
    assignment_id = body.pop("id")
    assert body == {
        "@odata.context": (
            f"{simulator.url}/v1.0/$metadata#servicePrincipals('{cast.LEDGERLINE}')"
            "/appRoleAssignedTo/$entity"
        ),
        "deletedDateTime": None,
        "appRoleId": accountant,
        "createdDateTime": "2026-03-02T09:30:00.0000000Z",
        "principalDisplayName": "Nora Eriksen",
        "principalId": cast.NORA,
        "principalType": "User",
        "resourceDisplayName": "Ledgerline",
        "resourceId": cast.LEDGERLINE,
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", assignment_id)
    raw = base64.urlsafe_b64decode(assignment_id + "=")
    assert uuid.UUID(bytes_le=raw[:16]) == uuid.UUID(cast.NORA)


async def test_assignment_and_revocation(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """A revoked assignment is gone from both ends, and can be made anew with another id."""
    first = (await assign(graph, cast.ATELIER, cast.NORA)).json()["id"]
    answer = await revoke(graph, cast.ATELIER, first)
    assert (answer.status_code, answer.content) == (204, b"")
    held = await graph.get(f"/v1.0/users/{cast.NORA}/appRoleAssignments")
    assert held.json()["value"] == []
    assert (await assign(graph, cast.ATELIER, cast.NORA)).json()["id"] != first


async def test_groups_and_services_can_be_assigned(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A group takes a user role; a service takes an application role."""
    reader_role = role_id(simulator, cast.VAULTKEEPER, "Reader")
    answer = await assign(graph, cast.VAULTKEEPER, cast.ATELIER_EDITORS, reader_role)
    assert answer.json()["principalType"] == "Group"
    for_services = role_id(simulator, cast.VAULTKEEPER, "Secrets.Read.All")
    answer = await assign(graph, cast.VAULTKEEPER, cast.ATELIER, for_services)
    assert answer.json()["principalType"] == "ServicePrincipal"


async def test_refused_assignments(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Each refusal has Microsoft's status, code and message, and changes nothing."""
    before = shared.tenant.document()
    accountant = role_id(shared, cast.LEDGERLINE, "Accountant")
    role_unknown = (
        400,
        "Request_BadRequest",
        "Permission being assigned was not found on application",
    )
    no_reference = (400, "Request_BadRequest", "Not a valid reference update.")
    cases = [
        (
            await assign(reader, cast.LEDGERLINE, cast.GRETA, accountant),
            (
                400,
                "Request_BadRequest",
                "Permission being assigned already exists on the object",
            ),
        ),
        (await assign(reader, cast.LEDGERLINE, cast.NORA, cast.UNKNOWN), role_unknown),
        # No role, of an app that has some
        (await assign(reader, cast.LEDGERLINE, cast.NORA), role_unknown),
        # A role, of an app that has none
        (await assign(reader, cast.ATELIER, cast.NORA, accountant), role_unknown),
        # A role that is switched off, and one that is for services only
        (
            await assign(
                reader,
                cast.PIPELINES,
                cast.NORA,
                role_id(shared, cast.PIPELINES, "LegacyAdmin"),
            ),
            role_unknown,
        ),
        (
            await assign(
                reader,
                cast.VAULTKEEPER,
                cast.NORA,
                role_id(shared, cast.VAULTKEEPER, "Secrets.Read.All"),
            ),
            role_unknown,
        ),
        (await assign(reader, cast.ATELIER, cast.UNKNOWN), no_reference),
        # The body names another app than the path
        (
            await assign(reader, cast.ATELIER, cast.NORA, resource_id=cast.LEDGERLINE),
            no_reference,
        ),
        (
            await assign(reader, cast.UNKNOWN, cast.NORA),
            (
                404,
                "Request_ResourceNotFound",
                f"Resource '{cast.UNKNOWN}' does not exist or one of its queried "
                "reference-property objects are not present.",
            ),
        ),
        (
            await assign(reader, cast.ATELIER, "not-a-guid"),
            (400, "Request_BadRequest", "One or more properties are invalid."),
        ),
    ]
    for answer, expected in cases:
        assert refusal(answer) == expected
    assert shared.tenant.document() == before


@pytest.mark.parametrize("missing", ["principalId", "resourceId", "appRoleId"])
async def test_all_three_ids_are_required(reader: httpx.AsyncClient, missing: str) -> None:
    """An assignment without one of its ids is refused."""
    body = {
        "principalId": cast.NORA,
        "resourceId": cast.ATELIER,
        "appRoleId": cast.NO_ROLE,
    }
    del body[missing]
    answer = await reader.post(
        f"/v1.0/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo", json=body
    )
    assert refusal(answer) == (
        400,
        "Request_BadRequest",
        "One or more properties are invalid.",
    )


async def test_refused_revocations(shared: Simulator, reader: httpx.AsyncClient) -> None:
    """Unknown, foreign and malformed assignment ids are told apart, and nothing goes."""
    before = shared.tenant.document()
    of_ledgerline = shared.tenant.assignments_of(cast.GRETA)[0]["id"]
    for assignment_id in ("A" * 43, of_ledgerline):
        assert refusal(await revoke(reader, cast.ATELIER, assignment_id)) == (
            404,
            "Request_ResourceNotFound",
            f"Resource '{assignment_id}' does not exist or one of its queried "
            "reference-property objects are not present.",
        )
    assert refusal(await revoke(reader, cast.ATELIER, "short")) == (
        400,
        "Request_BadRequest",
        "Invalid resource identifier for EntitlementGrant.",
    )
    assert shared.tenant.document() == before
