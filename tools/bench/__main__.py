"""`python -m tools.bench` measures from the wish to the access, in a house of its own.

It prints the way from CreateAccessRequest to FULFILLED: the milliseconds of requests one after
another, and the requests a second of callers at the same time. Each request is durable and really
in the simulated directory when it counts; the simulator's journal is asked at the end.
`LATCHKEY_DATABASE_URL` puts the house on a PostgreSQL.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import access_request_pb2_grpc as pb_grpc
from tools.bench.tenant import crowd, write_tenant
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.house import House
from tools.dev.issuer import SERVICES


def main() -> None:
    """Measures once and prints."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--sequential", type=int, default=200, help="requests one after another")
    parser.add_argument("--concurrent", type=int, default=800, help="requests by all callers")
    parser.add_argument("--callers", type=int, default=16)
    asyncio.run(_measure(parser.parse_args()))


async def _measure(arguments: argparse.Namespace) -> None:
    database_url = os.environ.get("LATCHKEY_DATABASE_URL") or None
    everybody = crowd(arguments.sequential + arguments.concurrent)
    one_by_one, at_once = (
        everybody[: arguments.sequential],
        everybody[arguments.sequential :],
    )
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        tenant = Path(folder) / "tenant.json"
        write_tenant(tenant, everybody)
        log: list[str] = []
        async with House(
            Path(folder),
            lines=lambda name, line: log.append(f"{name}| {line}"),
            database_url=database_url,
            tenant=tenant,
        ) as house:
            try:
                entitlement_id = await _prepare(house)
                async with grpc.aio.insecure_channel(house.address("requests")) as channel:
                    stub = pb_grpc.AccessRequestServiceStub(channel)
                    bench = _Bench(house, stub, entitlement_id)
                    kind = "SQLite" if database_url is None else "PostgreSQL"
                    print(f"create to FULFILLED, {kind}, everything on this machine")
                    await bench.sequential(one_by_one)
                    await bench.concurrent(at_once, arguments.callers)
                await _confirm(house, everybody)
            except BaseException:
                print("\n".join(log[-60:]))
                raise


async def _prepare(house: House) -> str:
    """Walks the operator's steps; the entitlement brings an assignment and a membership."""
    addresses = {service: house.address(service) for service in SERVICES}
    async with Client(addresses, cast.OPERATOR.token(house.issuer)) as operator:
        guide = Guide(operator, operator)
        connection = await guide.connect()
        sync = await guide.start_sync(connection.connection_id)
        async for now in guide.watch_sync(sync.sync_id):
            sync = now
        if sync.problem:
            raise SystemExit(sync.problem)
        app = next(
            app
            for app in await guide.unmanaged_apps()
            if app.entra_service_principal_id == cast.SERVICE_PRINCIPAL_ID
        )
        managed = await guide.manage(app.app_id)
        groups = await guide.linked_groups(app.app_id)
        await guide.link(app.app_id, guide.choices(groups, managed.access_entitlement_id))
        await guide.apply_rules(await guide.rules_for_everyone(app.app_id))
        return managed.access_entitlement_id


class _Bench:
    def __init__(
        self, house: House, stub: pb_grpc.AccessRequestServiceStub, entitlement_id: str
    ) -> None:
        self._house = house
        self._stub = stub
        self._entitlement_id = entitlement_id

    async def sequential(self, people: Sequence[Member]) -> None:
        """One request after another, on an otherwise idle house."""
        tokens = self._tokens(people)
        for token in tokens[:10]:
            await self._fulfil(token)  # connections, caches and statements are made once
        times = [await self._fulfil(token) for token in tokens[10:]]
        _print(f"{len(times)} one after another", times)

    async def concurrent(self, people: Sequence[Member], callers: int) -> None:
        """Callers at the same time, each beginning the next when the last is fulfilled."""
        waiting = list(self._tokens(people))
        times: list[float] = []

        async def caller() -> None:
            while waiting:
                times.append(await self._fulfil(waiting.pop()))

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        took = time.perf_counter() - began
        _print(f"{len(times)} by {callers} callers", times)
        print(f"  {len(times) / took:.0f} a second")

    def _tokens(self, people: Sequence[Member]) -> list[str]:
        return [member.token(self._house.issuer) for member in people]

    async def _fulfil(self, token: str) -> float:
        """Seconds from the wish to FULFILLED, as the requester sees it."""
        metadata = (("authorization", f"Bearer {token}"),)
        began = time.perf_counter()
        created = await self._stub.CreateAccessRequest(
            pb.CreateAccessRequestRequest(
                entitlement_id=self._entitlement_id, justification="measured"
            ),
            metadata=metadata,
            timeout=30,
        )
        request = created.access_request
        async for answer in self._stub.WatchAccessRequest(
            pb.WatchAccessRequestRequest(access_request_id=request.access_request_id),
            metadata=metadata,
            timeout=60,
        ):
            request = answer.access_request
        if request.state != pb.ACCESS_REQUEST_STATE_FULFILLED:
            raise SystemExit(f"{request.access_request_id} ended in state {request.state}")
        return time.perf_counter() - began


async def _confirm(house: House, people: Sequence[Member]) -> None:
    """Compares the directory with what was promised."""
    state = await Entra(house.simulator_url, house.simulator_ca).state()
    assigned = {a["principalId"] for a in state["appRoleAssignments"]}
    viewers = next(g for g in state["groups"] if g["id"] == cast.VIEWERS_GROUP_ID)
    members = {m["id"] if isinstance(m, dict) else m for m in viewers["members"]}
    missing = [m.name for m in people if not {m.entra_object_id} <= assigned & members]
    if missing:
        raise SystemExit(f"{len(missing)} have no access in the directory, {missing[0]} first")
    print(f"  all {len(people)} are assigned and members in the directory")


def _print(what: str, times: list[float]) -> None:
    milliseconds = sorted(1000 * seconds for seconds in times)
    p99 = milliseconds[min(len(milliseconds) - 1, int(len(milliseconds) * 0.99))]
    print(f"  {what}: p50 {statistics.median(milliseconds):.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
