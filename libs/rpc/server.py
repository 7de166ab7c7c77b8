"""A gRPC server with everything that each of ours has: callers, errors, health, reflection."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from libs.rpc.access import Row, Table, everybody, people
from libs.rpc.calls import Calls
from libs.rpc.limits import Limits, Most
from libs.rpc.tokens import TokenVerifier

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_STREAMS_OF_A_CONNECTION = 1000
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
_REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
_log = structlog.get_logger(__name__)

Servicer = tuple[ServiceDescriptor, Callable[[Any, grpc.aio.Server], None], object]


def methods_of(services: Sequence[ServiceDescriptor]) -> list[str]:
    """The full names of the methods of services, as they stand in a request's path."""
    return [
        f"/{service.full_name}/{method.name}" for service in services for method in service.methods
    ]


class Server:
    """One server: the servicers given to it, health and reflection."""

    def __init__(
        self,
        *,
        name: str,
        listen: str,
        servicers: Sequence[Servicer],
        access: Mapping[str, Row],
        verifier: TokenVerifier,
        most: Most | None = None,
    ) -> None:
        """`listen` is host:port; port 0 takes a free one. `most`: other bounds than the usual ones.

        Raises:
            ValueError: a method has no row in `access`, or a row has no method.
        """
        self._listen = listen
        self._health = health.HealthServicer()
        descriptors = [descriptor for descriptor, _, _ in servicers]
        table = Table(
            {
                **access,
                **dict.fromkeys(methods_of([_HEALTH]), everybody()),
                # Reflection tells what could be asked, nothing that is: who has a token may look.
                f"/{_REFLECTION}/ServerReflectionInfo": people(
                    services=["catalog", "connector", "policy", "requests"]
                ),
            }
        )
        table.check_complete(
            [*methods_of([*descriptors, _HEALTH]), f"/{_REFLECTION}/ServerReflectionInfo"]
        )
        self._server = grpc.aio.server(
            interceptors=[
                Calls(
                    domain=f"latchkey.{name}",
                    table=table,
                    verifier=verifier,
                    limits=Limits(most or Most()),
                )
            ],
            options=[
                # Two servers on one port would each answer half the calls, without a word.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                ("grpc.max_concurrent_streams", MAX_STREAMS_OF_A_CONNECTION),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        for _, register, servicer in servicers:
            register(servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = [descriptor.full_name for descriptor in descriptors]
        reflection.enable_server_reflection(
            [*self._names, _HEALTH.full_name, _REFLECTION], self._server
        )
        self.port = 0

    async def __aenter__(self) -> "Server":
        self.port = self._server.add_insecure_port(self._listen)
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        host = self._listen.rpartition(":")[0]
        _log.info("serving", listen=f"{host}:{self.port}")
        if host not in ("127.0.0.1", "localhost", "[::1]"):
            _log.warning("plaintext_beyond_loopback", listen=f"{host}:{self.port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Says that it no longer serves, lets running calls finish, then stops."""
        await self._health.enter_graceful_shutdown()
        # Watching calls never finish by themselves; five seconds are ample for all others.
        await self._server.stop(grace=5)
        await asyncio.sleep(0)
