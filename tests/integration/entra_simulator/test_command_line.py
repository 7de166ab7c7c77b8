"""`python -m tools.entra_simulator`, word by word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import log_in
from tools.entra_simulator import Simulator, read_tenant_file
from tools.entra_simulator.command_line import parse
from tools.entra_simulator.commands import carry_out
from tools.entra_simulator.control_client import ControlError
from tools.entra_simulator.fault_kinds import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPOSITORY = Path(__file__).parents[3]

Say = Callable[..., Awaitable[str]]


@pytest.fixture
def say(simulator: Simulator) -> Say:
    """Says some words to the simulator, and what it says to them."""

    async def said(*words: str) -> str:
        target = ["--url", simulator.url, "--ca", str(simulator.ca_path)]
        # The client blocks, and the simulator runs in this very loop.
        return await asyncio.to_thread(carry_out, parse([words[0], *target, *words[1:]]))

    return said


async def run(*words: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.entra_simulator", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )
    told, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode(), complained.decode()


async def test_help_explains_the_tool() -> None:
    """A newcomer reads what it is, how to start it, and how to sign in."""
    status, told, _ = await run("--help")
    assert status == 0
    for word in ("stand-in for Microsoft's login", "examples:", "serve --port", cast.CONNECTOR):
        assert word in told
    for word in ("fault", "behaviour", "quota", "journal", "state", "change", "generate"):
        assert f"\n    {word}" in told


async def test_generated_tenants_can_be_served(tmp_path: Path, state_dir: Path) -> None:
    """`generate` writes a tenant file, and whoever signs in to the built-in tenant signs in."""
    counts = ("--users", "30", "--groups", "5", "--memberships", "60", "--apps", "4")
    status, told, _ = await run("generate", *counts, "--assignments", "20", "--seed", "5")
    assert status == 0
    file = tmp_path / "tenant.json"
    file.write_text(told)
    async with Simulator(state_dir, read_tenant_file(file)) as simulator:
        assert len(simulator.tenant.users) == 30
    status, _, complained = await run("generate", "--users", "3", "--memberships", "9999")
    assert (status, "do not fit" in complained) == (1, True)


async def test_serving_and_talking_to_it(state_dir: Path) -> None:
    """`serve` tells where it is, others find it by its directory, and nobody finds it after."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.entra_simulator", "serve", "--port", "0"),
        *("--state", str(state_dir), "--managed-identity-port", "0", "--no-quotas"),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    assert ready["identityEndpoint"].startswith(ready["managedIdentity"])
    status, told, _ = await run("state", "--counts", ENTRA_SIMULATOR_STATE=str(state_dir))
    assert (status, "users=" in told) == (0, True)
    status, told, _ = await run("quota", "show", "--state", str(state_dir))
    assert json.loads(told)["limits"]["enabled"] is False
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    status, _, complained = await run("state", "--state", str(state_dir))
    assert (status, "no simulator serves" in complained) == (1, True)


async def test_faults(simulator: Simulator, graph: httpx.AsyncClient, say: Say) -> None:
    """Rules are added with every option, listed with their strikes, and ended."""
    kinds = await say("fault", "kinds")
    assert all(kind in kinds for kind in KINDS)
    added = await say(
        *("fault", "add", "throttle", "--path", "/users/**", "--method", "GET"),
        *("--times", "1", "--retry-after", "4", "--chance", "1", "--skip", "0"),
    )
    assert added == "fault 1 is in force"
    answer = await graph.get(f"/v1.0/users/{cast.NORA}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "4")
    await say(
        *("fault", "add", "error", "--status", "409", "--code", "Conflict", "--done"),
        *("--header", "x-seen=1"),
    )
    assert simulator.faults.rules[1].headers == {"x-seen": "1"}
    listed = (await say("fault", "list")).splitlines()
    assert listed[1].split() == (
        ["1", "throttle", "graph", "GET", "/users/**", "1.0", "1", "1", "of", "1"]
    )
    assert await say("fault", "remove", "1") == "fault 1 has ended"
    with pytest.raises(ControlError, match="there is no fault 1"):
        await say("fault", "remove", "1")
    await say("fault", "clear")
    assert simulator.faults.rules == ()


async def test_behaviour(simulator: Simulator, say: Say) -> None:
    """Switches are set by name, shown, and set back; a wrong one is named."""
    await say("behaviour", "set", "replicaLags=[0,2]", "deltaShuffled=true")
    assert simulator.behaviour.replica_lags == (0.0, 2.0)
    assert "deltaShuffled=true" in await say("behaviour", "show")
    assert "deltaShuffled=false" in await say("behaviour", "reset")
    for wrong in ("deltaShuffled=perhaps", "deltaShuffled", "speed=1"):
        with pytest.raises(ControlError, match=wrong.partition("=")[0]):
            await say("behaviour", "set", wrong)


async def test_quota(simulator: Simulator, say: Say) -> None:
    """Limits are set and shown, and counters start anew."""
    assert "writes=7.0" in await say("quota", "set", "writes=7", "retryAfter=false")
    assert simulator.quota.limits.retry_after is False
    simulator.quota.admit("somebody", units=1, writes=0)
    assert "somebody" in json.loads(await say("quota", "show"))["applications"]
    await say("quota", "reset")
    assert simulator.quota.usage("somebody").calls == 0


async def test_journal(simulator: Simulator, graph: httpx.AsyncClient, say: Say) -> None:
    """One line a call, with what it changed or why it failed; or counts; or whole entries."""
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{cast.NORA}"}
    members = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members/$ref"
    await graph.post(members, json=reference)
    await graph.post(members, json=reference)
    shown = (await say("journal", "--last", "2")).splitlines()
    assert "added Nora Eriksen in Atelier Editors" in shown[1]
    assert " 400 " in shown[2]
    assert shown[2].endswith("Request_BadRequest")
    counted = await say("journal", "--counts", "--method", "POST", "--source", "graph")
    assert "/groups/{id}/members/$ref" in counted
    [entry] = (await say("journal", "--json", "--status", "204")).splitlines()
    assert json.loads(entry)["path"] == members
    assert len((await say("journal", "--app", cast.READONLY)).splitlines()) == 1


async def test_state(simulator: Simulator, say: Say) -> None:
    """The tenant, one kind of object, or numbers only."""
    users = json.loads(await say("state", "--only", "users"))["users"]
    assert len(users) == len(simulator.tenant.users)
    assert f"users={len(users)}" in (await say("state", "--counts")).splitlines()


async def test_changes_by_hand(simulator: Simulator, say: Say) -> None:
    """Whatever somebody can do in the portal, with ids from what was said before."""
    tenant = simulator.tenant
    await say("change", "add-member", cast.ATELIER_EDITORS, cast.NORA)
    assert tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    await say("change", "remove-member", cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assigned = (await say("change", "assign", cast.NORA, cast.ATELIER)).split()[-1]
    assert assigned in tenant.assignments
    await say("change", "unassign", assigned)
    assert assigned not in tenant.assignments
    added = (await say("change", "add", "users", "displayName=Ada New")).split()[-1]
    await say("change", "update", "users", added, "jobTitle=Engineer", "accountEnabled=false")
    assert tenant.users[added]["jobTitle"] == "Engineer"
    assert tenant.users[added]["accountEnabled"] is False
    await say("change", "delete", "users", added)
    assert added not in tenant.users
    await say("change", "restore", added)
    assert added in tenant.users
    await say("change", "delete", "users", added)
    assert await say("change", "purge", added) == "gone for good"
    with pytest.raises(ControlError, match="there is no"):
        await say("change", "restore", added)


async def test_links_and_tokens_end(
    simulator: Simulator, graph: httpx.AsyncClient, say: Say
) -> None:
    """Delta links are reset or expired, access tokens revoked."""
    page = await graph.get("/v1.0/users/delta?$select=id&$deltatoken=latest")
    await say("delta", "reset", "users")
    assert (await graph.get(page.json()["@odata.deltaLink"])).status_code == 410
    assert "every stream" in await say("delta", "expire")
    await say("tokens", "revoke", cast.CONNECTOR)
    assert (await graph.get("/v1.0/users")).status_code == 401
    await say("tokens", "revoke")
    token = (await log_in(graph, client_secret=cast.CONNECTOR_SECRET)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await graph.get("/v1.0/users", headers=bearer)).status_code == 200


async def test_which_simulator_must_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a target, without trust, or where nobody is: an error, not a guess."""
    monkeypatch.delenv("ENTRA_SIMULATOR_STATE", raising=False)
    for words, complaint in (
        (["state"], "say which simulator"),
        (["state", "--url", "https://localhost:1"], "--ca"),
        (["state", "--state", str(tmp_path)], "no simulator serves"),
    ):
        with pytest.raises(ControlError, match=complaint):
            carry_out(parse(words))
