"""The policy service in the test's own event loop, and people to call it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.policy.v1 import (
    errors_pb2,
    evaluation_pb2,
    evaluation_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
)
from libs.domain.callers import POLICY_ADMIN
from libs.process.run import Life
from libs.process.service import Service
from libs.rpc import errors
from services.policy.expressions import CelExpressions
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.ports import Catalog
from services.policy.servicers import ACCESS, servicers
from services.policy.settings import Settings
from services.policy.store import MIGRATIONS
from services.policy.store.policies import StoredPolicies
from services.policy.store.tables import ledger
from services.policy.translate.events import fact_to_message
from tests.fakes.policy import FakeCatalog
from tests.support.issuer import TestIssuer, bearer
from tests.support.migrated import copied


@dataclass(frozen=True)
class PolicyHouse:
    """A running policy service."""

    service: Service
    channel: grpc.aio.Channel
    issuer: TestIssuer
    catalog: FakeCatalog
    """What answers unless the house was opened with another one."""
    address: str

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database_url: str, nats_url: str, folder: Path, catalog: Catalog | None = None
    ) -> AsyncIterator["PolicyHouse"]:
        """Starts the service, as its `wiring` does, and opens a channel to it."""
        issuer = TestIssuer(folder / "issuer")
        settings = Settings(
            identity="dev_house",
            listen="127.0.0.1:0",
            database_url=database_url,
            nats_url=nats_url,
            jwks_file=issuer.jwks_file,
            audit_key_file=issuer.audit_key_file("policy"),
            issuer=issuer.issuer,
            migrate=not await copied(database_url, MIGRATIONS),
            # A test is more people at once than one, and quicker.
            calls_per_second=1_000_000,
        )
        fake = FakeCatalog()
        life = Life()
        async with life.parts:
            service = await Service.begin(
                life,
                settings,
                name="policy",
                migrations=MIGRATIONS,
                ledger=ledger,
                fact_to_message=fact_to_message,
            )
            policies = StoredPolicies(service.database)
            remembered = RememberedPolicies(policies)
            service.committer.on_commit(remembered.committed)
            server = await service.listen(
                servicers(
                    writes=service.writes,
                    policies=policies,
                    remembered=remembered,
                    expressions=CelExpressions(),
                    catalog=catalog or fake,
                    clock=service.clock,
                    default_policy_id=settings.default_policy_id,
                ),
                ACCESS,
            )
            address = f"127.0.0.1:{server.port}"
            async with grpc.aio.insecure_channel(address) as channel:
                yield cls(service, channel, issuer, fake, address)

    @property
    def port(self) -> int:
        """Where it listens on the loopback."""
        return int(self.address.rpartition(":")[2])

    @property
    def policies(self) -> policy_pb2_grpc.PolicyServiceStub:
        return policy_pb2_grpc.PolicyServiceStub(self.channel)

    @property
    def evaluation(self) -> evaluation_pb2_grpc.EvaluationServiceStub:
        return evaluation_pb2_grpc.EvaluationServiceStub(self.channel)

    def as_person(self, *roles: str, name: str = "Paula") -> tuple[tuple[str, str], ...]:
        """The metadata of a call by a person with these roles."""
        return bearer(self.issuer.named(name, roles))

    def as_service(self, name: str) -> tuple[tuple[str, str], ...]:
        """The metadata of a call by one of our services."""
        return bearer(self.issuer.service(name))

    async def create(self, policy: policy_pb2.Policy, idempotency_key: str = "") -> Any:
        """Creates a policy, as a policy administrator."""
        response = await self.policies.CreatePolicy(
            policy_pb2.CreatePolicyRequest(policy=policy, idempotency_key=idempotency_key),
            metadata=self.as_person(POLICY_ADMIN),
        )
        return response.policy

    async def call(self, method: str, *roles: str, **fields: Any) -> Any:
        """Calls a method of PolicyService, as a policy administrator where no role is named."""
        request = getattr(policy_pb2, f"{method}Request")(**fields)
        metadata = self.as_person(*(roles or (POLICY_ADMIN,)))
        return await getattr(self.policies, method)(request, metadata=metadata)

    async def evaluate(self, policy_id: str = "", facts: evaluation_pb2.Facts | None = None) -> Any:
        """Asks a policy, as the requests service."""
        response = await self.evaluation.EvaluatePolicy(
            evaluation_pb2.EvaluatePolicyRequest(policy_id=policy_id, facts=facts or some_facts()),
            metadata=self.as_service("requests"),
        )
        return response.plan


def accept(message: str = "") -> policy_pb2.Step:
    return policy_pb2.Step(accept=policy_pb2.Step.Accept(message=message))


def reject(message: str) -> policy_pb2.Step:
    return policy_pb2.Step(reject=policy_pb2.Step.Reject(message=message))


def a_policy(name: str = "Night shift", **fields: Any) -> policy_pb2.Policy:
    """A policy that can be created."""
    given: dict[str, Any] = {
        "rules": [
            policy_pb2.Rule(
                display_name="Emergency", condition="emergency", steps=[accept("Good luck.")]
            )
        ],
        "baseline": [reject("Not now.")],
    }
    return policy_pb2.Policy(display_name=name, **(given | fields))


def some_facts(**fields: Any) -> evaluation_pb2.Facts:
    """Facts that are complete."""
    person = evaluation_pb2.PersonFacts(
        user_id="usr_ada", display_name="Ada Lovelace", department="Engineering"
    )
    now = Timestamp()
    now.FromDatetime(datetime(2025, 11, 23, 9, 0, tzinfo=UTC))
    given: dict[str, Any] = {
        "subject": person,
        "requester": person,
        "entitlement": evaluation_pb2.EntitlementFacts(
            entitlement_id="ent_reader", display_name="Reader", resource_kind="ROLE"
        ),
        "app": evaluation_pb2.AppFacts(app_id="app_payroll", display_name="Payroll"),
        "now": now,
    }
    return evaluation_pb2.Facts(**(given | fields))


async def refusal(call: Any, code: grpc.StatusCode, reason: str) -> dict[str, str]:
    """Awaits a call that must fail, with a code and a reason that the contract knows.

    Returns what is wrong with which field; for other errors the facts of the `ErrorInfo`.
    """
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    info = errors.error_info(raised.value)
    assert (raised.value.code(), info.reason) == (code, reason), raised.value.details()
    assert info.domain == "latchkey.policy"
    assert errors_pb2.ErrorReason.Value(f"ERROR_REASON_{info.reason}")
    violations = errors.field_violations(raised.value)
    return {v.field: v.description for v in violations} or dict(info.metadata)
