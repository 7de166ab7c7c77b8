"""The connector in the test's own event loop, with Entra's simulator and the peers it calls."""

from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import nats
import pytest
from google.protobuf import json_format
from nats.js.errors import NoStreamResponseError

from latchkey.catalog.v1 import target_pb2
from latchkey.connector.v1 import (
    connection_pb2,
    connection_pb2_grpc,
    provisioning_pb2,
    provisioning_pb2_grpc,
    reconciliation_pb2_grpc,
    sync_pb2,
    sync_pb2_grpc,
)
from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.callers import ADMIN, CONNECTOR_ADMIN
from libs.domain.ids import derived_id, new_id
from libs.events.envelope import Event
from libs.process.run import Life
from libs.process.service import Service
from libs.rpc import errors
from services.connector.settings import Settings
from services.connector.store import MIGRATIONS
from services.connector.store.tables import metadata
from services.connector.wiring import begin
from tests.fakes.connector_peers import FakeCatalog, FakeRequests
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer, bearer
from tests.support.migrated import copied
from tools.entra_simulator import Simulator

SECRET_NAME = "contoso"
ENTITLEMENT = derived_id("ent", "some")


@dataclass
class ConnectorHouse:
    """A connector that can stop and start again, and what surrounds it."""

    settings: Settings
    simulator: Simulator
    catalog: FakeCatalog
    requests: FakeRequests
    issuer: TestIssuer
    life: Life | None = None
    service: Service | None = None
    channel: Any = None
    _parts: AsyncExitStack = field(default_factory=AsyncExitStack)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database_url: str, nats_url: str, folder: Path, simulator: Simulator
    ) -> AsyncIterator["ConnectorHouse"]:
        """Starts the connector, as its `wiring` does, and opens a channel to it."""
        issuer = TestIssuer(folder / "issuer")
        secrets = folder / "secrets"
        secrets.mkdir()
        (secrets / SECRET_NAME).write_text(cast.CONNECTOR_SECRET + "\n")
        (secrets / "readonly").write_text(cast.READONLY_SECRET)
        (secrets / "expired").write_text(cast.EXPIRED_SECRET)
        (secrets / "empty").write_text(" \n")
        catalog, requests = FakeCatalog(), FakeRequests()
        await catalog.start()
        await requests.start()
        settings = Settings(
            identity="dev_house",
            listen="127.0.0.1:0",
            database_url=database_url,
            nats_url=nats_url,
            jwks_file=issuer.jwks_file,
            audit_key_file=issuer.audit_key_file("connector"),
            issuer=issuer.issuer,
            migrate=not await copied(database_url, MIGRATIONS),
            # A test is more people at once than one, and quicker.
            calls_per_second=1_000_000,
            token_file=issuer.service_token_file("connector"),
            catalog_address=catalog.address,
            requests_address=requests.address,
            secrets_dir=secrets,
            simulator_url=simulator.url,
            simulator_ca_file=simulator.ca_path,
        )
        house = cls(settings, simulator, catalog, requests, issuer)
        try:
            await house.start()
            yield house
        finally:
            await house.stop()
            await catalog.stop()
            await requests.stop()

    async def start(self) -> None:
        """Starts the connector."""
        self.life = Life()
        self.service, server = await begin(self.life, self.settings)
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")

    async def stop(self) -> None:
        """Stops it; what it was in the middle of stays as it is."""
        if self.channel is not None:
            await self.channel.close()
        if self.life is not None:
            await self.life.parts.aclose()
        self.channel = self.life = self.service = None

    @property
    def running(self) -> Service:
        assert self.service is not None
        return self.service

    @property
    def connections(self) -> connection_pb2_grpc.ConnectionServiceStub:
        return connection_pb2_grpc.ConnectionServiceStub(self.channel)

    @property
    def syncs(self) -> sync_pb2_grpc.SyncServiceStub:
        return sync_pb2_grpc.SyncServiceStub(self.channel)

    @property
    def provisioning(self) -> provisioning_pb2_grpc.ProvisioningServiceStub:
        return provisioning_pb2_grpc.ProvisioningServiceStub(self.channel)

    @property
    def reconciliations(self) -> reconciliation_pb2_grpc.ReconciliationServiceStub:
        return reconciliation_pb2_grpc.ReconciliationServiceStub(self.channel)

    def as_person(self, *roles: str, name: str = "Paula") -> tuple[tuple[str, str], ...]:
        """The metadata of a call by a person with these roles."""
        return bearer(self.issuer.named(name, roles))

    def as_service(self, name: str) -> tuple[tuple[str, str], ...]:
        """The metadata of a call by one of our services."""
        return bearer(self.issuer.service(name))

    @property
    def admin(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call by a connector administrator."""
        return self.as_person(CONNECTOR_ADMIN)

    @property
    def reader(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call by an administrator."""
        return self.as_person(ADMIN)

    async def connect(self, **fields: str) -> str:
        """Connects the simulator's tenant; returns the connection's id."""
        usual = {
            "display_name": "Marlowe Instruments",
            "entra_tenant_id": self.simulator.tenant.id,
            "entra_client_id": cast.CONNECTOR,
            "client_secret_name": SECRET_NAME,
            "cloud": "simulator",
        }
        connection = json_format.ParseDict(usual | fields, connection_pb2.Connection())
        response = await self.connections.CreateConnection(
            connection_pb2.CreateConnectionRequest(connection=connection), metadata=self.admin
        )
        connection_id: str = response.connection.connection_id
        return connection_id

    async def start_sync(self, connection_id: str) -> str:
        """Starts a sync; returns its id."""
        response = await self.syncs.StartSync(
            sync_pb2.StartSyncRequest(connection_id=connection_id), metadata=self.admin
        )
        sync_id: str = response.sync.sync_id
        return sync_id

    async def sync(self, sync_id: str) -> sync_pb2.Sync:
        """A sync as it is now."""
        response = await self.syncs.GetSync(
            sync_pb2.GetSyncRequest(sync_id=sync_id), metadata=self.reader
        )
        found: sync_pb2.Sync = response.sync
        return found

    async def finished(self, sync_id: str, *, within: float = 20) -> sync_pb2.Sync:
        """A sync once it is over."""

        async def over() -> sync_pb2.Sync | None:
            sync = await self.sync(sync_id)
            return sync if sync.state != sync_pb2.SYNC_STATE_RUNNING else None

        found = await eventually(over, within, every=0.05)
        assert found is not None
        return found

    def lease(
        self,
        principal: str,
        targets: Iterable[target_pb2.Target],
        *,
        listed: bool = True,
        entitlement_id: str = ENTITLEMENT,
        takes_over: bool = False,
    ) -> str:
        """A granted lease that the catalog confirms, unless it is not `listed`; its id."""
        tenant, targets = self.simulator.tenant.id, tuple(targets)
        self.catalog.knows(tenant, principal)
        known = list(self.catalog.listed.get(entitlement_id, {}).values())
        self.catalog.lists(entitlement_id, [*known, *(targets if listed else ())])
        lease_id = self.requests.grant(tenant, principal, entitlement_id, targets)
        self.requests.leases[lease_id].takes_over = takes_over
        return lease_id

    async def synced(self, connection_id: str) -> None:
        """A sync after which the catalog knows what is assigned, and which was looked at."""
        tenant, checks = self.simulator.tenant, self.catalog.checks
        found = await self.assignments()
        self.catalog.held = {
            (each.user_id, each.target.directory_entitlement_id)
            for each in found
            if _is_in(tenant, each)
        }
        sync = await self.finished(await self.start_sync(connection_id))
        assert sync.state == sync_pb2.SYNC_STATE_SUCCEEDED, sync.problem
        if any(each.state == provisioning_pb2.ASSIGNMENT_STATE_PRESENT for each in found):

            async def looked() -> bool:
                return self.catalog.checks > checks

            await eventually(looked, 10, every=0.02)

    async def rows(self) -> dict[str, int]:
        """How many rows each table has, and what versions there are in all."""
        database, found = self.running.database, {}
        for table in metadata.sorted_tables:
            query = table.select()
            rows = await database.read(partial(_all_of, query))
            found[table.name] = len(rows)
            if "version" in table.c:
                found[f"versions of {table.name}"] = sum(row.version for row in rows)
        return found

    def end(self, lease_id: str) -> None:
        """Has a lease end."""
        self.requests.leases[lease_id].state = lease_pb2.LEASE_STATE_ENDING

    async def tell(self, *messages: events_pb2.LeaseGranted | events_pb2.LeaseEnded) -> None:
        """Publishes events of requests."""
        async with await nats.connect(self.settings.nats_url) as client:
            jetstream = client.jetstream()
            for message in messages:
                event = Event(
                    event_id=new_id("evt"),
                    type=message.DESCRIPTOR.full_name,
                    resource_id=message.lease_id,
                    resource_version=1,
                    event_time=datetime.now(UTC),
                    actor="{}",
                    payload=message.SerializeToString(),
                )
                await eventually(partial(_published, jetstream, event), 10)

    async def granted(self, *lease_ids: str) -> None:
        """Tells the connector that leases were granted."""
        await self.tell(*(events_pb2.LeaseGranted(lease_id=found, round=1) for found in lease_ids))

    async def ended(self, *lease_ids: str) -> None:
        """Ends leases and tells the connector."""
        for lease_id in lease_ids:
            self.end(lease_id)
        await self.tell(*(events_pb2.LeaseEnded(lease_id=found) for found in lease_ids))

    async def delivery(self, lease_id: str) -> provisioning_pb2.Delivery:
        """What the connector says of a lease, as requests asks it."""
        response = await self.provisioning.GetDelivery(
            provisioning_pb2.GetDeliveryRequest(lease_id=lease_id),
            metadata=self.as_service("requests"),
        )
        found: provisioning_pb2.Delivery = response.delivery
        return found

    async def reached(
        self, lease_id: str, state: provisioning_pb2.DeliveryState.ValueType, *, within: float = 15
    ) -> provisioning_pb2.Delivery:
        """What the connector says of a lease once it has come to a state."""

        async def there() -> provisioning_pb2.Delivery | None:
            try:
                found = await self.delivery(lease_id)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.NOT_FOUND
                return None
            assert found.state == state, found
            return found

        found = await eventually(there, within, every=0.02)
        assert found is not None
        return found

    async def operations(self) -> list[provisioning_pb2.Operation]:
        """All operations, oldest first."""
        response = await self.provisioning.ListOperations(
            provisioning_pb2.ListOperationsRequest(), metadata=self.reader
        )
        return list(response.operations)

    async def assignments(self) -> list[provisioning_pb2.Assignment]:
        """All assignments, oldest first."""
        response = await self.provisioning.ListAssignments(
            provisioning_pb2.ListAssignmentsRequest(), metadata=self.reader
        )
        return list(response.assignments)

    async def told(self, resource_id: str) -> list[str]:
        """The names of the events of a resource, in the order they were committed."""
        outbox = self.running.ledger.outbox
        query = (
            outbox.select().where(outbox.c.resource_id == resource_id).order_by(outbox.c.position)
        )
        rows = await self.running.database.read(lambda c: c.execute(query).all())
        return [row.type.rpartition(".")[2] for row in rows]

    def changes(self, since: int = 0) -> list[dict[str, Any]]:
        """What calls of Graph changed in the tenant, from the simulator's own journal."""
        return [
            change
            for entry in self.simulator.journal.entries(since)
            if entry["source"] == "graph"
            for change in entry["changes"]
        ]

    def writes(self, since: int = 0) -> list[tuple[str, str, int]]:
        """The writing calls of Graph, those within batches one by one: method, path, status."""
        return [
            (entry["method"], entry["path"], entry["status"])
            for entry in self.simulator.journal.entries(since)
            if entry["source"] == "graph"
            and entry["method"] != "GET"
            and not entry["path"].endswith("/$batch")
        ]


def _all_of(query: Any, connection: Any) -> Any:
    return connection.execute(query).all()


def _is_in(tenant: Any, assignment: provisioning_pb2.Assignment) -> bool:
    who, target = assignment.entra_principal_id, assignment.target
    if target.HasField("group_membership"):
        return bool(tenant.is_member(target.group_membership.entra_group_id, who))
    role = target.app_role_assignment
    found = tenant.find_assignment(who, role.entra_service_principal_id, role.entra_app_role_id)
    return found is not None


async def _published(jetstream: Any, event: Event) -> bool:
    """False while the connector, which has only just begun, has not made the stream yet."""
    try:
        await jetstream.publish(event.subject, event.payload, headers=event.headers())
    except NoStreamResponseError:
        return False
    return True


async def refusal(call: Awaitable[Any], code: grpc.StatusCode, reason: str) -> dict[str, str]:
    """The facts of a refusal with this code and reason."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() is code, raised.value.details()
    info = errors.error_info(raised.value)
    assert (info.domain, info.reason) == ("latchkey.connector", reason), raised.value.details()
    return dict(info.metadata)
