"""Calls as bytes: the reads that are measured, one call's answer, and the echo of some."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from tools.bench.figures import BenchError
from tools.dev.child import ROOT

REQUESTS = "/latchkey.requests.v1.AccessRequestService"


@dataclass(frozen=True, slots=True)
class Read:
    """A call that changes nothing: who serves it, and what is asked."""

    name: str
    service: str
    path: str
    request: str
    response: str


PREVIEW = Read(
    "preview",
    "requests",
    f"{REQUESTS}/PreviewAccessRequest",
    "latchkey.requests.v1.PreviewAccessRequestRequest",
    "latchkey.requests.v1.PreviewAccessRequestResponse",
)
CATALOG_PAGE = Read(
    "app catalog page",
    "catalog",
    "/latchkey.catalog.v1.AppCatalogService/SearchAppCatalog",
    "latchkey.catalog.v1.SearchAppCatalogRequest",
    "latchkey.catalog.v1.SearchAppCatalogResponse",
)
MY_REQUESTS = Read(
    "list my requests",
    "requests",
    f"{REQUESTS}/ListAccessRequests",
    "latchkey.requests.v1.ListAccessRequestsRequest",
    "latchkey.requests.v1.ListAccessRequestsResponse",
)
EVALUATE = Read(
    "EvaluatePolicy",
    "policy",
    "/latchkey.policy.v1.EvaluationService/EvaluatePolicy",
    "latchkey.policy.v1.EvaluatePolicyRequest",
    "latchkey.policy.v1.EvaluatePolicyResponse",
)
READS = (PREVIEW, CATALOG_PAGE, MY_REQUESTS, EVALUATE)


async def answer_of(address: str, path: str, token: str, message: bytes) -> bytes:
    """One call's answer, as its bytes.

    Raises:
        BenchError: it failed.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            method: Any = channel.unary_unary(path)
            found: bytes = await method(
                message, metadata=(("authorization", f"Bearer {token}"),), timeout=30
            )
        except grpc.aio.AioRpcError as error:
            raise BenchError(f"{path}: {error.code().name}: {error.details()}") from error
        return found


@asynccontextmanager
async def echo_of(methods: list[dict[str, str]]) -> AsyncIterator[str]:
    """The address of an echo of these methods."""
    with subprocess.Popen(
        [sys.executable, "-m", "tools.bench.echo"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(methods).encode() + b"\n")
        process.stdin.flush()
        yield f"127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
        process.wait(10)
