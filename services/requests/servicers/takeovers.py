"""TakeoverService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import takeover_pb2 as pb
from latchkey.requests.v1 import takeover_pb2_grpc as pb_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import person
from services.requests.handlers.rule_takeover import TakeoverRuler
from services.requests.handlers.start_takeover import TakeoverStarter
from services.requests.translate import takeovers as translate

Context = grpc.aio.ServicerContext[Any, Any]

_SERVICE = "/latchkey.requests.v1.TakeoverService"


@dataclass(frozen=True)
class TakeoverServicer(pb_grpc.TakeoverServiceServicer):
    """What becomes of access from outside. Of people only administrators and auditors call, and
    auditors only to see; the servers say that."""

    writes: Writes
    start: TakeoverStarter
    rule: TakeoverRuler

    async def StartTakeover(
        self, request: pb.StartTakeoverRequest, context: Context
    ) -> pb.StartTakeoverResponse:
        command = translate.start_command(request, person())
        return await self.writes.answer(
            lambda: self.start(command),
            translate.start_response,
            pb.StartTakeoverResponse,
            key_of(person(), f"{_SERVICE}/StartTakeover", request),
        )

    async def GetTakeover(
        self, request: pb.GetTakeoverRequest, context: Context
    ) -> pb.GetTakeoverResponse:
        return translate.get_response(await self.rule.get(translate.takeover_id(request)))

    async def ListTakeovers(
        self, request: pb.ListTakeoversRequest, context: Context
    ) -> pb.ListTakeoversResponse:
        return translate.list_response(await self.rule.page(*translate.list_command(request)))

    async def ConfirmTakeover(
        self, request: pb.ConfirmTakeoverRequest, context: Context
    ) -> pb.ConfirmTakeoverResponse:
        who, takeover_id = person(), translate.rule_command(request)
        return await self.writes.answer(
            lambda: self.rule.confirm(who, takeover_id),
            translate.confirm_response,
            pb.ConfirmTakeoverResponse,
            key_of(who, f"{_SERVICE}/ConfirmTakeover", request),
        )

    async def CancelTakeover(
        self, request: pb.CancelTakeoverRequest, context: Context
    ) -> pb.CancelTakeoverResponse:
        who, takeover_id = person(), translate.rule_command(request)
        return await self.writes.answer(
            lambda: self.rule.cancel(who, takeover_id),
            translate.cancel_response,
            pb.CancelTakeoverResponse,
            key_of(who, f"{_SERVICE}/CancelTakeover", request),
        )
