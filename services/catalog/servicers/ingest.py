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
from services.catalog.domain.sync import Sync
from services.catalog.handlers.ingest_page import IngestPage
from services.catalog.translate import ingest as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """The way in for what a sync reads from the directory."""

    writes: Writes
    ingest_page: IngestPage

    async def Ingest(
        self, request_iterator: AsyncIterator[ingest_pb2.IngestRequest], context: Context
    ) -> ingest_pb2.IngestResponse:
        actor, sync = caller(), None
        # A stream that breaks off leaves what was committed: the next one goes on behind it.
        async for request in request_iterator:
            sync = await self._take(request, actor, sync)
        return translate.ingest_response(sync)

    async def _take(
        self, request: ingest_pb2.IngestRequest, actor: Caller, so_far: Sync | None
    ) -> Sync:
        command = translate.ingest_page_command(request)
        if so_far is not None and command.sync_id != so_far.sync_id:
            raise Invalid.field("sync_id", f"is not {so_far.sync_id}, with which the stream began")
        return await self.writes.run(lambda: self.ingest_page(command, actor))

    async def GetCheckpoint(
        self, request: ingest_pb2.GetCheckpointRequest, context: Context
    ) -> ingest_pb2.GetCheckpointResponse:
        sync_id = translate.get_checkpoint(request)
        return translate.get_checkpoint_response(await self.ingest_page.syncs.find(sync_id))
