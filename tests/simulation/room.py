"""A service as a process over its database, without its port to the network."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from libs.db.committer import Committer, EncodedFact, IdempotencyKey, Received
from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.db.writes import Writes
from libs.domain.changes import Change, Fact
from tests.simulation.fuse import Fuse
from tests.simulation.journal import Journal
from tests.simulation.time import TickingClock


class _Committer(Committer):
    """Says when it commits, and what had which effect."""

    def __init__(self, journal: Journal, fuse: Fuse, *rest: Any) -> None:
        super().__init__(*rest)
        self.journal, self.fuse, self.count = journal, fuse, 0

    async def commit(
        self,
        change: Change,
        *,
        key: IdempotencyKey | None = None,
        received: Received | None = None,
    ) -> None:
        await self.fuse.moment()
        await super().commit(change, key=key, received=received)
        self.count += 1
        if received is not None:
            self.journal.note(
                "effect",
                consumer=received.consumer,
                event_id=received.event_id,
                action=change.audit.action,
            )
        await self.fuse.moment()


class Room:
    """What both services have. `fuse` ends them in the middle of something."""

    def __init__(
        self,
        name: str,
        database: Database,
        ledger: Ledger,
        journal: Journal,
        clock: TickingClock,
        message: Callable[[Fact], Message],
        fuse: Fuse,
    ) -> None:
        self.name, self.database, self.ledger = name, database, ledger
        self.journal, self.clock, self.fuse = journal, clock, fuse

        def encode(fact: Fact) -> EncodedFact:
            found = message(fact)
            return EncodedFact(found.DESCRIPTOR.full_name, found.SerializeToString())

        self.committer = _Committer(journal, self.fuse, database, ledger, clock, encode)
        self.writes = Writes(database, ledger, self.committer)

    async def __aenter__(self) -> "Room":
        await self.committer.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.committer.__aexit__()
