"""A server whose methods do what a test says, to see what happens around them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from grpc import StatusCode

from latchkey.catalog.v1 import ingest_pb2, ingest_pb2_grpc
from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from latchkey.requests.v1 import access_request_pb2, access_request_pb2_grpc
from libs.domain.callers import ADMIN, Caller
from libs.rpc import errors, identity
from libs.rpc.access import Row, people
from libs.rpc.calls import caller
from libs.rpc.certificates import Certificates
from libs.rpc.limits import Most
from libs.rpc.server import Server, methods_of
from libs.rpc.tokens import TokenVerifier, Verifier
from tests.support.issuer import TestIssuer, bearer

SERVICES: list[ServiceDescriptor] = [
    policy_pb2.DESCRIPTOR.services_by_name["PolicyService"],
    access_request_pb2.DESCRIPTOR.services_by_name["AccessRequestService"],
    ingest_pb2.DESCRIPTOR.services_by_name["IngestService"],
]
METHODS = methods_of(SERVICES)
WATCH = "/latchkey.requests.v1.AccessRequestService/WatchAccessRequest"
INGEST = "/latchkey.catalog.v1.IngestService/Ingest"
Answer = Callable[[], Awaitable[Any]]


@dataclass
class Scene:
    """What the servicers of this test do, and what they saw."""

    answer: Answer
    callers: list[Caller] = field(default_factory=list)
    passed_on: list[str] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def act(self) -> None:
        self.callers.append(caller())
        self.passed_on.append("".join(token for _, token in identity.passed_on()))
        try:
            await self.answer()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class _Policies(policy_pb2_grpc.PolicyServiceServicer):
    """GetPolicy does what the scene says; the other methods are never reached."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def GetPolicy(self, request: Any, context: Any) -> policy_pb2.GetPolicyResponse:
        await self.scene.act()
        return policy_pb2.GetPolicyResponse()

    async def ListPolicies(self, request: Any, context: Any) -> policy_pb2.ListPoliciesResponse:
        raise AssertionError

    async def CreatePolicy(self, request: Any, context: Any) -> policy_pb2.CreatePolicyResponse:
        raise AssertionError


class _Requests:
    """WatchAccessRequest sends one message, then does what the scene says."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)

        async def refuse(request: Any, context: Any) -> Any:
            raise AssertionError(name)

        return refuse

    async def WatchAccessRequest(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield access_request_pb2.WatchAccessRequestResponse()
        await self.scene.act()


class _Ingest(ingest_pb2_grpc.IngestServiceServicer):
    """Ingest takes everything, then does what the scene says."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def Ingest(self, requests: Any, context: Any) -> ingest_pb2.IngestResponse:
        async for _ in requests:
            pass
        await self.scene.act()
        return ingest_pb2.IngestResponse()

    async def GetCheckpoint(self, request: Any, context: Any) -> ingest_pb2.GetCheckpointResponse:
        raise AssertionError

    async def ListAppsInScope(
        self, request: Any, context: Any
    ) -> ingest_pb2.ListAppsInScopeResponse:
        raise AssertionError


async def nothing() -> None:
    pass


@dataclass
class Running:
    """A server, a channel to it, and tokens."""

    scene: Scene
    channel: grpc.aio.Channel
    issuer: TestIssuer
    address: str
    server: Server

    def call(self, answer: Answer = nothing, *, method: str = "unary", **more: Any) -> Any:
        """Begins a call that does `answer` on the server, by default as an administrator."""
        self.scene.answer = answer
        more.setdefault("metadata", bearer(self.issuer.named("Ada", [ADMIN])))
        if method == "unary":
            stub: Any = policy_pb2_grpc.PolicyServiceStub(self.channel)
            return stub.GetPolicy(policy_pb2.GetPolicyRequest(), **more)
        if method == "watch":
            stub = access_request_pb2_grpc.AccessRequestServiceStub(self.channel)
            watching = stub.WatchAccessRequest(
                access_request_pb2.WatchAccessRequestRequest(), **more
            )
            return everything(watching)
        stub = ingest_pb2_grpc.IngestServiceStub(self.channel)
        return stub.Ingest(iter([ingest_pb2.IngestRequest()]), **more)


async def everything(stream: Any) -> list[Any]:
    try:
        return [message async for message in stream]
    finally:
        # Whoever stops reading need not be waited for by the collector to hang up.
        stream.cancel()


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    verifier: Verifier | None = None,
    certificates: Certificates | None = None,
    most: Most | None = None,
) -> AsyncIterator[Running]:
    """A server whose methods do what the scene says; without certificates in plaintext."""
    issuer, scene = TestIssuer(folder / "issuer"), Scene(nothing)
    access: dict[str, Row] = dict.fromkeys(METHODS, people(services=["requests"]))
    verifier = verifier or TokenVerifier(
        issuer=issuer.issuer, audience=issuer.audience, jwks_file=issuer.jwks_file
    )
    registers: list[Any] = [
        policy_pb2_grpc.add_PolicyServiceServicer_to_server,
        access_request_pb2_grpc.add_AccessRequestServiceServicer_to_server,
        ingest_pb2_grpc.add_IngestServiceServicer_to_server,
    ]
    # Nobody asks for the methods that it lacks.
    policies = _Policies(scene)  # type: ignore[abstract]
    servicers: list[object] = [policies, _Requests(scene), _Ingest(scene)]
    server = Server(
        name="policy",
        listen="127.0.0.1:0",
        servicers=list(zip(SERVICES, registers, servicers, strict=True)),
        access=access,
        verifier=verifier,
        most=most,
        certificates=certificates,
        service_listen=None if certificates is None else "127.0.0.1:0",
    )
    async with server:
        address = f"127.0.0.1:{server.port}"
        channel = (
            grpc.aio.insecure_channel(address)
            if certificates is None
            else grpc.aio.secure_channel(
                address, grpc.ssl_channel_credentials(certificates.current().authorities)
            )
        )
        async with channel:
            yield Running(scene, channel, issuer, address, server)


async def failure_of(call: Any) -> tuple[StatusCode, str, grpc.aio.AioRpcError]:
    """Awaits a call that must fail in words: its code, its reason, and all of it."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    info = errors.error_info(raised.value)
    assert info.domain == "latchkey.policy", raised.value
    return raised.value.code(), info.reason, raised.value


KINDS = ["unary", "watch", "ingest"]


def raising(error: BaseException) -> Answer:
    async def answer() -> None:
        raise error

    return answer
