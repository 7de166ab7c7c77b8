"""AccessRequestService."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import access_request_pb2_grpc as pb_grpc
from libs.db.notices import Notices
from libs.db.writes import UseCase, Writes
from libs.domain.callers import Person
from libs.rpc.calls import person
from libs.rpc.errors import code_of, told
from libs.rpc.limits import count_another
from services.requests.domain.access_request import AccessRequest
from services.requests.handlers.cancel_access_request import Canceller
from services.requests.handlers.comment_on_access_request import Commenter
from services.requests.handlers.create_access_request import Creator
from services.requests.handlers.list_access_requests import AccessRequestLister
from services.requests.handlers.preview_access_request import Previewer
from services.requests.handlers.reassign_access_request import Reassigner
from services.requests.handlers.restart_access_request import Restarter
from services.requests.handlers.retry_access_request import Retrier
from services.requests.handlers.review_emergency_access import Reviewer
from services.requests.handlers.rule_on import Ruler
from services.requests.handlers.seat import Seats
from services.requests.servicers.writing import written
from services.requests.translate import access_requests as translate
from services.requests.translate.previews import preview_response
from services.requests.translate.shown import access_request_to_proto

Context = grpc.aio.ServicerContext[Any, Any]
M = TypeVar("M", bound=Message)

_SERVICE = "/latchkey.requests.v1.AccessRequestService"
# Another replica tells nobody here of its changes; this is how late they can be seen.
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class AccessRequestServicer(pb_grpc.AccessRequestServiceServicer):
    """The way from a wish to access."""

    writes: Writes
    notices: Notices
    seats: Seats
    create: Creator
    preview: Previewer
    list: AccessRequestLister
    cancel: Canceller
    retry: Retrier
    rule: Ruler
    reassign: Reassigner
    comment: Commenter
    restart: Restarter
    review: Reviewer

    async def CreateAccessRequest(
        self, request: pb.CreateAccessRequestRequest, context: Context
    ) -> pb.CreateAccessRequestResponse:
        command = translate.create_command(request, person())
        return await self._write(
            request,
            lambda: self.create(command),
            pb.CreateAccessRequestResponse,
        )

    async def BatchCreateAccessRequests(
        self, request: pb.BatchCreateAccessRequestsRequest, context: Context
    ) -> pb.BatchCreateAccessRequestsResponse:
        translate.check_batch("requests", len(request.requests))
        results = await _each(request.requests, lambda it: self.CreateAccessRequest(it, context))
        return pb.BatchCreateAccessRequestsResponse(results=results)

    async def PreviewAccessRequest(
        self, request: pb.PreviewAccessRequestRequest, context: Context
    ) -> pb.PreviewAccessRequestResponse:
        return preview_response(await self.preview(translate.preview_command(request, person())))

    async def GetAccessRequest(
        self, request: pb.GetAccessRequestRequest, context: Context
    ) -> pb.GetAccessRequestResponse:
        found = await self.seats.see(person(), translate.access_request_id(request))
        return pb.GetAccessRequestResponse(access_request=access_request_to_proto(found, person()))

    async def ListAccessRequests(
        self, request: pb.ListAccessRequestsRequest, context: Context
    ) -> pb.ListAccessRequestsResponse:
        page = await self.list(translate.list_command(request, person()))
        return pb.ListAccessRequestsResponse(
            access_requests=[access_request_to_proto(item, person()) for item in page.items],
            next_page_token=page.next_page_token,
        )

    async def WatchAccessRequest(
        self, request: pb.WatchAccessRequestRequest, context: Context
    ) -> AsyncIterator[pb.WatchAccessRequestResponse]:
        watcher, access_request_id = person(), translate.access_request_id(request)
        seen, told = 0, None
        # Watched before it is first read, so that nothing falls between the two.
        with self.notices.watch(access_request_id) as watch:
            while True:
                # What was committed here just now need not be read.
                if isinstance(told, AccessRequest) and told.visible_to(watcher):
                    found = told
                else:
                    found = await self.seats.see(watcher, access_request_id)
                # Another replica may have been quicker than what was committed here.
                if found.version > seen:
                    seen = found.version
                    yield pb.WatchAccessRequestResponse(
                        access_request=access_request_to_proto(found, watcher)
                    )
                if found.is_final:
                    return
                # All look at the same moments, and so in one read.
                now = asyncio.get_running_loop().time()
                told = await watch.changed(at_most=_LOOK_SECONDS - now % _LOOK_SECONDS)

    async def CancelAccessRequest(
        self, request: pb.CancelAccessRequestRequest, context: Context
    ) -> pb.CancelAccessRequestResponse:
        command = translate.cancel_command(request, person())
        return await self._write(
            request,
            lambda: self.cancel(command),
            pb.CancelAccessRequestResponse,
        )

    async def RetryAccessRequest(
        self, request: pb.RetryAccessRequestRequest, context: Context
    ) -> pb.RetryAccessRequestResponse:
        command = translate.retry_command(request, person())
        return await self._write(
            request,
            lambda: self.retry(command),
            pb.RetryAccessRequestResponse,
        )

    async def ApproveAccessRequest(
        self, request: pb.ApproveAccessRequestRequest, context: Context
    ) -> pb.ApproveAccessRequestResponse:
        command = translate.approve_command(request, person())
        return await self._write(
            request,
            lambda: self.rule.approve(command),
            pb.ApproveAccessRequestResponse,
        )

    async def DenyAccessRequest(
        self, request: pb.DenyAccessRequestRequest, context: Context
    ) -> pb.DenyAccessRequestResponse:
        command = translate.deny_command(request, person())
        return await self._write(
            request,
            lambda: self.rule.deny(command),
            pb.DenyAccessRequestResponse,
        )

    async def BatchDecideAccessRequests(
        self, request: pb.BatchDecideAccessRequestsRequest, context: Context
    ) -> pb.BatchDecideAccessRequestsResponse:
        translate.check_batch("items", len(request.items))
        translate.check_items(request.items)

        async def decide(item: pb.BatchDecideAccessRequestsRequest.Item) -> Any:
            if item.WhichOneof("decision") == "approve":
                return await self.ApproveAccessRequest(item.approve, context)
            return await self.DenyAccessRequest(item.deny, context)

        results = await _each(request.items, decide)
        return pb.BatchDecideAccessRequestsResponse(results=results)

    async def ReassignAccessRequest(
        self, request: pb.ReassignAccessRequestRequest, context: Context
    ) -> pb.ReassignAccessRequestResponse:
        command = translate.reassign_command(request, person())
        return await self._write(
            request,
            lambda: self.reassign(command),
            pb.ReassignAccessRequestResponse,
        )

    async def CommentOnAccessRequest(
        self, request: pb.CommentOnAccessRequestRequest, context: Context
    ) -> pb.CommentOnAccessRequestResponse:
        command = translate.comment_command(request, person())
        return await self._write(
            request,
            lambda: self.comment(command),
            pb.CommentOnAccessRequestResponse,
        )

    async def RestartAccessRequest(
        self, request: pb.RestartAccessRequestRequest, context: Context
    ) -> pb.RestartAccessRequestResponse:
        command = translate.restart_command(request, person())
        return await self._write(
            request,
            lambda: self.restart(command),
            pb.RestartAccessRequestResponse,
        )

    async def ReviewEmergencyAccess(
        self, request: pb.ReviewEmergencyAccessRequest, context: Context
    ) -> pb.ReviewEmergencyAccessResponse:
        command = translate.review_command(request, person())
        return await self._write(
            request,
            lambda: self.review(command),
            pb.ReviewEmergencyAccessResponse,
        )

    async def _write(
        self, request: Message, use_case: UseCase[AccessRequest], response: type[M]
    ) -> M:
        reader: Person = person()

        def answer(found: AccessRequest) -> M:
            return response(access_request=access_request_to_proto(found, reader))

        return await written(self.writes, request, use_case, answer, response)


async def _each(items: Sequence[M], do: Callable[[M], Awaitable[Any]]) -> list[pb.BatchResult]:
    """What became of each, one after the other. To the limits each is a call."""
    return [await _result(item, do, is_first=number == 0) for number, item in enumerate(items)]


async def _result(item: M, do: Callable[[M], Awaitable[Any]], *, is_first: bool) -> pb.BatchResult:
    """What became of one of several; the others go on whatever it was."""
    try:
        if not is_first:
            count_another()
        return pb.BatchResult(access_request=(await do(item)).access_request)
    except Exception as error:
        failure = told(error, f"{_SERVICE}/Batch")
        return pb.BatchResult(
            failure=pb.BatchResult.Failure(
                code=code_of(failure).value[0],
                reason=failure.reason,
                message=failure.message,
                metadata=failure.facts,
            )
        )
