"""Signs the head of the audit chain: every minute, and when the service ends.

A signed head is kept and published in one transaction. Replicas may do this side by side: the head
of the ledger is locked meanwhile, and where a head was signed none is signed again.
"""

from collections.abc import Callable

import structlog
from sqlalchemy import Connection, RowMapping, insert, select, update

from libs.audit.heads import Head, head_fields
from libs.audit.keys import KeyFile
from libs.audit.records import time_text
from libs.db.audit import actor_json
from libs.db.committer import EncodedFact, outbox_row
from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.callers import Service
from libs.domain.changes import Fact
from libs.domain.clock import Clock

SIGN_EVERY_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class HeadSigner:
    """Signs the heads of one service's chain."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        key: KeyFile,
        service: str,
        encode: Callable[[Head], EncodedFact],
        signed: Callable[[], None],
    ) -> None:
        """`encode` makes a head the event that is published; `signed` is told when there is one."""
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._key = key
        self._service = service
        self._encode = encode
        self._signed = signed

    async def sign(self) -> None:
        """Signs the head, unless nothing was added since the last time.

        Raises:
            Unavailable: the database does not answer.
        """
        # Mostly there is nothing to do, and nobody has to wait for that to be found.
        if await self._database.read(self._is_signed):
            return
        if await self._database.write(self._sign):
            self._signed()

    async def sign_last(self) -> None:
        """The same at the end of the service, which goes on whatever happens."""
        try:
            await self.sign()
        except Exception as error:
            _log.warning("audit_head_not_signed", problem=str(error), exc_info=error)

    def _is_signed(self, connection: Connection) -> bool:
        ledger = self._ledger
        row = connection.execute(select(ledger.head.c.audit_sequence)).one()
        return row.audit_sequence == 0 or self._at(connection, row.audit_sequence) is not None

    def _at(self, connection: Connection, sequence: int) -> RowMapping | None:
        heads = self._ledger.audit_heads
        query = select(heads).where(heads.c.sequence == sequence)
        return connection.execute(query).mappings().one_or_none()

    def _sign(self, connection: Connection) -> bool:
        ledger, now = self._ledger, self._clock.now()
        row = connection.execute(select(ledger.head).with_for_update()).mappings().one()
        sequence = row["audit_sequence"]
        if self._at(connection, sequence) is not None:
            return False
        head = self._key.sign(
            self._service,
            sequence,
            row["audit_hash"],
            self._previous(connection, sequence),
            time_text(now),
        )
        fact = Fact(self._service, sequence, head)
        position = row["outbox_position"] + 1
        actor = actor_json(Service(self._service))
        connection.execute(insert(ledger.audit_heads).values(head_fields(head)))
        connection.execute(
            insert(ledger.outbox).values(
                outbox_row(position, fact, self._encode(head), actor, now),
            )
        )
        connection.execute(update(ledger.head).values(outbox_position=position))
        return True

    def _previous(self, connection: Connection, sequence: int) -> int:
        """Where the head before is. That its record has not changed since is looked at too: who
        rewrites the chain is found within the minute, not when somebody asks."""
        heads, records = self._ledger.audit_heads, self._ledger.audit
        newest = select(heads).order_by(heads.c.sequence.desc()).limit(1)
        last = connection.execute(newest).mappings().one_or_none()
        if last is None:
            return 0
        there = select(records.c.hash).where(records.c.sequence == last["sequence"])
        if connection.execute(there).scalar_one_or_none() != last["hash"]:
            _log.error("audit_chain_differs", signed_sequence=last["sequence"], sequence=sequence)
        before = select(heads.c.sequence).where(heads.c.sequence < sequence)
        query = before.order_by(heads.c.sequence.desc()).limit(1)
        return int(connection.execute(query).scalar_one_or_none() or 0)
