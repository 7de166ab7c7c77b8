"""ConnectionService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.connector.v1 import connection_pb2, connection_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.connector.handlers.create_connection import CreateConnection
from services.connector.handlers.get_connection import ReadConnections
from services.connector.handlers.update_connection import UpdateConnection
from services.connector.translate import checks
from services.connector.translate import connections as translate

Context = grpc.aio.ServicerContext[Any, Any]
_SERVICE = "/latchkey.connector.v1.ConnectionService"


@dataclass(frozen=True, slots=True)
class ConnectionServicer(connection_pb2_grpc.ConnectionServiceServicer):
    """The Entra tenants that are connected."""

    writes: Writes
    create: CreateConnection
    update: UpdateConnection
    read: ReadConnections

    async def CreateConnection(
        self, request: connection_pb2.CreateConnectionRequest, context: Context
    ) -> connection_pb2.CreateConnectionResponse:
        command = translate.create_command(caller(), request)
        return await self.writes.answer(
            lambda: self.create(command),
            translate.create_response,
            connection_pb2.CreateConnectionResponse,
            key_of(caller(), f"{_SERVICE}/CreateConnection", request),
        )

    async def GetConnection(
        self, request: connection_pb2.GetConnectionRequest, context: Context
    ) -> connection_pb2.GetConnectionResponse:
        connection = await self.read.get(translate.connection_id(request))
        return translate.get_response(connection)

    async def ListConnections(
        self, request: connection_pb2.ListConnectionsRequest, context: Context
    ) -> connection_pb2.ListConnectionsResponse:
        page = await self.read.page(translate.page_request(request))
        return translate.list_response(page)

    async def UpdateConnection(
        self, request: connection_pb2.UpdateConnectionRequest, context: Context
    ) -> connection_pb2.UpdateConnectionResponse:
        command = translate.update_command(caller(), request)
        return await self.writes.answer(
            lambda: self.update(command),
            translate.update_response,
            connection_pb2.UpdateConnectionResponse,
            key_of(caller(), f"{_SERVICE}/UpdateConnection", request),
        )

    async def TestConnection(
        self, request: connection_pb2.TestConnectionRequest, context: Context
    ) -> connection_pb2.TestConnectionResponse:
        report = await self.read.test(translate.connection_id(request))
        return checks.test_response(report)
