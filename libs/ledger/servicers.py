"""AuditService and EventService, over the tables that every service keeps."""

from typing import Any

import grpc
from sqlalchemy import select

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc, event_pb2, event_pb2_grpc
from libs.audit.keys import KeyFile
from libs.db import audit
from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.callers import ADMIN, AUDITOR
from libs.domain.clock import Clock
from libs.domain.fields import Fields
from libs.domain.paging import PageRequest
from libs.ledger import chain
from libs.rpc import access
from libs.rpc.server import Servicer
from libs.rpc.well_known import timestamp

ACCESS = {
    "/latchkey.ledger.v1.AuditService/ListAuditRecords": access.roles(ADMIN, AUDITOR),
    "/latchkey.ledger.v1.AuditService/ListAuditHeads": access.roles(ADMIN, AUDITOR),
    "/latchkey.ledger.v1.AuditService/VerifyAudit": access.roles(ADMIN, AUDITOR),
    "/latchkey.ledger.v1.EventService/ListEvents": access.roles(
        ADMIN, AUDITOR, services=["catalog", "connector", "policy", "requests"]
    ),
}

Context = grpc.aio.ServicerContext[Any, Any]


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """The record of every change of this service."""

    def __init__(
        self, service: str, database: Database, ledger: Ledger, clock: Clock, key: KeyFile
    ) -> None:
        self._service = service
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._key = key

    async def ListAuditRecords(
        self, request: audit_pb2.ListAuditRecordsRequest, context: Context
    ) -> audit_pb2.ListAuditRecordsResponse:
        with Fields() as fields:
            page = _page(fields, request, "audit_records", request.resource_id)
            fields.text("resource_id", request.resource_id, least=0, most=100)
        rows = await audit.rows_after(
            self._database,
            self._ledger.audit,
            _after(page, request),
            most=page.size + 1,
            resource_id=request.resource_id,
        )
        found = page.page(rows, key=lambda row: (str(row["sequence"]),))
        return audit_pb2.ListAuditRecordsResponse(
            audit_records=[chain.record_to_proto(audit.record_of(row)) for row in found.items],
            next_page_token=found.next_page_token,
        )

    async def ListAuditHeads(
        self, request: audit_pb2.ListAuditHeadsRequest, context: Context
    ) -> audit_pb2.ListAuditHeadsResponse:
        with Fields() as fields:
            page = _page(fields, request, "audit_heads")
        rows = await audit.rows_after(
            self._database, self._ledger.audit_heads, _after(page, request), most=page.size + 1
        )
        found = page.page(rows, key=lambda row: (str(row["sequence"]),))
        return audit_pb2.ListAuditHeadsResponse(
            audit_heads=[chain.head_to_proto(audit.head_of(row)) for row in found.items],
            next_page_token=found.next_page_token,
        )

    async def VerifyAudit(
        self, request: audit_pb2.VerifyAuditRequest, context: Context
    ) -> audit_pb2.VerifyAuditResponse:
        found = await audit.verify(
            self._database, self._ledger, self._key.public_keys, self._service, self._clock
        )
        return chain.verification_to_proto(found)


def _page(
    fields: Fields,
    request: audit_pb2.ListAuditRecordsRequest | audit_pb2.ListAuditHeadsRequest,
    *scope: str,
) -> PageRequest:
    if request.after_sequence < 0:
        fields.wrong("after_sequence", "must not be negative")
    return PageRequest(
        size=fields.page_size(request.page_size),
        token=fields.page_token(request.page_token),
        scope=(*scope, str(request.after_sequence)),
    )


def _after(
    page: PageRequest, request: audit_pb2.ListAuditRecordsRequest | audit_pb2.ListAuditHeadsRequest
) -> int:
    return max(page.after_number() or 0, request.after_sequence)


class EventServicer(event_pb2_grpc.EventServiceServicer):
    """The events of this service, from its database."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def ListEvents(
        self, request: event_pb2.ListEventsRequest, context: Context
    ) -> event_pb2.ListEventsResponse:
        with Fields() as fields:
            size = fields.page_size(request.page_size)
            if request.after_position < 0:
                fields.wrong("after_position", "must not be negative")
        table = self._ledger.outbox
        query = (
            select(table)
            .where(table.c.position > request.after_position)
            .order_by(table.c.position)
            .limit(size)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return event_pb2.ListEventsResponse(
            events=[
                event_pb2.Event(
                    position=row.position,
                    event_id=row.event_id,
                    type=row.type,
                    subject_id=row.resource_id,
                    sequence=row.resource_version,
                    event_time=timestamp(row.event_time),
                    payload=row.payload,
                    published=row.published,
                )
                for row in rows
            ],
            last_position=rows[-1].position if rows else request.after_position,
        )


def servicers(
    service: str, database: Database, ledger: Ledger, clock: Clock, key: KeyFile
) -> list[Servicer]:
    """Both servicers, for the server of a service; `key` is what its heads are signed with."""
    return [
        (
            audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
            audit_pb2_grpc.add_AuditServiceServicer_to_server,
            AuditServicer(service, database, ledger, clock, key),
        ),
        (
            event_pb2.DESCRIPTOR.services_by_name["EventService"],
            event_pb2_grpc.add_EventServiceServicer_to_server,
            EventServicer(database, ledger),
        ),
    ]
