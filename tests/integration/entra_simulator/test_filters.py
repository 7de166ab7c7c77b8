"""The filters Graph takes, and those it does not."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        (
            "tags/any(t:t eq 'HideApp')",
            {"Signpost Surveys"},
        ),
        ("servicePrincipalType eq 'ManagedIdentity'", {"nightly-backup"}),
        ("servicePrincipalType eq 'ManagedIdentity' and accountEnabled eq false", set()),
        (
            f"id eq '{cast.ATELIER}' or id eq '{cast.PIPELINES}'",
            {"Atelier", "Pipelines"},
        ),
    ],
)
async def test_filters_on_service_principals(
    reader: httpx.AsyncClient, filter: str, names: set[str]
) -> None:
    """The filters a connector narrows its sync with."""
    answer = await reader.get(
        "/v1.0/servicePrincipals", params={"$filter": filter, "$select": "displayName"}
    )
    assert {found["displayName"] for found in answer.json()["value"]} == names


async def test_filters_on_users_and_groups(reader: httpx.AsyncClient) -> None:
    """Disabled users and synced groups can be asked for."""
    users = await reader.get("/v1.0/users?$filter=accountEnabled eq false&$select=displayName")
    assert users.json()["value"] == [{"displayName": "Victor Salas"}]
    groups = await reader.get("/v1.0/groups?$filter=onPremisesSyncEnabled eq true&$select=id")
    assert groups.json()["value"] == [{"id": cast.WAREHOUSE_STAFF}]


async def test_ne_needs_an_advanced_query(reader: httpx.AsyncClient) -> None:
    """`ne` is refused without ConsistencyLevel and $count, and works with both."""
    address = "/v1.0/groups?$filter=onPremisesSyncEnabled ne true&$count=true"
    assert refusal(await reader.get(address)) == (
        400,
        "Request_UnsupportedQuery",
        "Unsupported or invalid query filter clause specified for property "
        "'onPremisesSyncEnabled' of resource 'Group'.",
    )
    answer = await reader.get(address, headers={"ConsistencyLevel": "eventual"})
    assert answer.json()["@odata.count"] == 11


@pytest.mark.parametrize(
    "filter", ["", "id", "id eq", "id eq '1' or", "id eq '1' nor id eq '2'", "startswith(id,'1')"]
)
async def test_malformed_filters(reader: httpx.AsyncClient, filter: str) -> None:
    """What is no filter, or none the simulator knows, is refused and never ignored."""
    answer = await reader.get("/v1.0/users", params={"$filter": filter})
    assert refusal(answer)[:2] == (400, "BadRequest")
