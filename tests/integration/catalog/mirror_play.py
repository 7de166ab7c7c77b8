"""Messages of a connection, sent as a play of steps and compared with the model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

import pytest
from sqlalchemy import Connection, Select, Table, select, update

from latchkey.catalog.v1 import ingest_pb2
from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.writes import Writes
from libs.domain import ids
from libs.domain.callers import Service
from libs.domain.changes import Fact
from libs.domain.errors import LatchkeyError
from libs.domain.paging import PageRequest
from services.catalog.domain import facts
from services.catalog.handlers.ingest_page import IngestPage, Taken
from services.catalog.store import staged_tables as s
from services.catalog.store import tables as t
from services.catalog.store.syncs import StoredSyncs
from services.catalog.translate import ingest as translate
from services.catalog.translate.events import fact_to_message
from tests.fakes.clock import FakeClock
from tests.integration.catalog.mirror_model import Content, MirrorModel, Rows, Waiting
from tests.unit.catalog.things import NOW

CONNECTOR = Service("connector")
USERS = tuple(f"user {n}" for n in range(25))
GROUPS = ("red", "green", "blue")
APPS = ("tool", "desk", "wiki")
MEMBERSHIPS = tuple((group, user) for group in GROUPS for user in USERS)
ASSIGNMENTS = tuple((app, who) for app in APPS for who in (*USERS[:3], *GROUPS))


def guid(name: str) -> str:
    return str(uuid5(NAMESPACE_OID, name))


_TABLES = {
    "user": (t.directory_users, s.staged_users, ("user_id",)),
    "group": (t.directory_groups, s.staged_groups, ("group_id",)),
    "membership": (t.directory_memberships, s.staged_memberships, ("group_id", "user_id")),
    "app": (t.apps, s.staged_apps, ("app_id",)),
    "assignment": (t.directory_assignments, s.staged_assignments, ("app_id", "principal_id")),
}


def _names(found: dict[str, Rows]) -> dict[tuple[str, ...], str]:
    """What whoever asks is told."""
    return {(kind, *key): row[2] for kind, rows in found.items() for key, row in rows.items()}


@dataclass(frozen=True)
class Complete:
    """A completion that sweeps these kinds, each in the round so many before the newest."""

    sweeps: dict[str, int]
    confirmed: bool


class Play:
    """One connection of a tenant of its own, and the messages that come for it."""

    def __init__(self, database: Database, writes: Writes, told: list[str]) -> None:
        self.database, self.writes, self.told = database, writes, told
        self.syncs = StoredSyncs(database)
        self.ingest = IngestPage(self.syncs, FakeClock(NOW))
        self.connection_id, self.tenant = ids.new_id("con"), str(uuid4())
        self.model = MirrorModel()
        self.sync_id, self.run, self.round, self.last = ids.new_id("syn"), 1, 1, 0
        self.kept: list[ingest_pb2.IngestRequest] = []
        self.seen, self.completed = 0, False

    async def send(self, message: ingest_pb2.IngestRequest) -> Taken:
        command = translate.ingest_page_command(message)
        return await self.writes.run(lambda: self.ingest(command, CONNECTOR))

    def message(self, number: int, **content: Any) -> ingest_pb2.IngestRequest:
        return ingest_pb2.IngestRequest(
            sync_id=self.sync_id,
            connection_id=self.connection_id,
            entra_tenant_id=self.tenant,
            page_number=number,
            checkpoint=f"{self.sync_id} {number} {self.run}",
            round=self.round,
            run=self.run,
            **content,
        )

    async def step(self, step: object) -> None:
        before = await self.database.read(self._rows)
        completing = False
        match step:
            case Content():
                await self._page(step)
            case Complete():
                completing = await self._complete(step)
            case "new round":
                self.round += 1
            case "new sync":
                self.sync_id, self.run, self.last = ids.new_id("syn"), 1, 0
                self.kept, self.seen, self.completed = [], 0, False
            case "new run":
                self.run += 1
            case "again" if self.kept and self.kept[-1].run == self.run:
                assert (await self.send(self.kept[-1])).sync.last_page_number == self.last
            case "again" if self.kept:
                await self._refused(self.message(self.last), "SYNC_PAGE_OUT_OF_ORDER")
            case "late" if self.kept and self.kept[-1].run > 1:
                late = self.message(self.last + 1)
                late.run = self.kept[-1].run - 1
                await self._refused(late, "SYNC_SUPERSEDED")
            case "skip":
                await self._refused(self.message(self.last + 2), "SYNC_PAGE_OUT_OF_ORDER")
            case "back" if self.last and self.round > 1 and not self.completed:
                message = self.message(self.last + 1)
                message.round = self.kept[-1].round - 1
                if message.round:
                    await self._refused(message, "FIELD_INVALID")
            case ("manage", str(name)) if (name,) in self.model.rows["app"]:
                await self._manage(name)
            case _:
                return
        assert completing or _names(before) == _names(await self.database.read(self._rows))
        await self.compare()

    async def _refused(self, message: ingest_pb2.IngestRequest, reason: str) -> None:
        if message.WhichOneof("content") is None:
            message.page.SetInParent()
        with pytest.raises(LatchkeyError) as caught:
            await self.send(message)
        assert caught.value.reason == reason

    async def _page(self, content: Content) -> None:
        digest = f"digest {self.round} {self.last}"
        message = self.message(self.last + 1, page=_page_of(content, digest))
        if self.completed:
            await self._refused(message, "SYNC_PAGE_OUT_OF_ORDER")
            return
        taken = await self.send(message)
        self.model.page(content, self.round, digest)
        page = message.page
        self.seen += len(page.users) + len(page.groups) + len(page.memberships)
        self.seen += len(page.service_principals) + len(page.app_role_assignments)
        self._committed(message, taken)

    async def _complete(self, step: Complete) -> bool:
        sweeps = {kind: max(1, self.round - back) for kind, back in step.sweeps.items()}
        complete = ingest_pb2.SyncComplete(
            sweeps=[
                ingest_pb2.Sweep(kind=_kind(kind), round=swept) for kind, swept in sweeps.items()
            ],
            removals_confirmed=step.confirmed,
        )
        message = self.message(self.last + 1, complete=complete)
        if self.completed:
            await self._refused(message, "SYNC_PAGE_OUT_OF_ORDER")
            return False
        self.told.clear()
        held = [] if step.confirmed else self.model.held(sweeps)
        taken = await self.send(message)
        assert [(h.kind, h.removed_count, h.total_count) for h in taken.held] == [
            (_kind_name(kind), removed, total) for kind, removed, total in held
        ]
        if held:
            assert (taken.sync.last_page_number, taken.sync.completed) == (self.last, False)
            assert self.told == []
            return False
        gone_apps = {name for (name,) in self.model.gone(sweeps)["app"]}
        assert taken.sync.removed_count == self.model.complete(sweeps)
        assert sorted(self.told) == sorted(ids.app_id(self.tenant, guid(n)) for n in gone_apps)
        self.completed = True
        self._committed(message, taken)
        return True

    def _committed(self, message: ingest_pb2.IngestRequest, taken: Taken) -> None:
        self.kept.append(message)
        self.last += 1
        sync = taken.sync
        assert (sync.last_page_number, sync.seen_count) == (self.last, self.seen)

    async def _manage(self, name: str) -> None:
        """As far as a sync is concerned."""
        app_id = ids.app_id(self.tenant, guid(name))
        statement = update(t.apps).where(t.apps.c.app_id == app_id).values(manage_time=NOW)
        await self.database.write(lambda connection: connection.execute(statement))
        self.model.managed.add(name)

    def _rows(self, connection: Connection) -> dict[str, Rows]:
        """Everything that is served."""
        return {
            kind: {
                self._key(row, names): (row["round"], row["doomed"], row.get("display_name", ""))
                for row in connection.execute(self._of(table)).mappings()
                if not row.get("removed")
            }
            for kind, (table, _, names) in _TABLES.items()
        }

    def _waiting(self, connection: Connection) -> dict[str, Waiting]:
        """Everything that waits for the end of a sync."""
        return {
            kind: {
                self._key(row, names): (row["round"], row.get("display_name", ""))
                for row in connection.execute(self._of(table)).mappings()
            }
            for kind, (_, table, names) in _TABLES.items()
        }

    def _of(self, table: Table) -> Select[Any]:
        return select(table).where(table.c.connection_id == self.connection_id)

    @staticmethod
    def _key(row: Mapping[Any, Any], names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(row[name] for name in names)

    async def compare(self) -> None:
        """The mirror is as the model, and so are the sync and the apps in scope."""
        model = self.model
        expected = {
            kind: {self._ids(kind, key): state for key, state in rows.items()}
            for kind, rows in model.rows.items()
        }
        assert await self.database.read(self._rows) == expected
        assert await self.database.read(self._waiting) == {
            kind: {self._ids(kind, key): row for key, row in rows.items()}
            for kind, rows in model.waiting.items()
        }
        scope = await self.syncs.apps_in_scope(self.connection_id, PageRequest(100, "", ()))
        found = {app.entra_service_principal_id: app.assignments_digest for app in scope.items}
        assert found == {
            guid(name): model.digests[name]
            for (name,) in {*model.rows["app"], *model.waiting["app"]}
            if (name,) not in model.rows["app"] or not model.rows["app"][(name,)][1]
        }
        newest = await self.syncs.newest(self.connection_id)
        if self.kept:
            assert newest is not None
            kept = self.kept[-1]
            assert (newest.sync_id, newest.checkpoint) == (kept.sync_id, kept.checkpoint)
            assert (newest.round, newest.run) == (kept.round, kept.run)
            assert newest.completed == self.completed

    def _ids(self, kind: str, key: tuple[str, ...]) -> tuple[str, ...]:
        def one(name: str) -> str:
            of = ids.app_id if name in APPS else ids.group_id if name in GROUPS else ids.user_id
            return of(self.tenant, guid(name))

        return tuple(map(one, key))


def _kind(kind: str) -> ingest_pb2.DirectoryKind.ValueType:
    return ingest_pb2.DirectoryKind.Value(f"DIRECTORY_KIND_{_kind_name(kind)}")


def _kind_name(kind: str) -> str:
    return "APP_ROLE_ASSIGNMENT" if kind == "assignment" else kind.upper()


def _members(pairs: frozenset[tuple[str, str]]) -> list[ingest_pb2.DirectoryMembership]:
    return [
        ingest_pb2.DirectoryMembership(entra_group_id=guid(group), entra_user_id=guid(user))
        for group, user in pairs
    ]


def _page_of(content: Content, digest: str) -> ingest_pb2.DirectoryPage:
    return ingest_pb2.DirectoryPage(
        users=[
            ingest_pb2.DirectoryUser(
                entra_object_id=guid(name), display_name=f"{name} {digest}", account_enabled=True
            )
            for name in content.users
        ],
        groups=[
            ingest_pb2.DirectoryGroup(entra_object_id=guid(name), display_name=f"{name} {digest}")
            for name in content.groups
        ],
        memberships=_members(content.memberships),
        service_principals=[
            ingest_pb2.DirectoryServicePrincipal(
                entra_object_id=guid(name),
                entra_app_id=guid(f"client of {name}"),
                display_name=f"{name} {digest}",
            )
            for name in content.apps
        ],
        app_role_assignments=[
            ingest_pb2.DirectoryAppRoleAssignment(
                entra_service_principal_id=guid(app),
                entra_app_role_id=guid("role"),
                entra_principal_id=guid(who),
                principal_kind=ingest_pb2.PRINCIPAL_KIND_GROUP
                if who in GROUPS
                else ingest_pb2.PRINCIPAL_KIND_USER,
            )
            for app, who in content.assignments
        ],
        removed_entra_user_ids=map(guid, content.no_users),
        removed_entra_group_ids=map(guid, content.no_groups),
        removed_memberships=_members(content.no_memberships),
        removed_entra_service_principal_ids=map(guid, content.no_apps),
        app_role_assignments_read=[
            ingest_pb2.AppRoleAssignmentsRead(entra_service_principal_id=guid(name), digest=digest)
            for name in content.read
        ],
    )


async def play(url: str, steps: Iterable[object]) -> None:
    told: list[str] = []

    def encode(fact: Fact) -> EncodedFact:
        if isinstance(fact.body, facts.AppRemoved):
            told.append(fact.body.app_id)
        message = fact_to_message(fact)
        return EncodedFact(message.DESCRIPTOR.full_name, message.SerializeToString())

    database = Database.open(url)
    try:
        async with Committer(database, t.ledger, FakeClock(NOW), encode) as committer:
            one = Play(database, Writes(database, t.ledger, committer), told)
            for step in steps:
                await one.step(step)
    finally:
        await database.close()
