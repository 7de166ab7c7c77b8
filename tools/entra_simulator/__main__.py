"""Runs the simulator until it is told to stop.

    python -m tools.entra_simulator --port 8443 --state DIR [--tenant FILE.json]

Prints one line of JSON when it is ready: {"url": "https://localhost:8443", "ca": "DIR/ca.pem"}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from tools.entra_simulator import Simulator, built_in_tenant, read_tenant_file


def main() -> None:
    arguments = _arguments()
    asyncio.run(_run(arguments.port, arguments.state, arguments.tenant))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.entra_simulator",
        description="Microsoft's login endpoint and Microsoft Graph for one tenant, on loopback.",
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port")
    parser.add_argument(
        "--state", type=Path, required=True, help="directory that survives restarts"
    )
    parser.add_argument(
        "--tenant",
        type=Path,
        help="tenant file that seeds an empty state directory; default: Marlowe Instruments",
    )
    return parser.parse_args()


async def _run(port: int, state_dir: Path, tenant_file: Path | None) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    tenant = read_tenant_file(tenant_file) if tenant_file else built_in_tenant()
    async with Simulator(state_dir, tenant, port) as simulator:
        ready = {"url": simulator.url, "ca": str(simulator.ca_path.resolve())}
        print(json.dumps(ready), flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
