"""The journal and the state, as tests and operators read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
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


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "/journal?since=yesterday", None, "since"),
        ("GET", "/journal?colour=red", None, "colour"),
        ("GET", "/journal/counts?status=many", None, "status"),
        ("GET", "/state?only=people", None, "only"),
        ("PATCH", "/behaviour", {"deltaRepeated": 2}, "deltaRepeated"),
        ("PUT", "/behaviour", {"speed": 2}, "speed"),
        ("POST", "/faults", {"kind": "earthquake"}, "kind"),
        ("POST", "/faults", {"kind": "reset", "chance": 7}, "chance"),
        ("PATCH", "/quotas", {"writes": 0}, "writes"),
        ("POST", "/tokens/revoke", {"clientAppId": "me"}, "clientAppId"),
        ("POST", "/delta/reset", {"stream": "people"}, "stream"),
        ("POST", f"/groups/{cast.ATELIER_EDITORS}/members", {"memberId": cast.UNKNOWN}, "memberId"),
        ("POST", f"/groups/{cast.ATELIER_EDITORS}/members", {}, "memberId"),
        ("POST", "/users", {"displayName": "Ada", "shoeSize": 38}, "shoeSize"),
        ("POST", "/users", {"jobTitle": "Nobody"}, "displayName"),
        ("PATCH", f"/users/{cast.NORA}", {"manager": cast.UNKNOWN}, "manager"),
        ("POST", "/groups", {"displayName": "X", "members": [cast.UNKNOWN]}, "members[0]"),
        ("POST", "/appRoleAssignments", {"principalId": cast.NORA}, "resourceId"),
    ],
)
async def test_wrong_requests_are_refused_by_field(
    anonymous: httpx.AsyncClient, method: str, path: str, body: Any, field: str
) -> None:
    """What cannot be meant is answered 400 with the field's name, and changes nothing."""
    answer = await anonymous.request(method, f"/_simulator{path}", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["field"] == field
    assert error["message"]


async def test_what_is_not_json_is_told_so(anonymous: httpx.AsyncClient) -> None:
    """A body that cannot be read is named as such."""
    for path in ("/behaviour", f"/users/{cast.NORA}"):
        answer = await anonymous.patch(f"/_simulator{path}", content=b"{")
        assert answer.json()["error"] == {"field": "body", "message": "is not JSON"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/weather"),
        ("GET", "/faults/77"),
        ("DELETE", "/faults/77"),
        ("GET", f"/users/{cast.ATELIER}"),
        ("DELETE", f"/users/{cast.UNKNOWN}"),
        ("DELETE", f"/groups/{cast.ATELIER_EDITORS}/members/{cast.NORA}"),
        ("DELETE", "/appRoleAssignments/unknown"),
        ("POST", f"/deleted/{cast.NORA}/restore"),
    ],
)
async def test_what_is_not_there_is_404(
    anonymous: httpx.AsyncClient, method: str, path: str
) -> None:
    """Unknown routes, rules and objects are 404, with an error like any other."""
    answer = await anonymous.request(method, f"/_simulator{path}")
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"field", "message"}


async def test_the_surface_lists_itself(anonymous: httpx.AsyncClient) -> None:
    """GET /_simulator/ names every route, for a person who has just started it."""
    listed = (await anonymous.get("/_simulator/")).json()
    assert listed["tenant"] == cast.TENANT
    for route in (
        "PATCH /_simulator/behaviour",
        "POST /_simulator/faults",
        "GET /_simulator/journal/counts",
        "POST /_simulator/groups/{id}/members",
    ):
        assert route in listed["routes"]


async def test_behaviour_is_read_and_changed(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """PATCH changes what it names, PUT sets the rest back; the simulator obeys at once."""
    changed = await graph.patch(
        "/_simulator/behaviour", json={"userDeltaPage": 5, "replicaLags": [0, 2]}
    )
    assert (changed.json()["userDeltaPage"], changed.json()["replicaLags"]) == (5, [0, 2])
    assert (simulator.behaviour.user_delta_page, simulator.behaviour.replica_lags) == (5, (0, 2))
    put = await graph.put("/_simulator/behaviour", json={"deltaShuffled": True})
    assert put.json() == (await graph.get("/_simulator/behaviour")).json()
    assert (simulator.behaviour.user_delta_page, simulator.behaviour.delta_shuffled) == (200, True)


async def test_faults_come_and_go(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """A rule is added, listed with what it struck, and ended; kinds explain themselves."""
    kinds = (await graph.get("/_simulator/fault-kinds")).json()["kinds"]
    assert kinds["reset-done"] == "the call is carried out, then the connection is reset"
    added = await graph.post("/_simulator/faults", json={"kind": "bad-gateway", "times": 1})
    assert added.status_code == 201
    assert (await graph.get("/v1.0/users")).status_code == 502
    assert (await graph.get("/v1.0/users")).status_code == 200
    [rule] = (await graph.get("/_simulator/faults")).json()["faults"]
    assert (rule["id"], rule["kind"], rule["struck"]) == (added.json()["id"], "bad-gateway", 1)
    assert (await graph.get(f"/_simulator/faults/{rule['id']}")).json() == rule
    assert (await graph.delete(f"/_simulator/faults/{rule['id']}")).status_code == 204
    await graph.post("/_simulator/faults", json={"kind": "reset"})
    assert (await graph.delete("/_simulator/faults")).status_code == 204
    assert (await graph.get("/_simulator/faults")).json() == {"faults": []}
    struck = await graph.get("/_simulator/journal?fault=any")
    assert [entry["fault"] for entry in struck.json()["entries"]] == ["bad-gateway"]


async def test_quotas_are_read_set_and_reset(graph: httpx.AsyncClient) -> None:
    """Microsoft's limits at first; set ones refuse, and what was used is counted."""
    limits = (await graph.get("/_simulator/quotas")).json()["limits"]
    assert (limits["enabled"], limits["writes"], limits["resourceUnits"]) == (True, 3000, None)
    await graph.patch("/_simulator/quotas", json={"resourceUnits": 4, "earlyGrace": 0})
    await graph.post("/_simulator/quotas/reset")
    assert [(await graph.get("/v1.0/users")).status_code for _ in range(4)] == [200, 200, 429, 429]
    told = (await graph.get("/_simulator/quotas")).json()
    used = told["applications"][cast.CONNECTOR]
    assert (used["calls"], used["units"], used["refused"]) == (4, 4, 2)
    assert told["earlyCalls"]["count"] == 1
    assert told["earlyCalls"]["calls"][0]["clientAppId"] == cast.CONNECTOR
    put = await graph.put("/_simulator/quotas", json={"enabled": False})
    assert put.json()["limits"]["resourceUnits"] is None
    assert (await graph.get("/v1.0/users")).status_code == 200


async def test_journal_is_filtered_and_counted(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Filters of the query string narrow the entries down; counts tell how many of each route."""
    since = simulator.journal.last_number
    for user in (cast.NORA, cast.PRIYA, cast.UNKNOWN):
        await graph.get(f"/v1.0/users/{user}?$select=id")
    await graph.get("/v1.0/groups")
    refused = await graph.get(f"/_simulator/journal?since={since}&path=/users/*&status=4xx")
    [entry] = refused.json()["entries"]
    assert entry["path"] == f"/v1.0/users/{cast.UNKNOWN}?$select=id"
    last = (await graph.get("/_simulator/journal?last=1")).json()["entries"]
    assert [entry["path"] for entry in last] == ["/v1.0/groups"]
    counted = (await graph.get(f"/_simulator/journal/counts?since={since}")).json()["counts"]
    assert counted[0] == {
        "source": "graph",
        "method": "GET",
        "route": "/users/{id}",
        "status": 200,
        "count": 2,
    }


async def test_state_can_be_counted_and_narrowed(anonymous: httpx.AsyncClient) -> None:
    """Of a large tenant one wants numbers, or one kind of object."""
    counts = (await anonymous.get("/_simulator/state/counts")).json()
    only = (await anonymous.get("/_simulator/state?only=groups")).json()
    assert set(only) == {"groups"}
    assert counts["groups"] == len(only["groups"])
    assert counts["memberships"] == sum(len(group["members"]) for group in only["groups"])


async def test_drift_is_made_by_hand(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """Members, assignments and objects come, change and go over the surface, as by nobody."""
    since = simulator.journal.last_number
    user = (await graph.post("/_simulator/users", json={"displayName": "Ada New"})).json()
    group = {"displayName": "Newcomers", "members": [user["id"]]}
    group = (await graph.post("/_simulator/groups", json=group)).json()
    app = (
        await graph.post("/_simulator/servicePrincipals", json={"displayName": "Sketchpad"})
    ).json()
    members = f"/_simulator/groups/{group['id']}/members"
    assert (await graph.post(members, json={"memberId": cast.NORA})).status_code == 204
    assert (await graph.delete(f"{members}/{user['id']}")).status_code == 204
    shown = (await graph.get(f"/_simulator/groups/{group['id']}")).json()
    assert shown["members"] == [cast.NORA]
    assigned = await graph.post(
        "/_simulator/appRoleAssignments",
        json={"principalId": group["id"], "resourceId": app["id"]},
    )
    assert assigned.status_code == 201
    held = f"/_simulator/appRoleAssignments/{assigned.json()['id']}"
    assert (await graph.delete(held)).status_code == 204
    renamed = await graph.patch(f"/_simulator/users/{user['id']}", json={"displayName": "Ada Old"})
    assert renamed.json()["displayName"] == "Ada Old"
    assert (await graph.get(f"/v1.0/users/{user['id']}")).json()["displayName"] == "Ada Old"
    assert (await graph.delete(f"/_simulator/users/{user['id']}")).status_code == 204
    assert (await graph.get(f"/v1.0/users/{user['id']}")).status_code == 404
    restored = await graph.post(f"/_simulator/deleted/{user['id']}/restore")
    assert restored.json()["displayName"] == "Ada Old"
    assert (await graph.delete(f"/_simulator/users/{user['id']}")).status_code == 204
    assert (await graph.delete(f"/_simulator/deleted/{user['id']}")).status_code == 204
    by_hand = (await graph.get(f"/_simulator/journal?since={since}&source=hand")).json()
    assert len(by_hand["entries"]) >= 9


async def test_delta_tokens_end_when_told_to(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Reset links answer 410 with a fresh start, expired ones syncStateNotFound."""
    links = {}
    for stream in ("users", "groups"):
        page = await graph.get(f"/v1.0/{stream}/delta?$select=id&$deltatoken=latest")
        links[stream] = page.json()["@odata.deltaLink"]
    assert (
        await graph.post("/_simulator/delta/reset", json={"stream": "users"})
    ).status_code == 204
    reset = await graph.get(links["users"])
    assert reset.status_code == 410
    assert (await graph.get(reset.headers["Location"])).status_code == 200
    assert (await graph.get(links["groups"])).status_code == 200
    await graph.post("/_simulator/delta/expire")
    expired = await graph.get(links["groups"])
    assert expired.json()["error"]["code"].lower() == "syncstatenotfound"


async def test_tokens_are_revoked(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """A revoked token is refused with 401; a new one is good."""
    assert (await graph.get("/v1.0/users")).status_code == 200
    await graph.post("/_simulator/tokens/revoke", json={"clientAppId": cast.CONNECTOR})
    refused = await graph.get("/v1.0/users")
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "InvalidAuthenticationToken"
    token = (await log_in(graph, client_secret=cast.CONNECTOR_SECRET)).json()["access_token"]
    graph.headers["Authorization"] = f"Bearer {token}"
    assert (await graph.get("/v1.0/users")).status_code == 200


async def test_tokens_can_be_short_lived(
    simulator: Simulator, graph: httpx.AsyncClient, clock: FakeClock
) -> None:
    """`tokenLifetime` is what the next login answers with, and what Graph holds it to."""
    await graph.patch("/_simulator/behaviour", json={"tokenLifetime": 30})
    answer = (await log_in(graph, client_secret=cast.CONNECTOR_SECRET)).json()
    assert answer["expires_in"] == 30
    graph.headers["Authorization"] = f"Bearer {answer['access_token']}"
    clock.advance(timedelta(seconds=30))
    assert (await graph.get("/v1.0/users")).status_code == 401


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
