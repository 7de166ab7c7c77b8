"""The demonstration: the guide's five steps in a house of its own, told in words.

It succeeds only when the simulated Entra itself says that the access is there, and, at the end,
that it is gone again.
"""

import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.house import House
from tools.dev.issuer import SERVICES
from tools.dev.story import Story
from tools.dev.subscriber import Seen, Subscriber


async def demo(database_url: str | None) -> None:
    """Runs the demonstration in a fresh folder.

    Raises:
        SystemExit: something did not come out as it must.
    """
    began = time.perf_counter()
    log: list[str] = []
    with tempfile.TemporaryDirectory(prefix="latchkey-demo-") as folder:
        try:
            async with House(
                Path(folder),
                lines=lambda name, line: log.append(f"{name:16}| {line}"),
                database_url=database_url,
            ) as house:
                print(
                    f"The house is up after {time.perf_counter() - began:.1f} s: nats-server, the "
                    "Entra simulator over TLS, and four services on gRPC. FOR DEVELOPMENT ONLY: "
                    "plaintext on loopback, and a local issuer that signs for anybody."
                )
                print(
                    f"Operator: {cast.OPERATOR.name}. Requester: {cast.REQUESTER.name}. An outside "
                    "subscriber follows latchkey.> (lines with ◆; a sync's many are left out)."
                )
                await _tell(house)
        except BaseException:
            print("\n".join(["", "The last lines of the house:", *log[-60:]]))
            raise
    print(f"\nDone after {time.perf_counter() - began:.1f} s. `make up` leaves a house running.")


async def _tell(house: House) -> None:
    addresses = {service: house.address(service) for service in SERVICES}
    async with (
        Client(addresses, cast.OPERATOR.token(house.issuer)) as operator,
        Client(addresses, cast.REQUESTER.token(house.issuer)) as requester,
        Subscriber(house.nats_url, _on_event) as events,
        AsyncExitStack() as clients,
    ):

        def client(member: Member) -> Client:
            found = Client(addresses, member.token(house.issuer))
            clients.push_async_exit(found)
            return found

        entra = Entra(house.simulator_url, house.simulator_ca)
        story = Story(Guide(operator, requester), entra, events)
        await story.connect()
        app_id, access_entitlement_id = await story.manage()
        await story.configure(app_id, access_entitlement_id)
        await story.open_up(app_id)
        request = await story.ask()
        await events.until("AccessRequestFulfilled")
        await story.check_entra(request)
        await story.give_back(request.lease_id)
        await story.decide(client)


def _on_event(seen: Seen) -> None:
    # A sync speaks of every app it finds; ten lines of the same would bury the others.
    if not seen.type.endswith(("AppDiscovered", "DirectoryRefreshed")):
        print(f"      ◆ {seen.short_type} {seen.subject_id}")
