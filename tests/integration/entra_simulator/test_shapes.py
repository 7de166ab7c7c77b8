"""What the simulator sends against Microsoft's own metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected
from tests.support.graph_schema import SCHEMAS, Recorder, check_exchange, schemas
from tools.entra_simulator import Simulator
from tools.entra_simulator.graph.shapes import PROPERTIES

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFERENCE = f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}"
ASSIGNED_TO = f"/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo"
CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#users"


@pytest.fixture
def known() -> dict[str, Any]:
    found = schemas()
    if found is None:
        pytest.skip(f"needs the schemas of Microsoft's metadata at {SCHEMAS}")
    return found


@pytest.mark.parametrize(
    "address",
    [
        "/v1.0/organization",
        f"/v1.0/users?$top=999&$select={','.join(PROPERTIES['user'])}",
        "/v1.0/users?$expand=manager",
        f"/v1.0/users/{cast.PRIYA}",
        f"/v1.0/users/{cast.JONAS}/manager",
        f"/v1.0/users/{cast.GRETA}/appRoleAssignments",
        "/v1.0/users/delta?$select=id,displayName,accountEnabled,manager",
        "/v1.0/groups?$top=999",
        f"/v1.0/groups/{cast.ENGINEERING}",
        f"/v1.0/groups/{cast.ENGINEERING}/members",
        f"/v1.0/groups/{cast.PRODUCT_STAFF}/transitiveMembers",
        f"/v1.0/groups/{cast.ENGINEERING}/appRoleAssignments",
        "/v1.0/groups/delta?$select=id,displayName,groupTypes,members,owners",
        "/v1.0/servicePrincipals?$top=999",
        f"/v1.0/servicePrincipals/{cast.ATELIER}",
        f"/v1.0{ASSIGNED_TO}",
        f"/v1.0/servicePrincipals/{cast.ATELIER}/owners",
        "/v1.0/servicePrincipals/delta",
    ],
)
async def test_responses_fit_microsofts_schemas(
    reader: httpx.AsyncClient, known: dict[str, Any], address: str
) -> None:
    """Every property sent exists in Graph v1.0 and has the type that Graph gives it."""
    answer = await reader.get(address)
    assert answer.status_code == 200
    assert check_exchange("GET", address, None, answer.status_code, answer.json()) == []


async def test_every_selectable_property_exists(known: dict[str, Any]) -> None:
    """The simulator lets a client select nothing that Graph does not have."""
    for type, properties in PROPERTIES.items():
        assert set(properties) <= set(known[f"microsoft.graph.{type}"]["properties"]), type


async def test_exchanges_are_recorded_as_they_happen(state_dir: Path) -> None:
    """Reads, writes, refusals and the items of a batch all pass by the recorder, and all fit."""
    recorder = Recorder()
    async with (
        Simulator(state_dir, on_exchange=recorder) as simulator,
        connected(simulator) as client,
    ):
        members = f"/groups/{cast.ATELIER_EDITORS}/members"
        added = {
            "principalId": cast.NORA,
            "resourceId": cast.ATELIER,
            "appRoleId": cast.NO_ROLE,
        }
        items = [
            {"id": "1", "method": "GET", "url": "/users?$top=3"},
            {"id": "2", "method": "GET", "url": f"/users/{cast.UNKNOWN}"},
            {
                "id": "3",
                "method": "POST",
                "url": ASSIGNED_TO,
                "headers": {"Content-Type": "application/json"},
                "body": added,
            },
            {"id": "4", "method": "GET", "url": "/groups", "dependsOn": ["2"]},
        ]
        answer = await client.post("/v1.0/$batch", json={"requests": items})
        statuses = {item["id"]: item["status"] for item in answer.json()["responses"]}
        assert statuses == {"1": 200, "2": 404, "3": 201, "4": 424}
        await client.post(f"/v1.0{members}/$ref", json={"@odata.id": REFERENCE})
        await client.post(f"/v1.0{members}/$ref", json={"wrong": 1})
        await client.get("/v1.0/groups/delta?$select=displayName,members")
        await client.get("/_simulator/state")
    assert recorder.checked == 4
    recorder.check()


@pytest.mark.parametrize(
    ("method", "path", "asked", "status", "answered", "words"),
    [
        ("GET", "/users", None, 404, {"message": "no"}, "envelope"),
        ("GET", "/users", None, 404, {"error": {"code": "", "message": ""}}, "code"),
        ("GET", "/users", None, 200, {"value": []}, "context"),
        ("GET", "/users/delta", None, 200, {"@odata.context": CONTEXT, "value": []}, "ends in"),
        (
            "GET",
            "/users?$top=1",
            None,
            200,
            {"@odata.context": CONTEXT, "@odata.nextLink": "/users?$skiptoken=x", "value": []},
            "no address",
        ),
        (
            "GET",
            "/groups/delta",
            None,
            200,
            {
                "@odata.context": CONTEXT,
                "@odata.deltaLink": CONTEXT,
                "value": [{"id": cast.ATELIER_EDITORS, "members@delta": []}],
            },
            "leaves it out",
        ),
        ("POST", f"/groups/{cast.ATELIER_VIEWERS}/members/$ref", {}, 204, None, "reference"),
        (
            "DELETE",
            f"/groups/{cast.ATELIER_VIEWERS}/members/{cast.NORA}/$ref",
            {},
            204,
            None,
            "body",
        ),
        ("POST", ASSIGNED_TO, {"principalId": cast.NORA}, 204, None, "resourceId is missing"),
        ("GET", f"/groups/{cast.ATELIER_VIEWERS}", None, 204, {}, "204 has a body"),
        (
            "POST",
            "/$batch",
            {"requests": [{"id": "1", "method": "GET", "url": "/users"}]},
            200,
            {"responses": [{"id": "2", "status": 204}]},
            "not those",
        ),
        (
            "POST",
            "/$batch",
            {"requests": [{"id": "1", "method": "GET", "url": "/users"}]},
            200,
            {"responses": [{"id": "1", "status": 429, "body": {}}]},
            "responses[1]: error has no envelope",
        ),
    ],
)
async def test_wrong_exchanges_are_found(
    method: str, path: str, asked: Any, status: int, answered: Any, words: str
) -> None:
    """Envelopes of errors, pages, deltas and batches, and what may be asked with."""
    found = check_exchange(method, path, asked, status, answered)
    assert any(words in violation for violation in found), found


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"DisplayName": "Nora"}, "DisplayName is not a property"),
        ({"accountEnabled": "yes"}, "accountEnabled is not of type boolean"),
        ({"createdDateTime": "yesterday"}, "createdDateTime"),
        ({"@odata.type": "#microsoft.graph.person"}, "unknown type"),
    ],
)
async def test_wrong_objects_are_found(
    known: dict[str, Any], item: dict[str, Any], words: str
) -> None:
    """A property in the wrong case, with the wrong type, or of a type that is not there."""
    body = {"@odata.context": CONTEXT, "value": [{"id": cast.NORA, **item}]}
    found = check_exchange("GET", "/users", None, 200, json.loads(json.dumps(body)))
    assert any(words in violation for violation in found), found


async def test_sign_in_activity_takes_a_permission(reader: httpx.AsyncClient) -> None:
    """A property that exists and that nobody here may read is 403, not an unknown property."""
    answer = await reader.get("/v1.0/users?$select=id,signInActivity")
    assert answer.status_code == 403
    answer = await reader.get("/v1.0/users?$select=id,shoeSize")
    assert answer.status_code == 400
