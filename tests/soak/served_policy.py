"""The policy service and an echo of its answers, in a process of their own: `python -m
tests.soak.served_policy <folder>`. Says in a line of JSON where they are, and serves until its
standard input ends."""

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from tests.integration.policy.echo import echo, many_rules, question
from tests.integration.policy.house import PolicyHouse
from tests.support.nats import NatsServer


async def main(folder: Path) -> None:
    """From nothing to serving, and to the end."""
    with NatsServer(folder / "nats") as nats:
        url = f"sqlite:///{folder / 'policy.db'}"
        async with PolicyHouse.open(url, nats.url, folder) as house:
            policy_id = (await house.create(many_rules())).policy_id
            plan = await house.evaluate(policy_id, question(policy_id, 3).facts)
            async with echo(house, plan) as port:
                ports = {"policy": house.port, "echo": port}
                token = house.issuer.service("requests")
                said = {"ports": ports, "policy_id": policy_id, "token": token}
                sys.stdout.write(json.dumps(said) + "\n")
                sys.stdout.flush()
                await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
