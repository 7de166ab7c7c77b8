"""Exports the audit records and signed heads of one service, by its own RPCs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc
from libs.audit.heads import Head
from libs.audit.records import Record, time_text
from libs.ledger.chain import head_of, record_of
from tools.audit.lines import End, Line

_PAGE = 500
_DEADLINE_SECONDS = 30.0


@dataclass
class _Records:
    """The records behind those that were taken, a page at a time."""

    stub: audit_pb2_grpc.AuditServiceStub
    metadata: tuple[tuple[str, str], ...]
    last: Record | None = None
    page: list[Record] = field(default_factory=list)

    async def take(self, until: int | None) -> Record | None:
        """The next one, if it is not behind `until`."""
        if not self.page:
            answer = await self.stub.ListAuditRecords(
                audit_pb2.ListAuditRecordsRequest(
                    page_size=_PAGE, after_sequence=self.last.sequence if self.last else 0
                ),
                metadata=self.metadata,
                timeout=_DEADLINE_SECONDS,
            )
            # The last comes first, to be taken off the end.
            self.page = [record_of(record) for record in reversed(answer.audit_records)]
        if not self.page or (until is not None and self.page[-1].sequence > until):
            return None
        self.last = self.page.pop()
        return self.last


async def export(channel: grpc.aio.Channel, token: str) -> AsyncIterator[Line]:
    """Every line of an export. Records that are added meanwhile are in it or not; a head is read
    before the records up to it, so that none which is missing then may be.

    Raises:
        grpc.aio.AioRpcError: the service does not answer, or refuses.
    """
    stub: audit_pb2_grpc.AuditServiceStub = audit_pb2_grpc.AuditServiceStub(channel)
    metadata = (("authorization", f"Bearer {token}"),)
    time = time_text(datetime.now(UTC))
    records = _Records(stub, metadata)
    async for head in _heads(stub, metadata):
        while (record := await records.take(head.sequence)) is not None:
            yield record
        yield head
    while (record := await records.take(None)) is not None:
        yield record
    last = records.last
    yield End(time, last.sequence if last else 0, last.hash if last else "")


async def _heads(
    stub: audit_pb2_grpc.AuditServiceStub, metadata: tuple[tuple[str, str], ...]
) -> AsyncIterator[Head]:
    after = 0
    while True:
        answer = await stub.ListAuditHeads(
            audit_pb2.ListAuditHeadsRequest(page_size=_PAGE, after_sequence=after),
            metadata=metadata,
            timeout=_DEADLINE_SECONDS,
        )
        if not answer.audit_heads:
            return
        for head in answer.audit_heads:
            yield head_of(head)
        after = answer.audit_heads[-1].sequence
