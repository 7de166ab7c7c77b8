"""The requests service in the test's own event loop, among fakes of the services it calls."""

from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import update

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc, event_pb2, event_pb2_grpc
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import access_request_pb2_grpc as pb_grpc
from latchkey.requests.v1 import (
    campaign_pb2_grpc,
    delegation_pb2_grpc,
    lease_pb2,
    lease_pb2_grpc,
    takeover_pb2_grpc,
    task_pb2_grpc,
)
from libs.db.engine import Database
from libs.domain.callers import ADMIN
from libs.process.run import Life
from libs.process.service import Service
from libs.rpc.errors import error_info, field_violations
from services.requests.settings import Settings
from services.requests.store import MIGRATIONS
from services.requests.store.tables import leases
from services.requests.wiring import begin
from tests.fakes.requests_connector import FakeConnector
from tests.fakes.requests_peers import EDITOR, FakeCatalog
from tests.fakes.requests_policy import FakePolicy
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer, bearer
from tests.support.migrated import copied

T = TypeVar("T")


@dataclass(frozen=True)
class Refusal:
    """How a call was refused; `fields` are the paths that a `BadRequest` names."""

    code: grpc.StatusCode
    reason: str
    facts: dict[str, str]
    fields: list[str]
    message: str


async def answer_of(call: Awaitable[T]) -> T | Refusal:
    """What a call is answered, or how it is refused."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        info = error_info(error)
        assert info.domain == "latchkey.requests"
        return Refusal(
            error.code(),
            info.reason,
            dict(info.metadata),
            [violation.field for violation in field_violations(error)],
            error.details() or "",
        )


async def refused(call: Awaitable[object]) -> Refusal:
    """How a call that must fail is refused."""
    answer = await answer_of(call)
    assert isinstance(answer, Refusal), f"it was answered: {answer}"
    return answer


class Person:
    """Somebody with a token, calling the service."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.channel = channel
        self._metadata = bearer(token)
        self.access_requests = pb_grpc.AccessRequestServiceStub(channel)
        self.leases = lease_pb2_grpc.LeaseServiceStub(channel)
        self.tasks = task_pb2_grpc.TaskServiceStub(channel)
        self.campaigns = campaign_pb2_grpc.CampaignServiceStub(channel)
        self.takeovers = takeover_pb2_grpc.TakeoverServiceStub(channel)
        self.delegations = delegation_pb2_grpc.DelegationServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.events = event_pb2_grpc.EventServiceStub(channel)

    async def call(self, method: Any, request: Any, timeout: float = 10) -> Any:
        """Calls a unary method."""
        return await method(request, metadata=self._metadata, timeout=timeout)

    async def create(self, entitlement_id: str = EDITOR, **fields: Any) -> pb.AccessRequest:
        """Asks for an entitlement."""
        request = pb.CreateAccessRequestRequest(
            **{"entitlement_id": entitlement_id, "justification": "I draw"} | fields
        )
        answer = await self.call(self.access_requests.CreateAccessRequest, request)
        found: pb.AccessRequest = answer.access_request
        return found

    async def get(self, access_request_id: str) -> pb.AccessRequest:
        """One access request."""
        request = pb.GetAccessRequestRequest(access_request_id=access_request_id)
        answer = await self.call(self.access_requests.GetAccessRequest, request)
        found: pb.AccessRequest = answer.access_request
        return found

    async def lease(self, lease_id: str) -> lease_pb2.Lease:
        """One lease."""
        request = lease_pb2.GetLeaseRequest(lease_id=lease_id)
        answer = await self.call(self.leases.GetLease, request)
        found: lease_pb2.Lease = answer.lease
        return found

    async def revoke(self, lease_id: str, **fields: Any) -> lease_pb2.Lease:
        """Ends a lease."""
        request = lease_pb2.RevokeLeaseRequest(
            **{"lease_id": lease_id, "reason": "not needed"} | fields
        )
        answer = await self.call(self.leases.RevokeLease, request)
        found: lease_pb2.Lease = answer.lease
        return found

    async def extend(self, lease_id: str, seconds: int = 3600, **fields: Any) -> pb.AccessRequest:
        """Asks for a lease to last longer."""
        asked: dict[str, Any] = {
            "lease_id": lease_id,
            "justification": "not done",
            "duration": Duration(seconds=seconds),
        }
        request = lease_pb2.ExtendLeaseRequest(**asked | fields)
        answer = await self.call(self.leases.ExtendLease, request)
        found: pb.AccessRequest = answer.access_request
        return found

    async def alarmed(self) -> list[str]:
        """The ids of the leases that they may see whose end is late, newest first."""
        request = lease_pb2.ListLeasesRequest(alarmed=True)
        answer = await self.call(self.leases.ListLeases, request)
        return [lease.lease_id for lease in answer.leases]

    def watch(self, access_request_id: str) -> Any:
        """The stream of an access request's changes."""
        request = pb.WatchAccessRequestRequest(access_request_id=access_request_id)
        return self.access_requests.WatchAccessRequest(request, metadata=self._metadata, timeout=20)

    async def reaches(self, access_request_id: str, state: str) -> pb.AccessRequest:
        """The access request, once it is in a state."""
        wanted = pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{state}")

        async def look() -> pb.AccessRequest | None:
            found = await self.get(access_request_id)
            assert found.state == wanted, f"it is {pb.AccessRequestState.Name(found.state)}"
            return found

        found = await eventually(look, timeout=10)
        assert found is not None
        return found

    async def lease_reaches(self, lease_id: str, state: str) -> lease_pb2.Lease:
        """The lease, once it is in a state."""
        wanted = lease_pb2.LeaseState.Value(f"LEASE_STATE_{state}")

        async def look() -> lease_pb2.Lease | None:
            found = await self.lease(lease_id)
            assert found.state == wanted, f"it is {lease_pb2.LeaseState.Name(found.state)}"
            return found

        found = await eventually(look, timeout=10)
        assert found is not None
        return found


class House:
    """The service, its fakes, and people."""

    def __init__(
        self,
        issuer: TestIssuer,
        database_url: str,
        nats_url: str,
        *,
        repeat_seconds: float = 60,
        policy_address: str = "",
        calls_per_second: float = 1_000_000,
    ) -> None:
        """Unless `repeat_seconds` is short, leases move by events alone. `policy_address`: of a
        policy service that is asked in place of the fake one. `calls_per_second`: by one person; a
        test is more people at once than one, and quicker."""
        self.catalog = FakeCatalog()
        self.policy = FakePolicy()
        self.connector = FakeConnector(nats_url)
        self.issuer = issuer
        self._database_url = database_url
        self._nats_url = nats_url
        self._repeat_seconds = repeat_seconds
        self._policy_address = policy_address
        self._calls_per_second = calls_per_second
        self._parts = AsyncExitStack()
        self._lives: list[Life] = []

    async def __aenter__(self) -> "House":
        for fake in (self.catalog, self.policy, self.connector):
            await fake.start()
            self._parts.push_async_callback(fake.stop)
        self.service, self.port = await self.start()
        self._channel = await self._parts.enter_async_context(self.channel(self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()
        while self._lives:
            await self._lives.pop().parts.aclose()

    async def start(self) -> tuple[Service, int]:
        """Starts a replica of the service; returns it and its port."""
        life = Life()
        self._lives.append(life)
        settings = Settings(
            identity="dev_house",
            listen="127.0.0.1:0",
            database_url=self._database_url,
            nats_url=self._nats_url,
            jwks_file=self.issuer.jwks_file,
            audit_key_file=self.issuer.audit_key_file("requests"),
            issuer=self.issuer.issuer,
            audience=self.issuer.audience,
            migrate=not await copied(self._database_url, MIGRATIONS),
            calls_per_second=self._calls_per_second,
            token_file=self.issuer.service_token_file("requests"),
            catalog_address=self.catalog.address,
            policy_address=self._policy_address or self.policy.address,
            connector_address=self.connector.address,
            repeat_seconds=self._repeat_seconds,
        )
        service, server = await begin(life, settings)
        return service, server.port

    async def leased(self, who: Person, seconds: int = 3600) -> lease_pb2.Lease:
        """An active lease that somebody asked for, for so long."""
        made = await who.create(requested_duration=Duration(seconds=seconds))
        self.connector.delivered(made.lease_id)
        await self.connector.say_provisioned(made.lease_id)
        return await who.lease_reaches(made.lease_id, "ACTIVE")

    async def shape(self, lease_id: str, **values: Any) -> None:
        """Changes what is kept of a lease, as no use case does; the service may be stopped."""
        database = Database.open(self._database_url)
        change = update(leases).where(leases.c.lease_id == lease_id).values(**values)
        await database.write(lambda connection: connection.execute(change))
        await database.close()

    async def stop(self) -> None:
        """Stops the service that was started last."""
        await self._lives.pop().parts.aclose()

    def use(self, channel: grpc.aio.Channel) -> None:
        """People who are named from now on call through this channel."""
        self._channel = channel

    @staticmethod
    def channel(port: int) -> grpc.aio.Channel:
        """A channel to a replica."""
        return grpc.aio.insecure_channel(f"127.0.0.1:{port}")

    def person(
        self, name: str, roles: Iterable[str] = (), *, channel: grpc.aio.Channel | None = None
    ) -> Person:
        """Somebody of this name."""
        return Person(channel or self._channel, self.issuer.named(name, roles))

    def as_service(self, name: str) -> Person:
        """One of our services."""
        return Person(self._channel, self.issuer.service(name))

    async def actions(self, resource_id: str = "") -> list[str]:
        """The actions of the audit records, oldest first; the whole chain must hold."""
        admin = self.person("Admin", [ADMIN])
        verified = await admin.call(admin.audit.VerifyAudit, audit_pb2.VerifyAuditRequest())
        assert verified.intact
        answer = await admin.call(
            admin.audit.ListAuditRecords,
            audit_pb2.ListAuditRecordsRequest(resource_id=resource_id, page_size=500),
        )
        return [record.action for record in answer.audit_records]

    async def events(self) -> list[event_pb2.Event]:
        """Everything that was published, oldest first."""
        admin = self.person("Admin", [ADMIN])
        answer = await admin.call(
            admin.events.ListEvents, event_pb2.ListEventsRequest(page_size=500)
        )
        return list(answer.events)

    async def event_types(self) -> list[str]:
        """The names of all that was published, oldest first, but for signed heads, which come
        whenever it is time for one."""
        names = [event.type.rpartition(".")[2] for event in await self.events()]
        return [name for name in names if name != "AuditHeadSigned"]
