"""Whatever is chosen, taken back and synced, the links are what a small model says."""

import asyncio
import shutil
from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.writes import Writes
from libs.domain import ids
from libs.domain.callers import Service
from libs.domain.changes import Fact
from libs.domain.errors import LatchkeyError
from libs.domain.paging import PageRequest
from services.catalog.domain.entitlement import Entitlement, ResourceKind
from services.catalog.domain.link import CreateVirtualRole, Decision, ProvisionAccessFor, Skip
from services.catalog.handlers.ingest_page import IngestPage
from services.catalog.handlers.link_entitlements import Command, LinkEntitlements
from services.catalog.handlers.manage_app import Command as ManageCommand
from services.catalog.handlers.manage_app import ManageApp
from services.catalog.handlers.unlink_entitlements import Command as UnlinkCommand
from services.catalog.handlers.unlink_entitlements import UnlinkEntitlements
from services.catalog.handlers.uses_now import UsesNow
from services.catalog.store import MIGRATIONS
from services.catalog.store import tables as t
from services.catalog.store.apps import StoredApps
from services.catalog.store.entitlements import StoredEntitlements
from services.catalog.store.feed import StoredFeed
from services.catalog.store.links import StoredLinks
from services.catalog.store.syncs import StoredSyncs
from services.catalog.store.uses import StoredUses
from services.catalog.translate import ingest as translate
from services.catalog.translate.events import fact_to_message
from tests.fakes.catalog import FakeCatalog, FakeFollowing
from tests.fakes.clock import FakeClock
from tests.integration.catalog.tenant import Tenant, app_id, membership_id, numbered, role_id
from tests.unit.catalog.things import NOW, ROOT

APP = app_id("Tool")
GROUPS = ("red", "green", "blue")
FINAL = ("VIRTUAL_ROLE", "PROVISION_ACCESS")
Step = tuple[str, str, str]


@dataclass
class Model:
    """The groups that are, those assigned, and what was chosen."""

    names: dict[str, str] = field(default_factory=lambda: {each: each for each in GROUPS})
    there: set[str] = field(default_factory=lambda: set(GROUPS))
    assigned: set[str] = field(default_factory=lambda: set(GROUPS))
    choices: dict[str, tuple[str, str]] = field(default_factory=dict)  # with what is bound
    chosen_as: dict[str, str] = field(default_factory=dict)
    fulfilled: dict[str, list[str]] = field(default_factory=lambda: {"Access": []})

    def is_listed(self, group: str) -> bool:
        return group in self.assigned or self.choice(group) in FINAL

    def choice(self, group: str) -> str:
        return self.choices.get(group, ("PENDING", ""))[0]

    def listed(self) -> list[tuple[bool, str, str, str, bool]]:
        return sorted(
            (
                group in self.choices,
                self.names[group] if group in self.there else self.chosen_as[group],
                membership_id(group),
                self.choice(group),
                group not in self.assigned,
            )
            for group in GROUPS
            if self.is_listed(group)
        )

    def change(self, group: str, how: str) -> None:
        match how:
            case "appear":
                self.there.add(group)
                self.assigned.add(group)
            case "vanish":
                self.there.discard(group)
                self.assigned.discard(group)
            case "unassign":
                self.assigned.discard(group)
            case _:
                self.names[group] = how

    def link(self, group: str, choice: str, bound: str) -> str:
        """What it is refused with."""
        if not self.is_listed(group):
            return "LINKED_ENTITLEMENT_NOT_FOUND"
        if self.choice(group) in FINAL:
            return "ALREADY_LINKED"
        if choice == "VIRTUAL_ROLE" and bound in self.fulfilled:
            return "ROLE_NAME_TAKEN"
        if bound:
            self.fulfilled.setdefault(bound, []).append(group)
        self.choices[group] = (choice, bound)
        self.chosen_as[group] = self.names[group]
        return ""

    def unlink(self, groups: list[str]) -> str:
        """What it is refused with."""
        for group in groups:
            if not self.is_listed(group):
                return "LINKED_ENTITLEMENT_NOT_FOUND"
            if group not in self.choices:
                return "NOT_LINKED"
        for group in groups:
            _, bound = self.choices.pop(group)
            if bound:
                self.fulfilled[bound].remove(group)
                if not self.fulfilled[bound] and bound != "Access":
                    del self.fulfilled[bound]
        return ""


class Play:
    """One app of one tenant in a database of its own."""

    def __init__(self, database: Database, writes: Writes) -> None:
        self.database, self.writes, self.model = database, writes, Model()
        self.entitlements, self.links = StoredEntitlements(database), StoredLinks(database)
        apps = StoredApps(database)
        uses = UsesNow(StoredUses(database), StoredFeed(database), FakeFollowing(FakeCatalog()))
        self.ingest = IngestPage(StoredSyncs(database), FakeClock(NOW))
        self.manage = ManageApp(apps, uses, FakeClock(NOW))
        self.link = LinkEntitlements(apps, self.links, FakeClock(NOW))
        self.unlink = UnlinkEntitlements(apps, self.links, self.entitlements, uses)
        self.rounds = count(1)

    async def sync(self) -> None:
        model = self.model
        tenant = Tenant(
            groups={group: () for group in GROUPS if group in model.there},
            apps={"Tool": ()},
            assigned=tuple(("Tool", group) for group in GROUPS if group in model.assigned),
            called=model.names,
        )
        for message in numbered(tenant.pages(), ids.new_id("syn"), seen_in=next(self.rounds)):
            command = translate.ingest_page_command(message)
            await self.writes.run(partial(self.ingest, command, Service("connector")))

    async def step(self, step: Step) -> None:
        kind, group, what = step
        if kind == "sync":
            self.model.change(group, what)
            await self.sync()
        elif kind == "unlink":
            groups = [group, *([what] if what not in ("", group) else [])]
            linked_ids = tuple(map(membership_id, groups))
            command = UnlinkCommand(APP, linked_ids, "why", end_access=False)
            expected = self.model.unlink(groups)
            assert await reason(self.writes.run(lambda: self.unlink(command, ROOT))) == expected
        else:
            await self._link(kind, group, what)
        await self.compare()

    async def _link(self, kind: str, group: str, what: str) -> None:
        choice: CreateVirtualRole | ProvisionAccessFor | Skip = Skip()
        bound = ""
        if kind == "VIRTUAL_ROLE":
            bound = f"Role {group}"
            choice = CreateVirtualRole(bound)
        elif kind == "PROVISION_ACCESS":
            bound = f"Role {what}" if f"Role {what}" in self.model.fulfilled else "Access"
            named = {name: each for each, name in (await self.names()).items()}
            choice = ProvisionAccessFor(named[bound])
        command = Command(APP, (Decision(membership_id(group), choice),))
        previewed = await reason(self.link.preview(command))
        expected = self.model.link(group, kind, bound)
        assert previewed == expected
        assert await reason(self.writes.run(lambda: self.link(command, ROOT))) == expected

    async def names(self) -> dict[str, str]:
        return {each.entitlement_id: each.display_name for each in await self.offered()}

    async def offered(self) -> list[Entitlement]:
        """What choices are about; the roles that the app declares are its own."""
        found = await self.entitlements.page(APP, "", PageRequest(50, "", ("e",)))
        return [
            each.entitlement
            for each in found.items
            if each.entitlement.resource_kind is not ResourceKind.APP_ROLE
        ]

    async def compare(self) -> None:
        model, page = self.model, PageRequest(50, "", ("l",))
        names = await self.names()
        listed = [
            (
                each.choice.value != "PENDING",
                each.group_display_name,
                each.directory_entitlement_id,
                each.choice.value,
                each.gone,
            )
            for each in (await self.links.page(APP, page)).items
        ]
        assert listed == model.listed()
        bound = {
            each.directory_entitlement_id: (names[each.entitlement_id], each.state.value)
            for each in (await self.links.bindings(APP, page)).items
        }
        assert bound == {
            membership_id(group): (entitlement, "ACTIVE" if group in model.there else "ENDED")
            for group, (_, entitlement) in model.choices.items()
            if entitlement
        }
        fulfilled = {
            each.display_name: [target.directory_entitlement_id for target in each.fulfilment]
            for each in await self.offered()
        }
        own = {"Access": [role_id("Tool")]}
        assert fulfilled == {
            name: [*own.get(name, []), *map(membership_id, groups)]
            for name, groups in model.fulfilled.items()
        }
        targets = await self.database.read(
            lambda connection: connection.execute(select(t.entitlement_targets)).all()
        )
        assert sorted(
            (names[row.entitlement_id], row.directory_entitlement_id) for row in targets
        ) == sorted((name, linked_id) for name, of_it in fulfilled.items() for linked_id in of_it)


async def reason(call: Awaitable[Any]) -> str:
    """What the call is refused with."""
    try:
        await call
    except LatchkeyError as error:
        return error.reason
    return ""


def encode(fact: Fact) -> EncodedFact:
    message = fact_to_message(fact)
    return EncodedFact(message.DESCRIPTOR.full_name, message.SerializeToString())


async def play(url: str, steps: list[Step]) -> None:
    database = Database.open(url)
    try:
        async with Committer(database, t.ledger, FakeClock(NOW), encode) as committer:
            one = Play(database, Writes(database, t.ledger, committer))
            await one.sync()
            await one.writes.run(lambda: one.manage(ManageCommand(APP, ""), ROOT))
            for step in steps:
                await one.step(step)
    finally:
        await database.close()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nothing in it, which each play copies."""
    file: Path = tmp_path_factory.mktemp("links") / "catalog.db"

    async def migrate() -> None:
        database = Database.open(f"sqlite:///{file}")
        await MIGRATIONS.apply(database)
        await database.close()

    asyncio.run(migrate())
    return file


CHANGES = ("appear", "vanish", "unassign", "another name", "a third one")
STEPS = st.one_of(
    st.tuples(st.just("sync"), st.sampled_from(GROUPS), st.sampled_from(CHANGES)),
    st.tuples(
        st.sampled_from(("VIRTUAL_ROLE", "PROVISION_ACCESS", "SKIPPED", "unlink")),
        st.sampled_from(GROUPS),
        st.sampled_from(GROUPS),
    ),
)


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(st.lists(STEPS, min_size=8, max_size=20))
def test_any_order(migrated: Path, steps: list[Step]) -> None:
    """Choices, taken back or not, while groups come, go, are renamed and unassigned."""
    file = migrated.with_name(f"{ids.new_id('play')}.db")
    shutil.copy(migrated, file)
    asyncio.run(play(f"sqlite:///{file}", steps))
