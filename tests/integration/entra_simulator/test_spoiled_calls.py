"""Faults and limits on single calls, as a client meets them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import refusal
from tools.entra_simulator import Simulator
from tools.entra_simulator.limits import Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMBERS = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/$ref"
NORA = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}"}


def is_member(simulator: Simulator) -> bool:
    return simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


@pytest.mark.parametrize(("kind", "done"), [("reset", False), ("reset-done", True)])
async def test_reset_connections(
    simulator: Simulator, graph: httpx.AsyncClient, kind: str, done: bool
) -> None:
    """The client's connection breaks without an answer; the call is done or it is not."""
    simulator.faults.add(kind, method="POST", times=1)
    since = simulator.journal.last_number
    with pytest.raises(httpx.ReadError):
        await graph.post(MEMBERS, json=NORA)
    assert is_member(simulator) is done
    [entry] = simulator.journal.entries(since)
    assert (entry["status"], entry["fault"], bool(entry["changes"])) == (None, kind, done)
    # The next call comes by a new connection.
    assert (await graph.post(MEMBERS, json=NORA)).status_code == (400 if done else 204)


async def test_a_reset_is_a_reset(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """The kernel sends RST: the other side reads ECONNRESET and not an end of data."""
    simulator.faults.add("reset", method="GET", times=1)
    with pytest.raises(httpx.ReadError) as broken:
        await graph.get("/v1.0/users")
    cause: BaseException | None = broken.value
    while cause is not None and not isinstance(cause, ConnectionResetError):
        cause = cause.__cause__ or cause.__context__
    assert isinstance(cause, ConnectionResetError)


@pytest.mark.parametrize(("kind", "done"), [("hang", False), ("timeout-done", True)])
async def test_calls_that_hang(
    simulator: Simulator, graph: httpx.AsyncClient, kind: str, done: bool
) -> None:
    """No answer until the client gives up, or until the connection is reset."""
    simulator.faults.add(kind, method="POST", seconds=60, times=1)
    with pytest.raises(httpx.ReadTimeout):
        await graph.post(MEMBERS, json=NORA, timeout=0.2)
    assert is_member(simulator) is done
    simulator.faults.clear()
    simulator.faults.add("hang", method="GET", seconds=0.05, times=1)
    with pytest.raises(httpx.ReadError):
        await graph.get("/v1.0/users")


@pytest.mark.parametrize(
    ("kind", "status", "done"),
    [
        ("throttle", 429, False),
        ("throttle-done", 429, True),
        ("unavailable", 503, False),
        ("bad-gateway", 502, False),
        ("gateway-timeout", 504, False),
        ("gateway-timeout-done", 504, True),
    ],
)
async def test_error_answers(
    simulator: Simulator, graph: httpx.AsyncClient, kind: str, status: int, done: bool
) -> None:
    """The status, Graph's envelope and headers; what was done stands in the journal."""
    simulator.faults.add(kind, method="POST", times=1)
    since = simulator.journal.last_number
    answer = await graph.post(MEMBERS, json=NORA)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert answer.json()["error"]["innerError"]["request-id"] == answer.headers["request-id"]
    assert is_member(simulator) is done
    [entry] = simulator.journal.entries(since)
    assert (entry["status"], entry["fault"], bool(entry["changes"])) == (status, kind, done)


@pytest.mark.parametrize("kind", ["bad-gateway", "unavailable", "gateway-timeout"])
async def test_a_gateway_may_say_when_to_come_back(
    simulator: Simulator, graph: httpx.AsyncClient, kind: str
) -> None:
    """502, 503 and 504 carry a Retry-After where the rule names one."""
    simulator.faults.add(kind, path="/users", retryAfter=5, times=1)
    assert (await graph.get("/v1.0/users")).headers["Retry-After"] == "5"


async def test_a_throttled_call_is_told_as_one_over_a_limit(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """A fault's 429 has the headers of a real one, and either of its two wordings."""
    simulator.faults.add("throttle", path="/users", times=2)
    documented = await graph.get("/v1.0/users")
    assert documented.headers["x-ms-throttle-information"] == "CPULimitExceeded"
    assert documented.headers["x-ms-throttle-scope"].startswith("Tenant_Application/ReadWrite/")
    assert documented.json()["error"]["message"] == "Please retry again later."
    simulator.behaviour.throttled_in_directorys_words = True
    assert "aadgraph.app_small.tier2" in (await graph.get("/v1.0/users")).text


async def test_what_is_not_there_costs_something(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Only 400 and 403 cost nothing."""

    async def charged(path: str, status: int) -> int:
        before = _units(simulator)
        assert (await graph.get(path)).status_code == status
        return _units(simulator) - before

    assert await charged(f"/v1.0/users/{cast.UNKNOWN}", 404) > 0
    assert await charged("/v1.0/users?$top=1000", 400) == 0


def _units(simulator: Simulator) -> int:
    return sum(used["units"] for used in simulator.quota.to_json()["applications"].values())


async def test_slow_and_bent_answers(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """The call's own answer, late; or with a next link that leads to the same page."""
    simulator.faults.add("slow", path="/users", seconds=0.2, times=1)
    began = asyncio.get_running_loop().time()
    assert (await graph.get("/v1.0/users?$top=5")).status_code == 200
    assert asyncio.get_running_loop().time() - began >= 0.2
    simulator.faults.add("same-next-link", path="/users", times=1)
    page = (await graph.get("/v1.0/users?$top=5")).json()
    assert page["@odata.nextLink"] == f"{simulator.url}/v1.0/users?$top=5"


async def test_a_lost_token_says_where_to_get_one(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """401 comes with its challenge, as from Graph itself."""
    simulator.faults.add("token-expired")
    answer = await graph.get("/v1.0/users")
    assert refusal(answer)[:2] == (401, "InvalidAuthenticationToken")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_a_delta_reset_says_where_to_start_again(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """410 with a Location that a client can follow as it is."""
    link = (await graph.get("/v1.0/users/delta?$deltatoken=latest")).json()["@odata.deltaLink"]
    simulator.faults.add("delta-reset", times=1)
    answer = await graph.get(link)
    assert answer.status_code == 410
    first = (await graph.get(answer.headers["Location"])).json()
    assert len(first["value"]) == len(simulator.tenant.users)


async def test_resource_units_run_out(simulator: Simulator, graph: httpx.AsyncClient) -> None:
    """429 with Retry-After, the scope and what ran out; refused calls cost nothing."""
    simulator.quota.set_limits(Limits(resource_units=4))
    assert (await graph.get("/v1.0/users")).headers["x-ms-resource-unit"] == "2"
    assert (await graph.get("/v1.0/users?$top=1000")).status_code == 400
    near = await graph.get("/v1.0/users")
    assert near.headers["x-ms-throttle-limit-percentage"] == "1.0"
    answer = await graph.get("/v1.0/users")
    assert refusal(answer) == (429, "TooManyRequests", "Please retry again later.")
    inner = answer.json()["error"]["innerError"]
    assert (inner["code"], inner["message"], inner["status"]) == (
        "429",
        "Please retry after",
        "429",
    )
    assert int(answer.headers["Retry-After"]) >= 1
    scope = f"Tenant_Application/ReadWrite/{cast.CONNECTOR}/{cast.TENANT}"
    assert answer.headers["x-ms-throttle-scope"] == scope
    assert answer.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"


async def test_writes_have_a_limit_of_their_own(
    simulator: Simulator, graph: httpx.AsyncClient
) -> None:
    """Reads go on when writes are used up; a refused write does not count."""
    simulator.quota.set_limits(Limits(writes=1, retry_after=False))
    simulator.behaviour.throttled_in_directorys_words = True
    assert (await graph.post(MEMBERS, json={})).status_code == 400
    assert (await graph.post(MEMBERS, json=NORA)).status_code == 204
    answer = await graph.delete(f"{MEMBERS.removesuffix('$ref')}{cast.NORA}/$ref")
    assert refusal(answer) == (
        429,
        "TooManyRequests",
        f"Too many requests from Identifier:{cast.CONNECTOR} under "
        "category:aadgraph.app_small.tier2. Please try again later.",
    )
    assert set(answer.json()["error"]["innerError"]) == {"date"}
    assert "Retry-After" not in answer.headers
    assert answer.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert (await graph.get("/v1.0/users")).status_code == 200
