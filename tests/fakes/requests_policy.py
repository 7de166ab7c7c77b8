"""The policy service that the requests service calls, as a real gRPC server of a test's own."""

import grpc

from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc, policy_pb2
from tests.fakes.requests_peers import Context, FakeServer


class FakePolicy(FakeServer, evaluation_pb2_grpc.EvaluationServiceServicer):
    """Accepts, until `steps` say something else."""

    domain = "latchkey.policy"

    def __init__(self) -> None:
        super().__init__()
        self.steps = [policy_pb2.Step(accept=policy_pb2.Step.Accept())]
        self.asked: list[evaluation_pb2.EvaluatePolicyRequest] = []
        self.others: dict[str, list[policy_pb2.Step]] = {}
        self.true: set[str] = set()
        self.easier: evaluation_pb2.ExplainPolicyResponse.Easier | None = None
        self.drafts: list[evaluation_pb2.EvaluateDraftRequest] = []
        self.explanation = ["it was asked"]

    def reject(self, message: str) -> None:
        """Says no from now on."""
        self.steps = [policy_pb2.Step(reject=policy_pb2.Step.Reject(message=message))]

    def _register(self, server: grpc.aio.Server) -> None:
        evaluation_pb2_grpc.add_EvaluationServiceServicer_to_server(self, server)

    async def EvaluatePolicy(
        self, request: evaluation_pb2.EvaluatePolicyRequest, context: Context
    ) -> evaluation_pb2.EvaluatePolicyResponse:
        await self.take(context)
        self.asked.append(request)
        return evaluation_pb2.EvaluatePolicyResponse(plan=self._plan(request.policy_id, request))

    async def ExplainPolicy(
        self, request: evaluation_pb2.ExplainPolicyRequest, context: Context
    ) -> evaluation_pb2.ExplainPolicyResponse:
        await self.take(context)
        return evaluation_pb2.ExplainPolicyResponse(
            plan=self._plan(request.policy_id, request), easier=self.easier
        )

    async def EvaluateCondition(
        self, request: evaluation_pb2.EvaluateConditionRequest, context: Context
    ) -> evaluation_pb2.EvaluateConditionResponse:
        await self.take(context)
        return evaluation_pb2.EvaluateConditionResponse(holds=request.condition in self.true)

    async def EvaluateDraft(
        self, request: evaluation_pb2.EvaluateDraftRequest, context: Context
    ) -> evaluation_pb2.EvaluateDraftResponse:
        await self.take(context)
        self.drafts.append(request)
        answers = [self._drafted(request.policy, each) for each in request.facts]
        return evaluation_pb2.EvaluateDraftResponse(answers=answers)

    def _drafted(
        self, policy: policy_pb2.Policy, facts: evaluation_pb2.Facts
    ) -> evaluation_pb2.EvaluateDraftResponse.Answer:
        """The steps of the rule whose condition is the subject's id, or else the baseline."""
        matched = (rule for rule in policy.rules if rule.condition == facts.subject.user_id)
        rule = next(matched, policy_pb2.Rule(steps=policy.baseline))
        if not rule.steps:
            return evaluation_pb2.EvaluateDraftResponse.Answer(problem="that is not known")
        plan = evaluation_pb2.Plan(
            policy_id=policy.policy_id,
            policy_display_name=policy.display_name,
            rule=rule.display_name,
            explanation=self.explanation,
            steps=rule.steps,
        )
        return evaluation_pb2.EvaluateDraftResponse.Answer(plan=plan)

    def _plan(
        self,
        policy_id: str,
        request: evaluation_pb2.EvaluatePolicyRequest | evaluation_pb2.ExplainPolicyRequest,
    ) -> evaluation_pb2.Plan:
        return evaluation_pb2.Plan(
            policy_id=policy_id,
            policy_display_name="Self-service",
            policy_version=3,
            policy_digest="abc",
            rule="designers",
            condition="subject.department == 'Design'",
            explanation=["designers: true"],
            steps=self.others.get(policy_id, self.steps),
            evaluate_time=request.facts.now,
        )
