"""How far the pages of a connection's newest sync are committed."""

from dataclasses import dataclass, replace

from libs.domain.errors import Invalid
from services.catalog.domain import errors


@dataclass(frozen=True, slots=True)
class Sync:
    """The newest sync of a connection. `version` counts every page of every sync of it."""

    sync_id: str
    connection_id: str
    entra_tenant_id: str
    last_page_number: int = 0
    checkpoint: str = ""
    completed: bool = False
    seen_count: int = 0
    removed_count: int = 0
    version: int = 0

    def begin(self, sync_id: str, entra_tenant_id: str) -> "Sync":
        """The sync that a page belongs to: this one, or a newer one in its place.

        Raises:
            WrongState: SYNC_SUPERSEDED by this one.
            Invalid: the sync began with another tenant.
        """
        # Ids of syncs sort by their creation.
        if sync_id < self.sync_id:
            raise errors.sync_superseded(sync_id, self.sync_id)
        if sync_id > self.sync_id:
            return Sync(sync_id, self.connection_id, entra_tenant_id, version=self.version)
        if entra_tenant_id != self.entra_tenant_id:
            raise Invalid.field(
                "entra_tenant_id", f"is not {self.entra_tenant_id}, with which the sync began"
            )
        return self

    def has(self, page_number: int) -> bool:
        """Whether the page was committed before."""
        return page_number <= self.last_page_number

    def take(self, page_number: int, checkpoint: str, count: int) -> "Sync":
        """The sync after a page of `count` objects.

        Raises:
            WrongState: SYNC_PAGE_OUT_OF_ORDER.
        """
        if self.completed:
            raise errors.sync_page_out_of_order(
                self.sync_id, page_number, "the sync is complete and nothing follows"
            )
        if page_number != self.last_page_number + 1:
            raise errors.sync_page_out_of_order(
                self.sync_id, page_number, f"page {self.last_page_number + 1} comes next"
            )
        return replace(
            self,
            last_page_number=page_number,
            checkpoint=checkpoint,
            seen_count=self.seen_count + count,
            version=self.version + 1,
        )

    def complete(self, page_number: int, checkpoint: str, removed_count: int) -> "Sync":
        """The sync after its completing message.

        Raises:
            WrongState: SYNC_PAGE_OUT_OF_ORDER.
        """
        after = self.take(page_number, checkpoint, 0)
        return replace(after, completed=True, removed_count=removed_count)
