"""Asks for an app catalog so many times a second, in a process of its own, and says how long each
took: milliseconds, a line each, and how many were refused.

    python -m tests.soak.asking ADDRESS TOKEN_FILE CALLS_A_SECOND SECONDS
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import grpc

from latchkey.catalog.v1 import app_catalog_pb2, app_catalog_pb2_grpc


async def _ask(address: str, token: str, rate: float, seconds: float) -> None:
    metadata = (("authorization", f"Bearer {token}"),)
    took: list[float] = []
    refused = 0
    async with grpc.aio.insecure_channel(address) as channel:
        stub = app_catalog_pb2_grpc.AppCatalogServiceStub(channel)

        async def once() -> None:
            nonlocal refused
            began = time.perf_counter()
            try:
                request = app_catalog_pb2.SearchAppCatalogRequest()
                await stub.SearchAppCatalog(request, metadata=metadata, timeout=30)
                took.append((time.perf_counter() - began) * 1000)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                refused += 1

        begin, calls = time.perf_counter(), []
        for number in range(round(rate * seconds)):
            # By the clock, not after the answer: who waits for answers asks less of a slow server.
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            calls.append(asyncio.ensure_future(once()))
        await asyncio.gather(*calls)
    sys.stdout.write(json.dumps({"took": took, "refused": refused}))


if __name__ == "__main__":
    _, where, token_file, per_second, length = sys.argv
    asyncio.run(_ask(where, Path(token_file).read_text(), float(per_second), float(length)))
