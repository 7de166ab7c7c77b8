"""Tokens that must let nobody in, sent to every method of every service in earnest."""

import asyncio
import os
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import grpc

from libs.rpc import errors
from tests.e2e.doors import Method, methods
from tests.e2e.earnest import Earnest
from tests.integration.libs.trust import OTHER_TENANT, login
from tests.support.token_corpus import Metadata, corpus
from tools.dev.issuer import SERVICES

_AT_ONCE = 16
# Of more than a hundred, in turn; `make soak-bad-input` sends all of them to each method.
_FOR_EACH_METHOD = int(os.environ.get("SOAK_TOKENS", "12"))
_REFUSED = ("UNAUTHENTICATED", "CALLER_UNKNOWN")


async def _answer(channel: grpc.aio.Channel, method: Method, metadata: Metadata) -> tuple[str, str]:
    """The code and the reason that an empty request gets."""
    try:
        await method.call_with(channel, [b""], metadata)
    except grpc.aio.AioRpcError as error:
        return error.code().name, errors.error_info(error).reason
    except StopAsyncIteration:
        pass
    return "OK", ""


def _sendable(metadata: Metadata) -> Metadata:
    """What a client lets out."""
    return tuple((key, value) for key, value in metadata if value.isprintable())


async def test_no_method_lets_in_who_shows_one_of_them(tmp_path: Path) -> None:
    """Each method refuses its share of them as UNAUTHENTICATED, and with the good token that they
    are made from nobody is refused so; each of them was tried."""
    async with login(tmp_path / "login") as simulated:
        simulator = simulated.simulator
        place = (simulated.host, simulator.ca_path, [simulator.tenant.id, OTHER_TENANT])
        good: Metadata = (("authorization", f"Bearer {simulated.token()}"),)
        bad = {name: _sendable(it) for name, it in corpus(simulated.good()).items()}
        turn = cycle(bad)
        tried: Counter[str] = Counter()
        let_in: list[str] = []
        gate = asyncio.Semaphore(_AT_ONCE)

        async def refuse(channel: grpc.aio.Channel, method: Method, name: str) -> None:
            async with gate:
                answer = await _answer(channel, method, bad[name])
            tried[name] += 1
            if answer != _REFUSED:
                let_in.append(f"{method.path} with {name}: {answer}")

        async with Earnest(tmp_path / "house", [], place) as house:
            for service in SERVICES:
                async with house.probing(service) as channel:
                    for method in methods(service):
                        share = list(islice(turn, min(_FOR_EACH_METHOD, len(bad))))
                        await asyncio.gather(*(refuse(channel, method, name) for name in share))
                        code, reason = await _answer(channel, method, good)
                        assert (code, reason) != _REFUSED, method.path
        assert not let_in, let_in[:10]
        assert tried.keys() == bad.keys()
