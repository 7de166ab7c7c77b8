"""Taking a page of a sync into the mirror of the directory."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import Invalid
from services.catalog.domain import facts
from services.catalog.domain.directory import Complete, Page, ServicePrincipal
from services.catalog.domain.sync import Sync
from services.catalog.ports import Syncs


@dataclass(frozen=True, slots=True)
class Command:
    """Take this page. `kind` names what it holds, for the record."""

    sync_id: str
    connection_id: str
    entra_tenant_id: str
    page_number: int
    checkpoint: str
    kind: str
    page: Page


@dataclass(frozen=True, slots=True)
class IngestPage:
    """Commits a page together with its checkpoint; a page committed before is passed over."""

    syncs: Syncs
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Sync]:
        """Takes the page.

        Raises:
            WrongState: SYNC_SUPERSEDED, SYNC_PAGE_OUT_OF_ORDER.
            Invalid: the sync began with another tenant or connection.
        """
        newest = await self.syncs.newest(command.connection_id)
        if newest is None or newest.sync_id != command.sync_id:
            await self._require_unused(command)
        if newest is None:
            sync = Sync(command.sync_id, command.connection_id, command.entra_tenant_id)
        else:
            sync = newest.begin(command.sync_id, command.entra_tenant_id)
        if sync.has(command.page_number):
            return Outcome(sync)
        if isinstance(command.page, Complete):
            return await self._complete(newest, sync, command, actor)
        after = sync.take(command.page_number, command.checkpoint, len(command.page))
        return Outcome(
            after,
            Change(
                audit=AuditEntry(
                    actor,
                    "directory.page_ingested",
                    command.connection_id,
                    details={
                        "sync_id": command.sync_id,
                        "page_number": command.page_number,
                        "kind": command.kind,
                        "count": len(command.page),
                    },
                ),
                writes=self.syncs.paged(newest, after, command.page, self.clock.now()),
                facts=await self._discovered(command),
            ),
        )

    async def _require_unused(self, command: Command) -> None:
        """A sync is of one connection."""
        other = await self.syncs.find(command.sync_id)
        if other is not None and other.connection_id != command.connection_id:
            raise Invalid.field(
                "connection_id", f"is not {other.connection_id}, with which the sync began"
            )

    async def _discovered(self, command: Command) -> tuple[Fact, ...]:
        assert not isinstance(command.page, Complete)
        found = {app.app_id: app for app in command.page if isinstance(app, ServicePrincipal)}
        known = await self.syncs.known_apps(found.keys()) if found else frozenset()
        return tuple(
            Fact(
                app.app_id,
                1,
                facts.AppDiscovered(app.app_id, app.display_name, command.connection_id),
            )
            for app in found.values()
            if app.app_id not in known
        )

    async def _complete(
        self, newest: Sync | None, sync: Sync, command: Command, actor: Caller
    ) -> Outcome[Sync]:
        unseen = await self.syncs.unseen(sync)
        removed_count = len(unseen.apps) + sum(unseen.counts)
        after = sync.complete(command.page_number, command.checkpoint, removed_count)
        return Outcome(
            after,
            Change(
                audit=AuditEntry(
                    actor,
                    "directory.refreshed",
                    command.connection_id,
                    details={
                        "sync_id": command.sync_id,
                        "page_number": command.page_number,
                        "seen_count": after.seen_count,
                        "removed_count": removed_count,
                    },
                ),
                writes=self.syncs.completed(newest, after, unseen),
                facts=(
                    *(
                        Fact(
                            app.app_id,
                            app.version + 1,
                            facts.AppRemoved(
                                app.app_id, app.display_name, app.manage_time is not None
                            ),
                        )
                        for app in unseen.apps
                    ),
                    Fact(
                        command.connection_id,
                        after.version,
                        facts.DirectoryRefreshed(
                            command.connection_id,
                            command.sync_id,
                            after.seen_count,
                            removed_count,
                        ),
                    ),
                ),
            ),
        )
