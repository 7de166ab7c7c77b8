"""How the simulator ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.integration.entra_simulator.conftest import connected
from tools.entra_simulator import Simulator


async def test_a_server_that_stopped_holds_no_connection(tmp_path: Path) -> None:
    """Also of a client that never began its TLS handshake."""
    async with Simulator(tmp_path / "state") as simulator:
        port = int(simulator.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with connected(simulator) as client:
            # Answered by who accepted the other one before.
            await client.get("/")
    try:
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    finally:
        writer.close()
        await writer.wait_closed()
