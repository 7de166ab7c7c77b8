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
from libs.rpc.certificates import Certificates
from libs.rpc.identity import OPERATOR, Identities
from libs.rpc.limits import Limits, Most
from libs.rpc.tokens import Verifier

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_STREAMS_OF_A_CONNECTION = 1000
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
_REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
# A connection outlives the certificate that it began with no longer than this; calls that run on
# it are let finish.
_CONNECTION_MS = 600_000
_log = structlog.get_logger(__name__)

Servicer = tuple[ServiceDescriptor, Callable[[Any, grpc.aio.Server], None], object]


class ListenError(Exception):
    """An address can't be listened on."""

    def __init__(self, listen: str, problem: str) -> None:
        super().__init__(f"{listen}: {problem}")
        self.listen = listen


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
        most: Most | None = None,
        verifier: Verifier,
        certificates: Certificates | None = None,
        service_listen: str | None = None,
    ) -> None:
        """`listen` is host:port; port 0 takes a free one. `most`: other bounds than the usual ones.

        With certificates it speaks TLS there, with people and their tokens, and asks no client for
        a certificate; on `service_listen` nobody comes in without one. gRPC for Python can't ask
        for a certificate and do without. Without certificates all is plaintext, on `listen` only.

        Raises:
            ValueError: a method has no row in `access`, or a row has no method.
        """
        self._listen = listen
        self._service_listen = service_listen
        self._certificates = certificates
        self._health = health.HealthServicer()
        descriptors = [descriptor for descriptor, _, _ in servicers]
        table = Table(
            {
                **access,
                **dict.fromkeys(methods_of([_HEALTH]), everybody()),
                # Reflection tells what could be asked, nothing that is: who has a token may look.
                f"/{_REFLECTION}/ServerReflectionInfo": people(
                    services=["catalog", "connector", "policy", "requests", OPERATOR]
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
                    limits=Limits(most or Most()),
                    identities=Identities(
                        verifier, None if certificates is None else certificates.trust_domain
                    ),
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
                *([("grpc.max_connection_age_ms", _CONNECTION_MS)] if certificates else []),
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
        self.service_port = 0

    async def __aenter__(self) -> "Server":
        self._open_ports()
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._say_where()
        return self

    def _open_ports(self) -> None:
        if self._certificates is None:
            self.port = _opened(self._listen, self._server.add_insecure_port)
            return
        people, services = (self._certificates.for_server(ask=ask) for ask in (False, True))
        self.port = _opened(self._listen, lambda it: self._server.add_secure_port(it, people))
        if self._service_listen is not None:
            self.service_port = _opened(
                self._service_listen, lambda it: self._server.add_secure_port(it, services)
            )

    def _say_where(self) -> None:
        host = self._listen.rpartition(":")[0]
        if self._certificates is None:
            _log.info("serving", listen=f"{host}:{self.port}")
            _log.warning("plaintext_for_development_only", listen=f"{host}:{self.port}")
            return
        _log.info("serving", listen=f"{host}:{self.port}", to="people")
        if self._service_listen is not None:
            host = self._service_listen.rpartition(":")[0]
            _log.info("serving", listen=f"{host}:{self.service_port}", to="services")

    async def __aexit__(self, *_: object) -> None:
        """Says that it no longer serves, lets running calls finish, then stops."""
        await self._health.enter_graceful_shutdown()
        # Watching calls never finish by themselves; five seconds are ample for all others.
        await self._server.stop(grace=5)
        await asyncio.sleep(0)


def _opened(listen: str, add: Callable[[str], int]) -> int:
    try:
        return add(listen)
    except RuntimeError as error:
        raise ListenError(listen, str(error)) from error
