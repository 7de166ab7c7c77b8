"""What is too much is refused over the wire, and nobody else waits for it."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from libs.domain.errors import Unavailable
from libs.rpc import errors
from libs.rpc.limits import Most
from tests.integration.libs.scene import Running, failure_of, nothing, serving
from tests.support.eventually import eventually
from tests.support.issuer import bearer


class _Gate:
    """An answer that waits until the test lets it go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.waiting = 0

    async def __call__(self) -> None:
        self.waiting += 1
        await self.open.wait()

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.waiting < count:
                await asyncio.sleep(0.005)


def _as(running: Running, name: str) -> dict[str, Any]:
    return {"metadata": bearer(running.issuer.named(name)), "timeout": 30}


def _retry_seconds(error: grpc.aio.AioRpcError) -> float:
    for detail in rpc_status.from_call(error).details:
        info = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            return info.retry_delay.ToMicroseconds() / 1e6
    raise AssertionError("there is no RetryInfo")


async def test_who_asks_too_often_is_told_when_to_try_again(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED / RATE_LIMITED with RetryInfo, and after that time it works; others are
    answered all along."""
    async with serving(tmp_path, most=Most(calls_per_second=2)) as running:
        for _ in range(4):
            await running.call(**_as(running, "Eve"))
        code, reason, error = await failure_of(running.call(**_as(running, "Eve")))
        assert (code, reason) == (StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
        await running.call(**_as(running, "Ada"))
        told = errors.from_call(error, "policy")
        assert type(told) is Unavailable, "for our own clients it passes"
        wait = _retry_seconds(error)
        assert 0 < wait <= 0.5
        await asyncio.sleep(wait)
        await running.call(**_as(running, "Eve"))


async def test_overload_is_shed_and_health_is_not(tmp_path: Path) -> None:
    """While every place is taken calls are refused at once, a service still has its own places and
    health is answered; when they are free again everybody is let in."""
    most = Most(calls_per_second=1000, calls_at_once=16)
    async with serving(tmp_path, most=most) as running:
        gate = _Gate()
        held = [
            asyncio.ensure_future(running.call(gate, **_as(running, f"P{number % 8}")))
            for number in range(16)
        ]
        await gate.holds(16)
        async with asyncio.timeout(5):
            code, reason, error = await failure_of(running.call(gate, **_as(running, "Ada")))
            assert (code, reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
            assert _retry_seconds(error) > 0
            service = bearer(running.issuer.service("requests"))
            await running.call(nothing, metadata=service)
            health = health_pb2_grpc.HealthStub(running.channel)
            answer = await health.Check(health_pb2.HealthCheckRequest(service=""))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        gate.open.set()
        await asyncio.gather(*held)
        await running.call(nothing, **_as(running, "Ada"))


async def test_health_is_watched_by_so_many_and_answered_to_all(tmp_path: Path) -> None:
    """Who needs no token can't have a process hold streams without end: one more than it holds is
    refused, while it is told whether the process is healthy, and gets in when another goes."""
    async with serving(tmp_path, most=Most(nobodys_streams=3)) as running:
        health = health_pb2_grpc.HealthStub(running.channel)
        watching = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(3)]
        for each in watching:
            await anext(aiter(each))
        refused = health.Watch(health_pb2.HealthCheckRequest())
        code, reason, _ = await failure_of(anext(aiter(refused)))
        assert (code, reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        await health.Check(health_pb2.HealthCheckRequest())
        watching.pop().cancel()

        async def is_let_in() -> bool:
            watching.append(health.Watch(health_pb2.HealthCheckRequest()))
            try:
                return bool(await anext(aiter(watching[-1])))
            except grpc.aio.AioRpcError:
                return False

        await eventually(is_let_in, 10)
        for each in watching:
            each.cancel()


async def test_one_who_asks_for_everything_gets_half_and_others_get_in(tmp_path: Path) -> None:
    """Of a hundred calls at once by one person, as many as half the places are answered; ten other
    people are all let in beside them."""
    most = Most(calls_per_second=1000, calls_at_once=32)
    async with serving(tmp_path, most=most) as running:
        gate = _Gate()
        greedy = [
            asyncio.ensure_future(running.call(gate, **_as(running, "Eve"))) for _ in range(100)
        ]
        await gate.holds(16)
        others = [
            asyncio.ensure_future(running.call(gate, **_as(running, f"P{number}")))
            for number in range(10)
        ]
        await gate.holds(26)
        gate.open.set()
        outcomes = await asyncio.gather(*greedy, return_exceptions=True)
        codes = Counter("OK" if not hasattr(it, "code") else it.code().name for it in outcomes)
        assert codes == {"OK": 16, "RESOURCE_EXHAUSTED": 84}
        await asyncio.gather(*others)
