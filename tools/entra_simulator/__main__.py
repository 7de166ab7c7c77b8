"""The command line: `python -m tools.entra_simulator --help` says what it can do.

    python -m tools.entra_simulator serve --port 8443 --state DIR [--tenant FILE.json]

prints one line of JSON when it is ready: {"url": "https://localhost:8443", "ca": "DIR/ca.pem"}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tools.entra_simulator.command_line import parse
from tools.entra_simulator.commands import carry_out
from tools.entra_simulator.control_client import ENDPOINT_FILE, ControlError
from tools.entra_simulator.generator import generate
from tools.entra_simulator.server import Simulator
from tools.entra_simulator.tenant_file import built_in_tenant, read_tenant_file


def main() -> None:
    asked = parse(sys.argv[1:])
    try:
        match asked.command:
            case "serve":
                asyncio.run(_serve(asked))
            case "generate":
                _generate(asked)
            case _:
                print(carry_out(asked))
    except (ControlError, ValueError) as error:
        sys.exit(f"entra_simulator: {error}")


def _generate(asked: argparse.Namespace) -> None:
    tenant = generate(
        asked.users,
        asked.groups,
        asked.memberships,
        asked.apps,
        asked.assignments,
        other_apps=asked.other_apps,
        seed=asked.seed,
    )
    json.dump(tenant, sys.stdout)


async def _serve(asked: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    tenant = read_tenant_file(asked.tenant) if asked.tenant else built_in_tenant()
    simulator = Simulator(
        asked.state,
        tenant,
        asked.port,
        managed_identity_port=asked.managed_identity_port,
        journal_kept=asked.journal_kept,
    )
    async with simulator:
        simulator.quota.limits.enabled = not asked.no_quotas
        ready = {"url": simulator.url, "ca": str(simulator.ca_path.resolve())}
        if (identity := simulator.managed_identity) is not None:
            ready |= {"managedIdentity": identity.url}
            ready |= {"identityEndpoint": identity.endpoint, "identityHeader": identity.header}
        endpoint = asked.state / ENDPOINT_FILE
        endpoint.write_text(json.dumps(ready), encoding="utf-8")
        print(json.dumps(ready), flush=True)
        await stop.wait()
        endpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
