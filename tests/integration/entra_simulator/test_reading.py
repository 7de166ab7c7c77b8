"""What Graph answers to reads."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_organization_is_the_tenant(reader: httpx.AsyncClient) -> None:
    """GET /organization is a collection of one, with the tenant's id and domains."""
    answer = (await reader.get("/v1.0/organization")).json()
    [organization] = answer["value"]
    assert organization["id"] == cast.TENANT
    assert "marlowe-instruments.example" in {
        domain["name"] for domain in organization["verifiedDomains"]
    }


async def test_every_answer_carries_graphs_headers(reader: httpx.AsyncClient) -> None:
    """Answers can be traced by ids, and the caller's own id comes back."""
    answer = await reader.get(
        f"/v1.0/users/{cast.JONAS}", headers={"client-request-id": "my-own-id"}
    )
    assert answer.headers["client-request-id"] == "my-own-id"
    assert answer.headers["request-id"]
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "ServerInfo" in answer.headers["x-ms-ags-diagnostic"]
    assert answer.headers["Content-Type"] == (
        "application/json;odata.metadata=minimal;odata.streaming=true;"
        "IEEE754Compatible=false;charset=utf-8"
    )


async def test_errors_name_the_call_they_answer(reader: httpx.AsyncClient) -> None:
    """The error's inner part repeats both ids and the tenant's time."""
    answer = await reader.get(
        f"/v1.0/users/{cast.UNKNOWN}", headers={"client-request-id": "my-own-id"}
    )
    assert answer.json()["error"]["innerError"] == {
        "date": "2026-03-02T09:30:00",
        "request-id": answer.headers["request-id"],
        "client-request-id": "my-own-id",
    }


@pytest.mark.parametrize(
    ("address", "units"),
    [
        ("/v1.0/users", 2),
        ("/v1.0/users?$select=id", 1),
        ("/v1.0/users?$expand=manager($select=id)", 3),
        ("/v1.0/users?$top=5", 1),
        ("/v1.0/groups", 1),
        (f"/v1.0/groups/{cast.ATELIER_EDITORS}/members", 3),
        (f"/v1.0/users/{cast.GRETA}/appRoleAssignments", 2),
        (f"/v1.0/users/{cast.UNKNOWN}", 0),
    ],
)
async def test_resource_units(reader: httpx.AsyncClient, address: str, units: int) -> None:
    """Calls cost what Microsoft's throttling table says; refused ones cost nothing."""
    answer = await reader.get(address)
    assert answer.headers["x-ms-resource-unit"] == str(units)


async def test_users_come_with_a_subset_of_properties(reader: httpx.AsyncClient) -> None:
    """Without $select Graph leaves out what connectors need most, such as accountEnabled."""
    user = (await reader.get(f"/v1.0/users/{cast.JONAS}")).json()
    assert user.pop("@odata.context").endswith("/v1.0/$metadata#users/$entity")
    assert set(user) == {
        "businessPhones",
        "displayName",
        "givenName",
        "id",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    }


async def test_select_names_exactly_what_is_sent(reader: httpx.AsyncClient) -> None:
    """With $select an object has the selected properties, and null for those without value."""
    answer = (
        await reader.get(f"/v1.0/users/{cast.LENA}?$select=id,userType,accountEnabled,department")
    ).json()
    assert answer.pop("@odata.context").endswith(
        "$metadata#users(id,userType,accountEnabled,department)/$entity"
    )
    assert answer == {
        "id": cast.LENA,
        "userType": "Guest",
        "accountEnabled": True,
        "department": None,
    }


async def test_a_property_that_does_not_exist_cannot_be_selected(
    reader: httpx.AsyncClient,
) -> None:
    """A misspelt property is refused, not silently left out."""
    answer = await reader.get("/v1.0/users?$select=id,displayname")
    status, code, message = refusal(answer)
    assert (status, code) == (400, "BadRequest")
    assert "Could not find a property named 'displayname'" in message


async def test_user_by_principal_name(reader: httpx.AsyncClient) -> None:
    """Users are also addressed by user principal name, a guest's `#` encoded."""
    for name in (
        "jonas.weber@marlowe-instruments.example",
        "lena.brandt_studio-brandt.example%23EXT%23@marloweinstruments.onmicrosoft.com",
    ):
        assert (await reader.get(f"/v1.0/users/{name}?$select=id")).status_code == 200


async def test_manager(reader: httpx.AsyncClient) -> None:
    """A manager is a directory object that says its type; who has none answers 404."""
    manager = (await reader.get(f"/v1.0/users/{cast.JONAS}/manager?$select=id")).json()
    assert manager["@odata.type"] == "#microsoft.graph.user"
    assert manager["id"] == cast.PRIYA
    answer = await reader.get(f"/v1.0/users/{cast.INGRID}/manager")
    assert refusal(answer)[:2] == (404, "Request_ResourceNotFound")


async def test_expanded_manager(reader: httpx.AsyncClient) -> None:
    """`$expand=manager($select=id)` adds the manager where there is one, and nothing else."""
    users = (await reader.get("/v1.0/users?$select=id&$expand=manager($select=id)")).json()["value"]
    by_id = {user["id"]: user for user in users}
    assert by_id[cast.JONAS]["manager"] == {
        "@odata.type": "#microsoft.graph.user",
        "id": cast.PRIYA,
    }
    assert "manager" not in by_id[cast.INGRID]


async def test_members_of_mixed_types_say_which_they_are(reader: httpx.AsyncClient) -> None:
    """A nested group is a member among users, and each item names its type."""
    members = (
        await reader.get(f"/v1.0/groups/{cast.PRODUCT_STAFF}/members?$select=id,displayName")
    ).json()["value"]
    assert {
        "@odata.type": "#microsoft.graph.group",
        "id": cast.PRODUCT_DESIGN,
        "displayName": "Product Design",
    } in members
    assert [member["@odata.type"] for member in members].count("#microsoft.graph.user") == 2


@pytest.mark.parametrize(
    ("address", "headers", "shown"),
    [
        ("/v1.0/groups/{id}/members", {}, False),
        ("/v1.0/groups/{id}/members?$count=true", {"ConsistencyLevel": "eventual"}, True),
        ("/beta/groups/{id}/members", {}, True),
    ],
)
async def test_v1_hides_service_principals_among_members(
    reader: httpx.AsyncClient, address: str, headers: dict[str, str], shown: bool
) -> None:
    """Version 1.0 leaves service principals out of members unless the query is advanced."""
    answer = await reader.get(address.format(id=cast.ON_CALL), headers=headers)
    ids = {member["id"] for member in answer.json()["value"]}
    assert (cast.NIGHTLY_BACKUP in ids) == shown


async def test_owners(reader: httpx.AsyncClient) -> None:
    """Owners of groups and of service principals are directory objects."""
    for address in (f"groups/{cast.ATELIER_EDITORS}", f"servicePrincipals/{cast.ATELIER}"):
        owners = (await reader.get(f"/v1.0/{address}/owners?$select=id")).json()["value"]
        assert owners == [{"@odata.type": "#microsoft.graph.user", "id": cast.PRIYA}]


async def test_assignments_are_seen_from_both_ends(reader: httpx.AsyncClient) -> None:
    """One assignment stands in the app's list and in the principal's, with the same id."""
    assigned_to = (
        await reader.get(f"/v1.0/servicePrincipals/{cast.LEDGERLINE}/appRoleAssignedTo")
    ).json()["value"]
    held = (
        await reader.get(
            f"/v1.0/users/{cast.GRETA}/appRoleAssignments?$filter=resourceId eq {cast.LEDGERLINE}"
        )
    ).json()["value"]
    assert len(held) == 1
    assert held[0] in assigned_to
    by_group = (
        await reader.get(f"/v1.0/groups/{cast.FINANCE_ANNOUNCEMENTS}/appRoleAssignments")
    ).json()["value"]
    assert [assignment["principalType"] for assignment in by_group] == ["Group"]


async def test_assigned_to_leaves_out_what_the_app_itself_is_assigned(
    shared: Simulator, reader: httpx.AsyncClient
) -> None:
    """`appRoleAssignedTo` lists who has the app, not what the app has."""
    answer = await reader.get(f"/v1.0/servicePrincipals/{cast.NIGHTLY_BACKUP}/appRoleAssignedTo")
    assert answer.json()["value"] == []
    assert shared.tenant.assignments_of(cast.NIGHTLY_BACKUP)


async def test_service_principal_by_app_id(reader: httpx.AsyncClient) -> None:
    """Service principals are also addressed as `servicePrincipals(appId='…')`, in both versions."""
    for version in ("v1.0", "beta"):
        answer = await reader.get(
            f"/{version}/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')"
        )
        assert answer.json()["id"] == cast.MICROSOFT_GRAPH


@pytest.mark.parametrize(
    ("method", "address", "expected"),
    [
        (
            "GET",
            f"/v1.0/users/{cast.UNKNOWN}",
            (
                404,
                "Request_ResourceNotFound",
                f"Resource '{cast.UNKNOWN}' does not exist or one of its queried "
                "reference-property objects are not present.",
            ),
        ),
        (
            "GET",
            "/v1.0/groups/not-a-guid",
            (400, "Request_BadRequest", "Invalid object identifier 'not-a-guid'."),
        ),
        (
            "GET",
            "/v1.0/users?$filter=department eq 'Sales'",
            (
                400,
                "Request_UnsupportedQuery",
                "Unsupported or invalid query filter clause specified for property "
                "'department' of resource 'User'.",
            ),
        ),
        (
            "PATCH",
            "/v1.0/users",
            (
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            ),
        ),
        (
            "GET",
            "/v1.0/appRoleAssignments",
            (
                400,
                "Request_BadRequest",
                "Direct queries to this resource type are not supported.",
            ),
        ),
        (
            "GET",
            "/v1.0/nonsense/1",
            (400, "BadRequest", "Resource not found for the segment 'nonsense'."),
        ),
    ],
)
async def test_refused_reads(
    reader: httpx.AsyncClient, method: str, address: str, expected: tuple[int, str, str]
) -> None:
    """Refusals of reads carry Microsoft's status, code and message."""
    assert refusal(await reader.request(method, address)) == expected
