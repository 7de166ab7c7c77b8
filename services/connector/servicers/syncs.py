"""SyncService."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.connector.v1 import sync_pb2, sync_pb2_grpc
from libs.db.notices import Notices
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.connector.domain.sync import Sync
from services.connector.handlers.get_sync import ReadSyncs
from services.connector.handlers.move_sync import MoveSync
from services.connector.handlers.start_sync import StartSync
from services.connector.translate import syncs as translate

Context = grpc.aio.ServicerContext[Any, Any]
_SERVICE = "/latchkey.connector.v1.SyncService"
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SyncServicer(sync_pb2_grpc.SyncServiceServicer):
    """The runs that bring a tenant into the catalog."""

    writes: Writes
    notices: Notices
    start: StartSync
    move: MoveSync
    read: ReadSyncs

    async def StartSync(
        self, request: sync_pb2.StartSyncRequest, context: Context
    ) -> sync_pb2.StartSyncResponse:
        command = translate.start_command(caller(), request)
        return await self.writes.answer(
            lambda: self.start(command),
            translate.start_response,
            sync_pb2.StartSyncResponse,
            key_of(caller(), f"{_SERVICE}/StartSync", request),
        )

    async def GetSync(
        self, request: sync_pb2.GetSyncRequest, context: Context
    ) -> sync_pb2.GetSyncResponse:
        return translate.get_response(await self.read.get(translate.sync_id(request)))

    async def ListSyncs(
        self, request: sync_pb2.ListSyncsRequest, context: Context
    ) -> sync_pb2.ListSyncsResponse:
        page, connection_id = translate.page_request(request)
        return translate.list_response(await self.read.page(page, connection_id))

    async def WatchSync(
        self, request: sync_pb2.WatchSyncRequest, context: Context
    ) -> AsyncIterator[sync_pb2.WatchSyncResponse]:
        sync_id = translate.sync_id(request)
        shown: Sync | None = None
        with self.notices.watch(sync_id) as watch:
            while shown is None or not shown.is_over:
                sync = await self.read.get(sync_id)
                if sync != shown:
                    shown = sync
                    yield translate.watch_response(sync)
                else:
                    # Another process may be the one that moves it.
                    await watch.changed(at_most=_POLL_SECONDS)

    async def CancelSync(
        self, request: sync_pb2.CancelSyncRequest, context: Context
    ) -> sync_pb2.CancelSyncResponse:
        sync_id = translate.ended_id(request)
        return await self.writes.answer(
            lambda: self.move.cancel(sync_id, caller()),
            translate.cancel_response,
            sync_pb2.CancelSyncResponse,
            key_of(caller(), f"{_SERVICE}/CancelSync", request),
        )

    async def ConfirmSync(
        self, request: sync_pb2.ConfirmSyncRequest, context: Context
    ) -> sync_pb2.ConfirmSyncResponse:
        sync_id = translate.ended_id(request)
        return await self.writes.answer(
            lambda: self.move.confirm(sync_id, caller()),
            translate.confirm_response,
            sync_pb2.ConfirmSyncResponse,
            key_of(caller(), f"{_SERVICE}/ConfirmSync", request),
        )
