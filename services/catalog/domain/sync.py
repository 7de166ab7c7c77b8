"""How far the pages of a connection's newest sync are committed."""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain.errors import Invalid
from services.catalog.domain import errors


@dataclass(frozen=True, slots=True)
class Message:
    """What every message of a sync says of itself, whatever it brings."""

    sync_id: str
    connection_id: str
    entra_tenant_id: str
    page_number: int
    checkpoint: str
    round: int
    run: int
    groups_only: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """The newest sync of a connection.

    `round` is the highest of every sync of the connection, `run` the newest of this one,
    `complete_time` when one of them was complete last and `as_of_time` when that one had begun, and
    `version` counts every page of every sync of the connection.
    """

    sync_id: str
    connection_id: str
    entra_tenant_id: str
    last_page_number: int = 0
    checkpoint: str = ""
    completed: bool = False
    seen_count: int = 0
    removed_count: int = 0
    round: int = 0
    run: int = 0
    groups_only: bool = False
    begin_time: datetime | None = None
    as_of_time: datetime | None = None
    complete_time: datetime | None = None
    version: int = 0

    def begin(self, message: Message) -> "Sync":
        """The sync that a message belongs to: this one, or a newer one in its place.

        Raises:
            WrongState: SYNC_SUPERSEDED by this one, or by a newer run of it.
            Invalid: the sync began with another tenant.
        """
        # Ids of syncs sort by their creation.
        if message.sync_id < self.sync_id:
            raise errors.sync_superseded(message.sync_id, self.sync_id)
        if message.sync_id > self.sync_id:
            begun = new_sync(message)
            return replace(
                begun,
                round=self.round,
                as_of_time=self.as_of_time,
                complete_time=self.complete_time,
                version=self.version,
            )
        if message.entra_tenant_id != self.entra_tenant_id:
            raise Invalid.field(
                "entra_tenant_id", f"is not {self.entra_tenant_id}, with which the sync began"
            )
        if message.run < self.run:
            raise errors.sync_run_superseded(self.sync_id, message.run, self.run)
        return self

    def has(self, message: Message) -> bool:
        """Whether the message was committed before, and by the same run.

        Raises:
            WrongState: SYNC_PAGE_OUT_OF_ORDER: it was, and by an earlier run: nobody knows
                whether the page of that number was the same.
        """
        if message.page_number > self.last_page_number:
            return False
        if message.run != self.run:
            raise errors.sync_page_out_of_order(
                self.sync_id,
                message.page_number,
                f"run {self.run} committed page {self.last_page_number}; go on behind it",
            )
        return True

    def take(self, message: Message, count: int, now: datetime) -> "Sync":
        """The sync after a message that brings `count` entries.

        Raises:
            WrongState: SYNC_PAGE_OUT_OF_ORDER.
            Invalid: the round is an earlier one.
        """
        number = message.page_number
        if self.completed:
            raise errors.sync_page_out_of_order(
                self.sync_id, number, "the sync is complete and nothing follows"
            )
        if number != self.last_page_number + 1:
            raise errors.sync_page_out_of_order(
                self.sync_id, number, f"page {self.last_page_number + 1} comes next"
            )
        if message.round < self.round:
            raise Invalid.field(
                "round", f"is {message.round}, but the connection has come to {self.round}"
            )
        return replace(
            self,
            last_page_number=number,
            checkpoint=message.checkpoint,
            seen_count=self.seen_count + count,
            round=message.round,
            run=message.run,
            groups_only=message.groups_only,
            begin_time=self.begin_time or now,
            version=self.version + 1,
        )

    def complete(self, message: Message, now: datetime) -> "Sync":
        """The sync after its completing message; what it removes has still to be said.

        Raises:
            as `take`.
        """
        taken = self.take(message, 0, now)
        return replace(taken, completed=True, as_of_time=taken.begin_time, complete_time=now)


def new_sync(message: Message) -> Sync:
    """The first sync of a connection, before its first page."""
    return Sync(message.sync_id, message.connection_id, message.entra_tenant_id)
