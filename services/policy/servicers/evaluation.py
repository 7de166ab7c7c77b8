"""EvaluationService, over gRPC."""

from typing import Any

import grpc

from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc
from services.policy.handlers.evaluate_policy import EvaluatePolicyHandler
from services.policy.translate import evaluation as translate

Context = grpc.aio.ServicerContext[Any, Any]


class EvaluationServicer(evaluation_pb2_grpc.EvaluationServiceServicer):
    """What a policy says about given facts."""

    def __init__(self, evaluate_policy: EvaluatePolicyHandler) -> None:
        self._evaluate_policy = evaluate_policy

    async def EvaluatePolicy(
        self, request: evaluation_pb2.EvaluatePolicyRequest, context: Context
    ) -> evaluation_pb2.EvaluatePolicyResponse:
        command = translate.evaluate_policy(request)
        plan = await self._evaluate_policy(command)
        return translate.evaluate_policy_response(plan)
