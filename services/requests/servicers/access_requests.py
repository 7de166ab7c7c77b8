"""AccessRequestService."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import access_request_pb2_grpc as pb_grpc
from libs.db.notices import Notices
from libs.db.writes import Writes, key_of
from libs.rpc.calls import person
from services.requests.handlers.cancel_access_request import Canceller
from services.requests.handlers.create_access_request import Creator
from services.requests.handlers.get_access_request import AccessRequestReader
from services.requests.handlers.list_access_requests import AccessRequestLister
from services.requests.handlers.retry_access_request import Retrier
from services.requests.translate import access_requests as translate

Context = grpc.aio.ServicerContext[Any, Any]

_SERVICE = "/latchkey.requests.v1.AccessRequestService"
# Another replica tells nobody here of its changes; this is how late they can be seen.
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class AccessRequestServicer(pb_grpc.AccessRequestServiceServicer):
    """The way from a wish to access."""

    writes: Writes
    notices: Notices
    create: Creator
    get: AccessRequestReader
    list: AccessRequestLister
    cancel: Canceller
    retry: Retrier

    async def CreateAccessRequest(
        self, request: pb.CreateAccessRequestRequest, context: Context
    ) -> pb.CreateAccessRequestResponse:
        command = translate.create_command(request, person())
        return await self.writes.answer(
            lambda: self.create(command),
            translate.create_response,
            pb.CreateAccessRequestResponse,
            key_of(person(), f"{_SERVICE}/CreateAccessRequest", request),
        )

    async def GetAccessRequest(
        self, request: pb.GetAccessRequestRequest, context: Context
    ) -> pb.GetAccessRequestResponse:
        found = await self.get(person(), translate.access_request_id(request))
        return translate.get_response(found)

    async def ListAccessRequests(
        self, request: pb.ListAccessRequestsRequest, context: Context
    ) -> pb.ListAccessRequestsResponse:
        page = await self.list(translate.list_command(request, person()))
        return translate.list_response(page)

    async def WatchAccessRequest(
        self, request: pb.WatchAccessRequestRequest, context: Context
    ) -> AsyncIterator[pb.WatchAccessRequestResponse]:
        watcher, access_request_id = person(), translate.access_request_id(request)
        seen = 0
        # Watched before it is first read, so that nothing falls between the two.
        with self.notices.watch(access_request_id) as watch:
            while True:
                found = await self.get(watcher, access_request_id)
                if found.version != seen:
                    seen = found.version
                    yield translate.watch_response(found)
                if found.is_final:
                    return
                await watch.changed(at_most=_LOOK_SECONDS)

    async def CancelAccessRequest(
        self, request: pb.CancelAccessRequestRequest, context: Context
    ) -> pb.CancelAccessRequestResponse:
        command = translate.cancel_command(request, person())
        return await self.writes.answer(
            lambda: self.cancel(command),
            translate.cancel_response,
            pb.CancelAccessRequestResponse,
            key_of(person(), f"{_SERVICE}/CancelAccessRequest", request),
        )

    async def RetryAccessRequest(
        self, request: pb.RetryAccessRequestRequest, context: Context
    ) -> pb.RetryAccessRequestResponse:
        command = translate.retry_command(request, person())
        return await self.writes.answer(
            lambda: self.retry(command),
            translate.retry_response,
            pb.RetryAccessRequestResponse,
            key_of(person(), f"{_SERVICE}/RetryAccessRequest", request),
        )
