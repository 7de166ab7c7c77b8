"""The load generator, in a process of its own: `python -m tools.bench.load < plan > result`.

So many callers make the calls of a plan, each its next one when the last is answered. Each kind of
call is a small class; those of the floors call what a service itself would call, with nothing of
ours around it.
"""

import asyncio
import json
import sqlite3
import ssl
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import asyncpg
import grpc
import httpx
import nats
import uvloop
from sqlalchemy import make_url

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2

# What one call may take; a plan that does not end is one that measures nothing.
_SECONDS = 60.0
_WATCH = "/latchkey.requests.v1.AccessRequestService/WatchAccessRequest"
_GONE = "latchkey.connector.v1.AccessDeprovisioned"
Times = dict[str, float]


class Kind(Protocol):
    """A way to make one call. It answers the seconds that it took, by what was waited for."""

    async def open(self) -> None:
        """Connects."""

    async def call(self, what: Any) -> Times:
        """Makes one call of the plan."""

    async def close(self) -> None:
        """Lets go."""


class Unary:
    """A gRPC call; the plan holds (token, message)."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan

    async def open(self) -> None:
        self.channel = grpc.aio.insecure_channel(self._plan["address"])
        self.method: Any = self.channel.unary_unary(self._plan["path"])

    async def call(self, what: Any) -> Times:
        began = time.perf_counter()
        await self.answer(what)
        return {"answered": time.perf_counter() - began}

    async def answer(self, what: Any) -> bytes:
        """The answer's bytes."""
        token, message = what
        found: bytes = await self.method(
            bytes.fromhex(message),
            metadata=(("authorization", f"Bearer {token}"),),
            timeout=_SECONDS,
        )
        return found

    async def close(self) -> None:
        await self.channel.close()


class Deliver(Unary):
    """CreateAccessRequest, and WatchAccessRequest until it is fulfilled."""

    async def open(self) -> None:
        await super().open()
        self._watch: Any = self.channel.unary_stream(_WATCH)

    async def call(self, what: Any) -> Times:
        began = time.perf_counter()
        created = pb.CreateAccessRequestResponse.FromString(await self.answer(what))
        accepted = time.perf_counter() - began
        request = pb.WatchAccessRequestRequest(
            access_request_id=created.access_request.access_request_id
        )
        last = b""
        async for answer in self._watch(
            request.SerializeToString(),
            metadata=(("authorization", f"Bearer {what[0]}"),),
            timeout=_SECONDS,
        ):
            last = answer
        took = time.perf_counter() - began
        state = pb.WatchAccessRequestResponse.FromString(last).access_request.state
        if state != pb.ACCESS_REQUEST_STATE_FULFILLED:
            raise RuntimeError(pb.AccessRequestState.Name(state))
        return {"accepted": accepted, "delivered": took}


class End(Unary):
    """RevokeLease, and the connector's word that everything is out of the directory."""

    async def open(self) -> None:
        await super().open()
        self._gone: dict[str, asyncio.Future[None]] = {}
        self._nats = await nats.connect(self._plan["nats_url"])

        async def heard(message: Any) -> None:
            lease_id = message.headers["ce-subject"]
            if (waiting := self._gone.get(lease_id)) is not None and not waiting.done():
                waiting.set_result(None)

        await self._nats.subscribe(_GONE, cb=heard)
        await self._nats.flush()

    async def call(self, what: Any) -> Times:
        request = lease_pb2.RevokeLeaseRequest.FromString(bytes.fromhex(what[1]))
        gone = asyncio.get_running_loop().create_future()
        self._gone[request.lease_id] = gone
        began = time.perf_counter()
        await self.answer(what)
        accepted = time.perf_counter() - began
        async with asyncio.timeout(_SECONDS):
            await gone
        return {"accepted": accepted, "gone": time.perf_counter() - began}

    async def close(self) -> None:
        await self._nats.close()
        await super().close()


class Commit:
    """The floor of a write: one row, one transaction."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._url = make_url(plan["database_url"])
        self._rows = 0

    async def open(self) -> None:
        self._sqlite = self._url.drivername == "sqlite"
        if self._sqlite:
            self._thread = ThreadPoolExecutor(1)
            await self._in_thread(self._open_file)
            return
        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._pool = await asyncpg.create_pool(url, min_size=8, max_size=8)
        await self._pool.execute(
            "CREATE TABLE IF NOT EXISTS bench_floor (id text PRIMARY KEY, body text)"
        )
        await self._pool.execute("TRUNCATE bench_floor")

    def _open_file(self) -> None:
        self._file = sqlite3.connect(str(self._url.database), isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=FULL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS bench_floor (id text PRIMARY KEY, body text)"
        )
        self._file.execute("DELETE FROM bench_floor")

    async def call(self, what: Any) -> Times:
        self._rows += 1
        row = (f"row-{self._rows}", what)
        began = time.perf_counter()
        if self._sqlite:
            await self._in_thread(self._insert, row)
        else:
            await self._pool.execute("INSERT INTO bench_floor VALUES ($1, $2)", *row)
        return {"committed": time.perf_counter() - began}

    def _insert(self, row: tuple[str, str]) -> None:
        self._file.execute("INSERT INTO bench_floor VALUES (?, ?)", row)

    async def _in_thread(self, work: Any, *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def close(self) -> None:
        if self._sqlite:
            await self._in_thread(self._file.close)
            self._thread.shutdown()
        else:
            await self._pool.close()


class Publish:
    """The floor of an event: one message, acknowledged by a stream of its own."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._url = plan["nats_url"]
        self._count = 0

    async def open(self) -> None:
        self._nats = await nats.connect(self._url)
        self._stream = self._nats.jetstream()
        await self._stream.add_stream(name="BENCH", subjects=["bench.>"])

    async def call(self, what: Any) -> Times:
        self._count += 1
        began = time.perf_counter()
        await self._stream.publish(
            "bench.floor", what.encode(), headers={"Nats-Msg-Id": f"floor-{self._count}"}
        )
        return {"acknowledged": time.perf_counter() - began}

    async def close(self) -> None:
        await self._stream.delete_stream("BENCH")
        await self._nats.close()


class Graph:
    """The floor of a delivery: one assignment to an app, one call; the plan holds its body."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan

    async def open(self) -> None:
        plan = self._plan
        self._http = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=plan["ca_file"]),
            trust_env=False,
            timeout=_SECONDS,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )
        answer = await self._http.post(f"{plan['url']}{plan['token_path']}", data=plan["form"])
        answer.raise_for_status()
        self._headers = {"authorization": f"Bearer {answer.json()['access_token']}"}

    async def call(self, what: Any) -> Times:
        began = time.perf_counter()
        answer = await self._http.post(
            f"{self._plan['url']}{self._plan['path']}", json=what, headers=self._headers
        )
        answer.raise_for_status()
        return {"answered": time.perf_counter() - began}

    async def close(self) -> None:
        await self._http.aclose()


KINDS: dict[str, Any] = {
    "unary": Unary,
    "deliver": Deliver,
    "end": End,
    "commit": Commit,
    "publish": Publish,
    "graph": Graph,
}


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Makes the plan's calls, each once, or again and again for so many seconds."""
    kind: Kind = KINDS[plan["kind"]](plan)
    await kind.open()
    times: dict[str, list[float]] = {}
    failures: Counter[str] = Counter()
    until = time.perf_counter() + plan["seconds"]
    calls = _calls(plan["calls"], until if plan["again"] else None)

    async def caller() -> None:
        for what in calls:
            try:
                took = await kind.call(what)
            except grpc.aio.AioRpcError as error:
                failures[f"{error.code().name}: {error.details()}"] += 1
            except Exception as error:
                failures[f"{type(error).__name__}: {error}"] += 1
            else:
                for name, seconds in took.items():
                    times.setdefault(name, []).append(seconds)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(plan["callers"])))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    await kind.close()
    return {"seconds": seconds, "cpu_seconds": cpu, "times": times, "failures": failures}


def _calls(calls: list[Any], until: float | None) -> Iterator[Any]:
    if until is None:
        yield from calls
        return
    while True:
        for what in calls:
            if time.perf_counter() > until:
                return
            yield what


if __name__ == "__main__":
    json.dump(uvloop.run(run(json.load(sys.stdin))), sys.stdout)
