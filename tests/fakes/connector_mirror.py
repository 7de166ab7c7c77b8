"""The catalog's side of ingest as its contract says, in memory: the connector's port `Catalog`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from libs.domain.errors import Unavailable, WrongState
from services.connector.domain.connection import Connection
from services.connector.domain.directory import (
    AppInScope,
    DirectoryEnd,
    DirectoryKind,
    DirectoryPage,
)
from services.connector.domain.lease import Confirmation
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.sync import (
    Checkpoint,
    HeldRemoval,
    Ingested,
    NumberedPage,
    Sync,
)
from services.connector.domain.target import Target

Key = tuple[str, ...]
AWAY = Unavailable("the catalog service", "away")


@dataclass(frozen=True)
class _Row:
    value: Any
    round: int
    gone: bool = False


@dataclass
class MirrorCatalog:
    """Keeps what syncs bring. `away_at` makes it break off before a page of that count."""

    rows: dict[DirectoryKind, dict[Key, _Row]] = field(
        default_factory=lambda: {kind: {} for kind in DirectoryKind}
    )
    newest: Checkpoint = field(default_factory=Checkpoint)
    run: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pages: list[NumberedPage] = field(default_factory=list)
    most_removed: int | None = None
    away_at: int | None = None
    groups_only: bool = False

    def mirror(self) -> dict[DirectoryKind, dict[Key, Any]]:
        """What it serves, without what nobody compares: rounds."""
        return {
            kind: {key: row.value for key, row in rows.items()} for kind, rows in self.rows.items()
        }

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        raise AssertionError("not asked here")

    async def check_held(
        self, connection_id: str, expected: Sequence[ExpectedAssignment]
    ) -> tuple[str, frozenset[str]]:
        raise AssertionError("not asked here")

    async def checkpoint(self, connection_id: str) -> Checkpoint:
        return self.newest

    async def apps_in_scope(self, connection_id: str) -> Sequence[AppInScope]:
        apps = self.rows[DirectoryKind.APP]
        return [
            AppInScope(key[0], self.digests.get(key[0], ""), key[0] in self.owners)
            for key, row in sorted(apps.items())
            if not row.gone
        ]

    async def ingest(
        self, sync: Sync, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        found = Ingested(0, 0)
        async for page in pages:
            if self.away_at is not None and len(self.pages) >= self.away_at:
                raise AWAY
            found = self._take(sync, page)
            self.groups_only = connection.groups_only
            if found.held_removals:
                break
        return found

    def _take(self, sync: Sync, page: NumberedPage) -> Ingested:
        known = self.newest
        if sync.sync_id < known.sync_id:
            raise WrongState("SYNC_SUPERSEDED", "a newer sync has begun")
        if sync.sync_id > known.sync_id:
            known, self.run = Checkpoint(sync.sync_id, round=known.round), 0
        if sync.run < self.run:
            raise WrongState("SYNC_SUPERSEDED", "a newer run has begun")
        if page.number <= known.last_page_number and sync.run == self.run:
            return Ingested(
                known.last_page_number, known.seen_count, known.completed, known.removed_count
            )
        if page.number != known.last_page_number + 1 or known.completed:
            raise WrongState("SYNC_PAGE_OUT_OF_ORDER", f"page {page.number}")
        assert page.content.round >= max(known.round, 1), "rounds never fall"
        assert len(page.content.checkpoint) <= 200_000
        removed = 0
        if isinstance(page.content, DirectoryEnd):
            gone = self._gone(page.content)
            held = tuple(
                HeldRemoval(kind.value, len(keys), len(self.rows[kind]))
                for kind, keys in gone.items()
                if self.most_removed is not None and len(keys) > self.most_removed
            )
            if held and not sync.removals_confirmed:
                return Ingested(known.last_page_number, known.seen_count, held_removals=held)
            for kind, keys in gone.items():
                removed += len(keys)
                for key in keys:
                    del self.rows[kind][key]
        else:
            assert page.content.entry_count <= 5000
            self._keep(page.content)
        self.run = sync.run
        self.newest = replace(
            known,
            last_page_number=page.number,
            checkpoint=page.content.checkpoint,
            completed=page.is_end,
            round=page.content.round,
            seen_count=known.seen_count + page.entry_count,
            removed_count=removed,
        )
        self.pages.append(page)
        return Ingested(page.number, self.newest.seen_count, page.is_end, removed)

    def _keep(self, page: DirectoryPage) -> None:
        def put(kind: DirectoryKind, key: Key, value: Any) -> None:
            self.rows[kind][key] = _Row(value, page.round)

        for user in page.users:
            put(DirectoryKind.USER, (user.entra_object_id,), user)
        for group in page.groups:
            put(DirectoryKind.GROUP, (group.entra_object_id,), group)
        for one in page.memberships:
            put(DirectoryKind.MEMBERSHIP, (one.entra_group_id, one.entra_user_id), True)
        for app in page.service_principals:
            put(DirectoryKind.APP, (app.entra_object_id,), app)
        for held in page.role_assignments:
            app_id, role = held.entra_service_principal_id, held.entra_app_role_id
            put(
                DirectoryKind.APP_ROLE_ASSIGNMENT,
                (app_id, held.entra_principal_id, role),
                held.principal_kind,
            )
        for user_id in page.removed_user_ids:
            self._lose_with_all(DirectoryKind.USER, user_id)
        for group_id in page.removed_group_ids:
            self._lose_with_all(DirectoryKind.GROUP, group_id)
        for app_id in page.removed_service_principal_ids:
            self._lose_with_all(DirectoryKind.APP, app_id)
        memberships = self.rows[DirectoryKind.MEMBERSHIP]
        for one in page.removed_memberships:
            key = (one.entra_group_id, one.entra_user_id)
            if key in memberships:
                memberships[key] = replace(memberships[key], gone=True)
        for owned in page.owners_read:
            self.owners[owned.entra_service_principal_id] = owned.entra_user_ids
        for read in page.assignments_read:
            app_id = read.entra_service_principal_id
            self.digests[app_id] = read.digest
            rows = self.rows[DirectoryKind.APP_ROLE_ASSIGNMENT]
            for known, row in rows.items():
                if known[0] == app_id and row.round < page.round:
                    rows[known] = replace(row, gone=True)

    def _lose_with_all(self, kind: DirectoryKind, object_id: str) -> None:
        """Marks something as gone, with what hangs on it."""
        self._lose(kind, 0, object_id)
        if kind is not DirectoryKind.APP:
            self._lose(DirectoryKind.MEMBERSHIP, int(kind is DirectoryKind.USER), object_id)
        self._lose(DirectoryKind.APP_ROLE_ASSIGNMENT, int(kind is not DirectoryKind.APP), object_id)

    def _lose(self, kind: DirectoryKind, part: int, object_id: str) -> None:
        for key, row in self.rows[kind].items():
            if key[part] == object_id:
                self.rows[kind][key] = replace(row, gone=True)
                if kind is DirectoryKind.APP_ROLE_ASSIGNMENT:
                    self.digests.pop(key[0], None)
                    self.owners.pop(key[0], None)

    def _gone(self, end: DirectoryEnd) -> dict[DirectoryKind, list[Key]]:
        swept = {sweep.kind: sweep.round for sweep in end.sweeps}
        assert len(swept) == len(end.sweeps)
        for kind in (DirectoryKind.USER, DirectoryKind.GROUP, DirectoryKind.APP):
            for key, row in self.rows[kind].items():
                if row.round < swept.get(kind, 0) and not row.gone:
                    self._lose_with_all(kind, key[0])
        return {
            kind: [key for key, row in rows.items() if row.gone or row.round < swept.get(kind, 0)]
            for kind, rows in self.rows.items()
        }
