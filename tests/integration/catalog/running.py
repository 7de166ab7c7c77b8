"""A catalog that runs in the test's own process, and stubs to call it with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from latchkey.catalog.v1 import (
    access_profile_pb2_grpc,
    app_catalog_pb2_grpc,
    app_pb2_grpc,
    approver_pb2_grpc,
    directory_pb2_grpc,
    entitlement_pb2_grpc,
    entitlement_rules_pb2_grpc,
    grant_pb2_grpc,
    ingest_pb2_grpc,
    link_pb2_grpc,
    resolution_pb2_grpc,
)
from latchkey.ledger.v1 import audit_pb2_grpc, event_pb2_grpc
from libs.process.run import Life
from libs.process.service import Service
from services.catalog.servicers import ACCESS
from services.catalog.settings import Settings
from services.catalog.store import MIGRATIONS
from services.catalog.wiring import prepare
from tests.support.issuer import TestIssuer, bearer
from tests.support.migrated import copied

Metadata = tuple[tuple[str, str], ...]


class RunningCatalog:
    """A running catalog: its parts, its stubs, and who may be calling."""

    def __init__(
        self, service: Service, address: str, channel: grpc.aio.Channel, issuer: TestIssuer
    ) -> None:
        self.service = service
        self.address = address
        self.channel = channel
        self.issuer = issuer
        self.apps = app_pb2_grpc.AppServiceStub(channel)
        self.entitlements = entitlement_pb2_grpc.EntitlementServiceStub(channel)
        self.links = link_pb2_grpc.LinkServiceStub(channel)
        self.rules = entitlement_rules_pb2_grpc.EntitlementRulesServiceStub(channel)
        self.access_profiles = access_profile_pb2_grpc.AccessProfileServiceStub(channel)
        self.app_catalog = app_catalog_pb2_grpc.AppCatalogServiceStub(channel)
        self.directory = directory_pb2_grpc.DirectoryServiceStub(channel)
        self.grants = grant_pb2_grpc.GrantServiceStub(channel)
        self.ingest = ingest_pb2_grpc.IngestServiceStub(channel)
        self.resolution = resolution_pb2_grpc.ResolutionServiceStub(channel)
        self.approvers = approver_pb2_grpc.ApproverServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.events = event_pb2_grpc.EventServiceStub(channel)

    def person(self, name: str, *roles: str) -> Metadata:
        """The metadata of a call by the person of this name."""
        return bearer(self.issuer.named(name, roles))

    def by(self, service: str) -> Metadata:
        """The metadata of a call by one of our services."""
        return bearer(self.issuer.service(service))


@asynccontextmanager
async def running_catalog(
    database_url: str,
    nats_url: str,
    issuer: TestIssuer,
    requests_address: str | None = None,
    **other: Any,
) -> AsyncIterator[RunningCatalog]:
    """Starts a catalog on a database, migrated first, and ends it with the block.

    `other`: settings besides those that every service has.
    """
    life = Life()
    async with life.parts:
        settings = Settings(
            identity="dev_house",
            listen="127.0.0.1:0",
            database_url=database_url,
            nats_url=nats_url,
            jwks_file=issuer.jwks_file,
            audit_key_file=issuer.audit_key_file("catalog"),
            issuer=issuer.issuer,
            audience=issuer.audience,
            migrate=not await copied(database_url, MIGRATIONS),
            # A test is more people at once than one, and quicker.
            calls_per_second=1_000_000,
            token_file=issuer.service_token_file("catalog") if requests_address else None,
            requests_address=requests_address,
            **other,
        )
        service, servicers = await prepare(life, settings)
        server = await service.listen(servicers, ACCESS)
        address = f"127.0.0.1:{server.port}"
        async with grpc.aio.insecure_channel(address) as channel:
            yield RunningCatalog(service, address, channel, issuer)
