"""IngestService, over gRPC."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import ingest_pb2, ingest_pb2_grpc
from libs.db.writes import Writes
from libs.domain.callers import Caller
from libs.domain.errors import Invalid
from libs.rpc.calls import caller
from services.catalog.handlers.ingest_page import IngestPage, Taken
from services.catalog.handlers.show_sync import ShowSync
from services.catalog.translate import ingest as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """The way in for what a sync reads from the directory."""

    writes: Writes
    ingest_page: IngestPage
    show_sync: ShowSync

    async def Ingest(
        self, request_iterator: AsyncIterator[ingest_pb2.IngestRequest], context: Context
    ) -> ingest_pb2.IngestResponse:
        actor, taken = caller(), None
        # A stream that breaks off leaves what was committed: the next one goes on behind it.
        async for request in request_iterator:
            taken = await self._take(request, actor, taken)
        return translate.ingest_response(taken)

    async def _take(
        self, request: ingest_pb2.IngestRequest, actor: Caller, so_far: Taken | None
    ) -> Taken:
        command = translate.ingest_page_command(request)
        if so_far is not None and command.message.sync_id != so_far.sync.sync_id:
            raise Invalid.field(
                "sync_id", f"is not {so_far.sync.sync_id}, with which the stream began"
            )
        return await self.writes.run(lambda: self.ingest_page(command, actor))

    async def GetCheckpoint(
        self, request: ingest_pb2.GetCheckpointRequest, context: Context
    ) -> ingest_pb2.GetCheckpointResponse:
        connection_id = translate.get_checkpoint(request)
        return translate.get_checkpoint_response(await self.show_sync(connection_id))

    async def ListAppsInScope(
        self, request: ingest_pb2.ListAppsInScopeRequest, context: Context
    ) -> ingest_pb2.ListAppsInScopeResponse:
        connection_id, page = translate.list_apps_in_scope(request)
        found = await self.show_sync.its_apps_in_scope(connection_id, page)
        return translate.list_apps_in_scope_response(found)
