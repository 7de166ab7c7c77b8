"""The journal and the state, as tests and operators read them."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import log_in
from tools.entra_simulator import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_journal_tells_each_call_and_what_it_changed(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """An accepted write says who got what; a read and a refusal say that nothing changed."""
    since = simulator.journal.last_number
    members = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members"
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}"}
    await graph.get(f"{members}?$select=id", headers={"client-request-id": "mine"})
    added = await graph.post(f"{members}/$ref", json=reference)
    await graph.post(f"{members}/$ref", json=reference)
    answer = (await graph.get(f"/_simulator/journal?since={since}")).json()
    read, write, refused = answer["entries"]
    assert answer["lastNumber"] == refused["number"] == since + 3
    assert (read["method"], read["path"]) == ("GET", f"{members}?$select=id")
    assert (read["status"], read["clientRequestId"], read["changes"]) == (200, "mine", [])
    assert write == {
        "number": since + 2,
        "time": "2026-03-02T09:30:00.000000Z",
        "source": "graph",
        "method": "POST",
        "path": f"{members}/$ref",
        "clientAppId": cast.CONNECTOR,
        "requestId": added.headers["request-id"],
        "clientRequestId": None,
        "body": reference,
        "status": 204,
        "errorCode": None,
        "changes": [
            {
                "kind": "groupMembership",
                "action": "added",
                "principal": {"id": cast.NORA, "type": "user", "displayName": "Nora Eriksen"},
                "target": {
                    "id": cast.ATELIER_EDITORS,
                    "type": "group",
                    "displayName": "Atelier Editors",
                },
                "detail": None,
            }
        ],
    }
    assert (refused["status"], refused["errorCode"]) == (400, "Request_BadRequest")
    assert refused["changes"] == []


async def test_journal_tells_assignments_with_their_ids(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """An assignment and its removal stand in the journal under the same id."""
    since = simulator.journal.last_number
    path = f"/v1.0/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo"
    body = {"principalId": cast.NORA, "resourceId": cast.ATELIER, "appRoleId": cast.NO_ROLE}
    assignment_id = (await graph.post(path, json=body)).json()["id"]
    await graph.delete(f"{path}/{assignment_id}")
    changes = [entry["changes"][0] for entry in simulator.journal.entries(since)]
    assert [(change["kind"], change["action"], change["detail"]["id"]) for change in changes] == [
        ("appRoleAssignment", "added", assignment_id),
        ("appRoleAssignment", "removed", assignment_id),
    ]
    assert changes[0]["principal"]["id"] == cast.NORA
    assert changes[0]["target"] == {
        "id": cast.ATELIER,
        "type": "servicePrincipal",
        "displayName": "Atelier",
    }


async def test_journal_tells_logins_but_no_secret(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Logins are journalled with app, status and error; secrets and tokens never are."""
    await log_in(graph, client_secret="a-wrong-secret")
    await graph.get("/v1.0/users")
    answer = await graph.get("/_simulator/journal")
    logins = [entry for entry in answer.json()["entries"] if entry["source"] == "login"]
    assert [(entry["clientAppId"], entry["status"], entry["errorCode"]) for entry in logins] == [
        (cast.CONNECTOR, 200, None),
        (cast.CONNECTOR, 401, "AADSTS7000215"),
    ]
    token = graph.headers["Authorization"].removeprefix("Bearer ")
    for secret in (cast.CONNECTOR_SECRET, "a-wrong-secret", token):
        assert secret not in answer.text


async def test_changes_by_hand_are_nobodys_call(simulator: Simulator) -> None:
    """What somebody changed in the portal stands in the journal without a caller."""
    simulator.tenant.remove_member(cast.ATELIER_EDITORS, cast.JONAS)
    [entry] = simulator.journal.entries()
    assert (entry["source"], entry["method"], entry["clientAppId"]) == ("hand", None, None)
    assert entry["changes"][0]["action"] == "removed"


async def test_state_shows_the_directory_and_no_credentials(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Users, groups with members, service principals and assignments, as they are now."""
    simulator.tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    answer = await graph.get("/_simulator/state")
    state = answer.json()
    assert set(state) == {"users", "groups", "servicePrincipals", "appRoleAssignments"}
    editors = next(found for found in state["groups"] if found["id"] == cast.ATELIER_EDITORS)
    assert editors["members"][-1] == cast.NORA
    assert cast.CONNECTOR_SECRET not in answer.text


async def test_since_must_be_a_number(anonymous: httpx.AsyncClient) -> None:
    """A wrong `since` is an error, not the whole journal."""
    assert (await anonymous.get("/_simulator/journal?since=yesterday")).status_code == 400


async def test_deleting_a_user_takes_all_it_held(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A deleted user leaves groups, assignments and the reports without a manager."""
    simulator.tenant.add_assignment(cast.PRIYA, cast.ATELIER)
    simulator.tenant.delete_object(cast.PRIYA)
    assert (await graph.get(f"/v1.0/users/{cast.PRIYA}")).status_code == 404
    assert (await graph.get(f"/v1.0/users/{cast.JONAS}/manager")).status_code == 404
    for address in (
        f"/v1.0/groups/{cast.PRODUCT_DESIGN}/members",
        f"/v1.0/groups/{cast.ATELIER_EDITORS}/owners",
    ):
        ids = [found["id"] for found in (await graph.get(address)).json()["value"]]
        assert cast.PRIYA not in ids
    assert simulator.tenant.assignments_of(cast.PRIYA) == []


async def test_objects_added_and_changed_by_hand_show(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Users, groups and service principals can come and change while the simulator runs."""
    tenant = simulator.tenant
    user = tenant.add_object(
        "user", {"displayName": "Ada New", "userPrincipalName": "ada@x.example"}
    )
    group = tenant.add_object(
        "group",
        {
            "displayName": "Newcomers",
            "groupTypes": [],
            "securityEnabled": True,
            "mailEnabled": False,
            "members": [user["id"]],
        },
    )
    app = tenant.add_object("servicePrincipal", {"displayName": "Sketchpad", "appId": cast.UNKNOWN})
    tenant.add_assignment(group["id"], app["id"])
    tenant.update_object(group["id"], {"displayName": "Joiners"})
    shown = (await graph.get(f"/v1.0/groups/{group['id']}")).json()
    assert shown["displayName"] == "Joiners"
    members = (await graph.get(f"/v1.0/groups/{group['id']}/members")).json()["value"]
    assert [member["displayName"] for member in members] == ["Ada New"]
    tenant.delete_object(app["id"])
    held = (await graph.get(f"/v1.0/groups/{group['id']}/appRoleAssignments")).json()["value"]
    assert held == []
