"""EvaluationService, over gRPC."""

from typing import Any

import grpc

from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc
from services.policy.handlers.evaluate_condition import evaluate_condition
from services.policy.handlers.evaluate_draft import EvaluateDraftHandler
from services.policy.handlers.evaluate_policy import EvaluatePolicyHandler
from services.policy.handlers.explain_policy import ExplainPolicyHandler
from services.policy.ports import Expressions
from services.policy.translate import evaluation as translate

Context = grpc.aio.ServicerContext[Any, Any]


class EvaluationServicer(evaluation_pb2_grpc.EvaluationServiceServicer):
    """What a policy says about given facts."""

    def __init__(
        self,
        evaluate_policy: EvaluatePolicyHandler,
        explain_policy: ExplainPolicyHandler,
        evaluate_draft: EvaluateDraftHandler,
        expressions: Expressions,
    ) -> None:
        self._evaluate_policy = evaluate_policy
        self._explain_policy = explain_policy
        self._evaluate_draft = evaluate_draft
        self._expressions = expressions

    async def EvaluatePolicy(
        self, request: evaluation_pb2.EvaluatePolicyRequest, context: Context
    ) -> evaluation_pb2.EvaluatePolicyResponse:
        command = translate.evaluate_policy(request)
        plan = await self._evaluate_policy(command)
        return translate.evaluate_policy_response(plan)

    async def ExplainPolicy(
        self, request: evaluation_pb2.ExplainPolicyRequest, context: Context
    ) -> evaluation_pb2.ExplainPolicyResponse:
        command = translate.evaluate_policy(request)
        explained = await self._explain_policy(command)
        return translate.explain_policy_response(explained)

    async def EvaluateCondition(
        self, request: evaluation_pb2.EvaluateConditionRequest, context: Context
    ) -> evaluation_pb2.EvaluateConditionResponse:
        command = translate.evaluate_condition(request)
        holds = evaluate_condition(self._expressions, command)
        return evaluation_pb2.EvaluateConditionResponse(holds=holds)

    async def EvaluateDraft(
        self, request: evaluation_pb2.EvaluateDraftRequest, context: Context
    ) -> evaluation_pb2.EvaluateDraftResponse:
        command = translate.evaluate_draft(request)
        answers = await self._evaluate_draft(command)
        return translate.evaluate_draft_response(answers)
