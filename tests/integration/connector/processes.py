"""The connector in a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

import grpc

from services.connector.settings import Settings
from tests.integration.connector.house import ConnectorHouse
from tests.support.eventually import eventually

ROOT = Path(__file__).resolve().parents[3]


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment that has these settings."""
    values = {
        field.name: value
        for field in fields(settings)
        if (value := getattr(settings, field.name)) != field.default
    }
    return {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs' / 'contracts'}",
        **{f"LATCHKEY_{name.upper()}": str(value).lower() if isinstance(value, bool) else str(value)
           for name, value in values.items()},
        **more,
    }  # fmt: skip


@asynccontextmanager
async def connector_process(
    house: ConnectorHouse, log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The connector in a process of its own; the house then talks to that."""
    with log.open("w") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.connector"),
            env=environment(house.settings),
            cwd=ROOT,
            stderr=stream,
        )
    try:
        await eventually(lambda: '"serving"' in log.read_text(), 30)
        port = log.read_text().partition("127.0.0.1:")[2].partition('"')[0]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            house.channel = channel
            yield process
    finally:
        house.channel = None
        if process.returncode is None:
            process.kill()
            await process.wait()
