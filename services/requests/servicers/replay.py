"""ReplayService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import replay_pb2 as pb
from latchkey.requests.v1 import replay_pb2_grpc as pb_grpc
from services.requests.handlers.replay_policy import Replayer
from services.requests.translate import replay as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class ReplayServicer(pb_grpc.ReplayServiceServicer):
    """What policies would have said."""

    replay: Replayer

    async def ReplayPolicy(
        self, request: pb.ReplayPolicyRequest, context: Context
    ) -> pb.ReplayPolicyResponse:
        return translate.replay_response(await self.replay(translate.replay_command(request)))
