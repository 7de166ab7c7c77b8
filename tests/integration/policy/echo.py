"""How fast EvaluatePolicy is, beside a server that answers the same message without a thought."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc, policy_pb2
from libs.process.service import Service
from libs.rpc.server import Server
from libs.rpc.tokens import TokenVerifier
from services.policy.servicers import ACCESS
from tests.integration.policy.house import PolicyHouse, a_policy, accept, some_facts

APPS = 1000
_EVALUATION = evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"]


class _Echo(evaluation_pb2_grpc.EvaluationServiceServicer):
    """Answers every question with the same plan."""

    def __init__(self, plan: evaluation_pb2.Plan) -> None:
        self._plan = plan

    async def EvaluatePolicy(
        self, request: evaluation_pb2.EvaluatePolicyRequest, context: Any
    ) -> evaluation_pb2.EvaluatePolicyResponse:
        return evaluation_pb2.EvaluatePolicyResponse(plan=self._plan)

    ExplainPolicy = EvaluateCondition = EvaluateDraft = EvaluatePolicy  # type: ignore[assignment]


@asynccontextmanager
async def echo(house: PolicyHouse, plan: evaluation_pb2.Plan) -> AsyncIterator[int]:
    """The port of such a server, which has everything around a call that the service has."""
    service: Service = house.service
    settings = service.settings
    server = Server(
        name="policy",
        listen="127.0.0.1:0",
        servicers=[
            (
                _EVALUATION,
                evaluation_pb2_grpc.add_EvaluationServiceServicer_to_server,
                _Echo(plan),
            )
        ],
        access={name: row for name, row in ACCESS.items() if _EVALUATION.full_name in name},
        verifier=TokenVerifier(
            issuer=settings.issuer or "",
            audience=settings.audience,
            jwks_file=settings.jwks_file or Path(),
        ),
    )
    async with server:
        yield server.port


def many_rules(rules: int = APPS) -> policy_pb2.Policy:
    """A policy with a rule for one app each, and a last one for all."""
    by_manager = policy_pb2.Approvers(manager=policy_pb2.Approvers.Manager(level=1))
    for_apps = [
        policy_pb2.Rule(
            display_name=f"App {number}",
            condition=(
                'subject.department == "Engineering" && !without_end'
                f' && duration <= duration("{number % 24 + 8}h")'
            ),
            steps=[policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=by_manager))],
            app_ids=[f"app_{number}"],
        )
        for number in range(rules - 1)
    ]
    emergency = policy_pb2.Rule(
        display_name="Emergency",
        condition="emergency && subject.user_id in app_owners",
        steps=[accept()],
    )
    return a_policy(rules=[*for_apps, emergency], baseline=[accept()])


def question(policy_id: str, number: int) -> evaluation_pb2.EvaluatePolicyRequest:
    """What the requests service asks about an ordinary access request."""
    facts = some_facts(
        app=evaluation_pb2.AppFacts(app_id=f"app_{number % APPS}", display_name="Payroll"),
        requested_duration=Duration(seconds=8 * 3600),
        held=[
            evaluation_pb2.HeldFacts(
                entitlement_id=f"ent_{held}", display_name="Reader", app_id=f"app_{held}"
            )
            for held in range(10)
        ],
        manager_user_ids=["usr_charles", "usr_grace"],
        app_owner_user_ids=["usr_mary", "usr_george"],
    )
    return evaluation_pb2.EvaluatePolicyRequest(policy_id=policy_id, facts=facts)


async def calls(
    port: int, token: Any, questions: list[evaluation_pb2.EvaluatePolicyRequest], at_once: int = 16
) -> float:
    """Asks all of them, so many at once; the seconds that it took."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = evaluation_pb2_grpc.EvaluationServiceStub(channel)
        await stub.EvaluatePolicy(questions[0], metadata=token)
        waiting = iter(questions)

        async def ask() -> None:
            for question in waiting:
                await stub.EvaluatePolicy(question, metadata=token)

        began = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(at_once)))
        return time.perf_counter() - began
