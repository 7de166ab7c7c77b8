"""What the simulator accepted stays, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, log_in
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPOSITORY = Path(__file__).parents[3]


@dataclass
class Running:
    process: asyncio.subprocess.Process
    url: str
    ca: str

    async def stop(self, signal_number: signal.Signals) -> int:
        self.process.send_signal(signal_number)
        return await self.process.wait()


@asynccontextmanager
async def running(state_dir: Path, *arguments: str) -> AsyncIterator[Running]:
    """The simulator as a program of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.entra_simulator"),
        *("--port", "0", "--state", str(state_dir), *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        yield Running(process, ready["url"], ready["ca"])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_accepted_writes_survive_kill_9(state_dir: Path) -> None:
    """A killed simulator comes back with every write, its journal, its CA and its token key."""
    async with running(state_dir) as first:
        trust = ssl.create_default_context(cafile=first.ca)
        async with httpx.AsyncClient(base_url=first.url, verify=trust) as client:
            token = (await log_in(client, client_secret=cast.CONNECTOR_SECRET)).json()
            client.headers["Authorization"] = f"Bearer {token['access_token']}"
            reference = {"@odata.id": f"{first.url}/v1.0/directoryObjects/{cast.NORA}"}
            members = f"/v1.0/groups/{cast.ATELIER_EDITORS}/members"
            assert (await client.post(f"{members}/$ref", json=reference)).status_code == 204
            assert (await client.delete(f"{members}/{cast.JONAS}/$ref")).status_code == 204
            body = {
                "principalId": cast.NORA,
                "resourceId": cast.ATELIER,
                "appRoleId": cast.NO_ROLE,
            }
            assigned_to = f"/v1.0/servicePrincipals/{cast.ATELIER}/appRoleAssignedTo"
            assignment = (await client.post(assigned_to, json=body)).json()
            state = (await client.get("/_simulator/state")).json()
            journal = (await client.get("/_simulator/journal")).json()
        assert await first.stop(signal.SIGKILL) == -signal.SIGKILL

    async with running(state_dir) as second:
        # The same trust and the same token: clients notice nothing but a lost connection.
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        async with httpx.AsyncClient(base_url=second.url, verify=trust, headers=headers) as client:
            assert (await client.get("/_simulator/state")).json() == state
            assert (await client.get("/_simulator/journal")).json() == journal
            held = await client.get(f"/v1.0/users/{cast.NORA}/appRoleAssignments")
            assert [found["id"] for found in held.json()["value"]] == [assignment["id"]]


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_stops_when_told(state_dir: Path, signal_number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the program without an error, even with an open connection."""
    async with running(state_dir) as simulator:
        trust = ssl.create_default_context(cafile=simulator.ca)
        async with httpx.AsyncClient(base_url=simulator.url, verify=trust) as client:
            assert (await client.get("/_simulator/state")).status_code == 200
            assert await simulator.stop(signal_number) == 0


async def test_tenant_file_seeds_only_an_empty_directory(state_dir: Path, tmp_path: Path) -> None:
    """A tenant file given at a later start does not undo what has happened since the first."""
    tenant = built_in_tenant()
    tenant["organization"]["displayName"] = "Another Company"
    file = tmp_path / "tenant.json"
    file.write_text(json.dumps(tenant))
    async with running(state_dir, "--tenant", str(file)) as simulator:
        await simulator.stop(signal.SIGTERM)
    async with Simulator(state_dir) as again:
        assert again.tenant.organization["displayName"] == "Another Company"


async def test_changes_by_hand_survive_too(state_dir: Path, clock: FakeClock) -> None:
    """Every kind of change by hand is rebuilt from the journal alone."""
    seed = built_in_tenant()
    async with Simulator(state_dir, clock=clock.now) as simulator:
        snapshot = (state_dir / "tenant.json").read_bytes()
        tenant = simulator.tenant
        tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
        tenant.remove_member(cast.ATELIER_EDITORS, cast.JONAS)
        tenant.add_assignment(cast.NORA, cast.ATELIER)
        tenant.remove_assignment(tenant.assignments_of(cast.GRETA)[0]["id"])
        tenant.update_object(cast.ATELIER_EDITORS, {"description": "Changed."})
        tenant.add_object("user", {"displayName": "New", "userPrincipalName": "new@x.example"})
        tenant.delete_object(cast.PRIYA)
        changed = tenant.document()
    # As if the simulator had been killed before it could write its last snapshot.
    (state_dir / "tenant.json").write_bytes(snapshot)
    async with Simulator(state_dir, seed, clock=clock.now) as again:
        assert again.tenant.document() == changed


async def test_half_a_journal_line_is_dropped(state_dir: Path) -> None:
    """A line cut short by a crash belongs to a call that was never answered."""
    async with Simulator(state_dir) as simulator, connected(simulator):
        entries = simulator.journal.entries()
    with (state_dir / "journal.jsonl").open("a") as file:
        file.write('{"number":2,"time":"2026-')
    async with Simulator(state_dir) as again:
        assert again.journal.entries() == entries
        again.tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    async with Simulator(state_dir) as once_more:
        assert [entry["number"] for entry in once_more.journal.entries()] == [1, 2]
        assert once_more.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


async def test_certificate_names_microsofts_hosts(shared: Simulator) -> None:
    """A client led here by a proxy finds the certificate valid for Graph and for login."""
    port = int(shared.url.rpartition(":")[2])
    for host in ("localhost", "127.0.0.1", "graph.microsoft.com", "login.microsoftonline.com"):
        trust = ssl.create_default_context(cafile=shared.ca_path)
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trust, server_hostname=host
        )
        writer.close()
        await writer.wait_closed()


async def test_private_files_are_private(shared: Simulator) -> None:
    """Nobody but the owner reads keys, secrets and the journal."""
    directory = shared.ca_path.parent
    for path in (*directory.glob("*-key.pem"), *directory.glob("*.json*")):
        assert path.stat().st_mode & 0o077 == 0, path.name


async def test_journal_keeps_only_its_end_in_memory(state_dir: Path, clock: FakeClock) -> None:
    """With a limit, older entries are read from the file, and no change is lost by it."""
    async with Simulator(state_dir, clock=clock.now, journal_kept=5) as simulator:
        snapshot = (state_dir / "tenant.json").read_bytes()
        for number in range(30):
            simulator.tenant.update_object(cast.NORA, {"displayName": f"Nora {number}"})
        entries = simulator.journal.entries()
        assert [entry["number"] for entry in entries] == list(range(1, 31))
        assert simulator.journal.entries(27) == entries[27:]
    (state_dir / "tenant.json").write_bytes(snapshot)
    async with Simulator(state_dir, clock=clock.now, journal_kept=5) as again:
        assert again.journal.entries() == entries
        assert again.tenant.users[cast.NORA]["displayName"] == "Nora 29"


async def test_restoring_and_bulk_changes_survive_too(state_dir: Path, clock: FakeClock) -> None:
    """Deleted objects, their restoration and purge, and many changes at once."""
    async with Simulator(state_dir, clock=clock.now) as simulator:
        snapshot = (state_dir / "tenant.json").read_bytes()
        tenant = simulator.tenant
        for user_id in (cast.PRIYA, cast.JONAS, cast.NORA):
            tenant.delete_object(user_id)
        tenant.restore_object(cast.PRIYA)
        tenant.purge_object(cast.JONAS)
        added = tenant.add_objects(
            "user",
            [
                {"displayName": f"New {number}", "userPrincipalName": f"new.{number}@x.example"}
                for number in range(2_500)
            ],
        )
        tenant.add_members(cast.ATELIER_EDITORS, [user["id"] for user in added])
        entries = [entry for entry in simulator.journal.entries() if len(entry["changes"]) > 1]
        assert [len(entry["changes"]) for entry in entries] == [1000, 1000, 500]
        document = tenant.document()
        assert set(document["deleted"]) == {cast.NORA}
        history = tenant.history.to_json()
    for before in (None, snapshot):
        if before is not None:
            (state_dir / "tenant.json").write_bytes(before)
        async with Simulator(state_dir, clock=clock.now) as again:
            assert again.tenant.document() == document
            assert again.tenant.history.to_json() == history
