"""AuditService and EventService, over the tables that every service keeps."""

from typing import Any

import grpc
from sqlalchemy import select

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc, event_pb2, event_pb2_grpc
from libs.db import audit
from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.callers import ADMIN, AUDITOR
from libs.domain.fields import Fields
from libs.domain.paging import PageRequest
from libs.ledger.actors import actor_to_proto
from libs.rpc import access
from libs.rpc.server import Servicer
from libs.rpc.well_known import timestamp

ACCESS = {
    "/latchkey.ledger.v1.AuditService/ListAuditRecords": access.roles(ADMIN, AUDITOR),
    "/latchkey.ledger.v1.AuditService/VerifyAudit": access.roles(ADMIN, AUDITOR),
    "/latchkey.ledger.v1.EventService/ListEvents": access.roles(
        ADMIN, AUDITOR, services=["catalog", "connector", "policy", "requests"]
    ),
}

Context = grpc.aio.ServicerContext[Any, Any]


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """The record of every change of this service."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def ListAuditRecords(
        self, request: audit_pb2.ListAuditRecordsRequest, context: Context
    ) -> audit_pb2.ListAuditRecordsResponse:
        with Fields() as fields:
            page = PageRequest(
                size=fields.page_size(request.page_size),
                token=fields.page_token(request.page_token),
                scope=("audit_records", request.resource_id),
            )
            fields.text("resource_id", request.resource_id, least=0, most=100)
        table = self._ledger.audit
        query = select(table).order_by(table.c.sequence).limit(page.size + 1)
        if (after := page.after_number()) is not None:
            query = query.where(table.c.sequence > after)
        if request.resource_id:
            query = query.where(table.c.resource_id == request.resource_id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = page.page(rows, key=lambda row: (str(row.sequence),))
        return audit_pb2.ListAuditRecordsResponse(
            audit_records=[
                audit_pb2.AuditRecord(
                    sequence=row.sequence,
                    record_time=timestamp(row.record_time),
                    actor=actor_to_proto(audit.actor_from_json(row.actor)),
                    action=row.action,
                    resource_id=row.resource_id,
                    reason=row.reason,
                    details_json=row.details,
                    hash=row.hash,
                    previous_hash=row.previous_hash,
                )
                for row in found.items
            ],
            next_page_token=found.next_page_token,
        )

    async def VerifyAudit(
        self, request: audit_pb2.VerifyAuditRequest, context: Context
    ) -> audit_pb2.VerifyAuditResponse:
        found = await self._database.read(lambda c: audit.verify(c, self._ledger))
        return audit_pb2.VerifyAuditResponse(
            intact=found.intact,
            record_count=found.record_count,
            first_broken_sequence=found.first_broken_sequence,
            problem=found.problem,
        )


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


def servicers(database: Database, ledger: Ledger) -> list[Servicer]:
    """Both servicers, for a server."""
    return [
        (
            audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
            audit_pb2_grpc.add_AuditServiceServicer_to_server,
            AuditServicer(database, ledger),
        ),
        (
            event_pb2.DESCRIPTOR.services_by_name["EventService"],
            event_pb2_grpc.add_EventServiceServicer_to_server,
            EventServicer(database, ledger),
        ),
    ]
