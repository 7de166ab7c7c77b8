"""What can be done to an app and its links, each step as the use cases do it."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import delete, insert

from libs.db.engine import Database
from libs.db.writes import Writes
from libs.domain import ids
from libs.domain.callers import Service
from libs.domain.errors import LatchkeyError
from libs.domain.paging import PageRequest
from services.catalog.domain.access_profile import EVERYONE_ID
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.linking import (
    CreateVirtualRole,
    Decision,
    ProvisionAccessFor,
    Skip,
)
from services.catalog.domain.owner import Owner
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.settings import Defaults
from services.catalog.domain.shown_app import AppDetails
from services.catalog.expressions import CelExpressions
from services.catalog.handlers import entitlement_rules as rules
from services.catalog.handlers import link_entitlements as linking
from services.catalog.handlers import manage_app as managing
from services.catalog.handlers import unlink_entitlements as unlinking
from services.catalog.handlers import unmanage_app as unmanaging
from services.catalog.handlers import update_app as updating
from services.catalog.handlers.ingest_page import IngestPage
from services.catalog.handlers.note_unmanaged import NoteUnmanaged
from services.catalog.handlers.uses_now import UsesNow
from services.catalog.store import use_tables
from services.catalog.store.access_profiles import StoredAccessProfiles
from services.catalog.store.apps import StoredApps
from services.catalog.store.directory import StoredDirectory
from services.catalog.store.entitlements import StoredEntitlements
from services.catalog.store.feed import StoredFeed
from services.catalog.store.links import StoredLinks
from services.catalog.store.rules import StoredRules
from services.catalog.store.syncs import StoredSyncs
from services.catalog.store.unmanaged import StoredUnmanagedAccess
from services.catalog.store.uses import StoredUses
from services.catalog.translate import ingest as translate
from tests.fakes.catalog import FakeCatalog
from tests.fakes.catalog_uses import FakeFollowing
from tests.fakes.clock import FakeClock
from tests.integration.catalog.links_model import GROUPS, Model
from tests.integration.catalog.tenant import Tenant, app_id, membership_id, numbered
from tests.unit.catalog.things import NOW, ROOT

APP = app_id("Tool")
NOBODYS = "ent_0000000000000000000000none"
Step = tuple[str, str, str]


@dataclass(frozen=True)
class Move:
    """A step that is about to be made: what it does, and what the model says to that.

    Both return what it is refused with.
    """

    make: Callable[[], Awaitable[str]]
    foretell: Callable[[Model], str]


class Steps:
    """The use cases of one app, which everybody in its groups holds, and the model of it."""

    def __init__(self, database: Database, writes: Writes) -> None:
        self.database, self.writes, self.model = database, writes, Model()
        self.rounds, self.requests = count(1), count(1)
        # Every id that an entitlement ever had.
        self.ids: dict[str, str] = {}
        clock = FakeClock(NOW)
        self.apps, self.links = StoredApps(database), StoredLinks(database)
        self.entitlements = StoredEntitlements(database)
        uses = UsesNow(StoredUses(database), StoredFeed(database), FakeFollowing(FakeCatalog()))
        self.ingest = IngestPage(StoredSyncs(database), clock)
        self.manage = managing.ManageApp(self.apps, uses, clock)
        self.unmanage = unmanaging.UnmanageApp(self.apps, self.entitlements, uses, clock)
        self.link = linking.LinkEntitlements(self.links, clock)
        self.unlink = unlinking.UnlinkEntitlements(self.links, self.entitlements, uses)
        directory = StoredDirectory(database)
        self.update = updating.UpdateApp(self.apps, self.entitlements, directory, clock)
        self.apply = rules.ApplyEntitlementRules(
            StoredRules(database),
            StoredAccessProfiles(database, CelExpressions()),
            Defaults("pol_default", None),
        )
        later = FakeClock(NOW + timedelta(hours=1))
        self.note = NoteUnmanaged(StoredUnmanagedAccess(database), later)

    async def sync(self, model: Model) -> None:
        """A whole sync of the tenant as this model has it."""
        tenant = Tenant(
            users={"Ben": ""},
            groups={group: ("Ben",) for group in GROUPS if group in model.there},
            apps={"Tool": ()} if model.present else {},
            assigned=tuple(("Tool", group) for group in GROUPS if model.is_assigned(group)),
            called=dict(model.names),
        )
        for message in numbered(tenant.pages(), ids.new_id("syn"), seen_in=next(self.rounds)):
            command = translate.ingest_page_command(message)
            await self.writes.run(partial(self.ingest, command, Service("connector")))

    async def move(self, step: Step) -> Move:
        """A step, of what there is before it."""
        kind, what, how = step
        named = await self.named()
        match kind:
            case "sync":
                return self._sync(what, how)
            case "manage":
                command = managing.Command(APP, "")
                return self._run(lambda: self.manage(command, ROOT), Model.manage)
            case "unmanage":
                end = how == "end"
                command_ = unmanaging.Command(APP, "why", end, "")
                return self._run(
                    lambda: self.unmanage(command_, ROOT), lambda model: model.unmanage(end=end)
                )
            case "describe":
                return await self._describe(f"Role {what}", named)
            case "ask" | "over":
                return self._use(kind, f"Role {what}", how, named)
            case "unlink":
                return self._unlink(what, how, named)
        return self._link(kind, what, how, named)

    def _run(self, use_case: Callable[[], Any], foretell: Callable[[Model], str]) -> Move:
        return Move(lambda: reason(self.writes.run(use_case)), foretell)

    def _sync(self, what: str, how: str) -> Move:
        def foretell(model: Model) -> str:
            model.change(what, how)
            return ""

        found = deepcopy(self.model)
        foretell(found)
        return Move(lambda: reason(self.sync(found)), foretell)

    async def _describe(self, owner: str, named: dict[str, str]) -> Move:
        owner = owner if owner in named else "Access"
        types = await self.entitlements.resource_types(APP)
        wanted = EntitlementRules(
            APP, True, tuple(each.resource_type_id for each in types), (EVERYONE_ID,)
        )
        details = AppDetails(owners=(Owner(named.get(owner, NOBODYS)),))

        async def make() -> str:
            applied = await reason(
                self.writes.run(lambda: self.apply(rules.Command(wanted, ""), ROOT))
            )
            command = updating.Command(APP, details, ("owners",), "")
            updated = await reason(self.writes.run(lambda: self.update(command, ROOT)))
            assert applied == updated
            await self.writes.run(self.note)
            return updated

        return Move(make, lambda model: model.describe(owner))

    def _use(self, kind: str, name: str, how: str, named: dict[str, str]) -> Move:
        entitlement_id = named.get(name) or named.get("Access", "")
        request = f"arq_{next(self.requests):026}"
        newest = max(self.model.used, default="")
        row = {"entitlement_id": entitlement_id, "app_id": APP, "user_id": "usr_1"}
        row |= {"state": "OPEN", "lease_id": ""}
        if how:
            row |= {"state": "ACTIVE", "lease_id": request.replace("arq", "lea")}
        asks = kind == "ask" and entitlement_id

        async def make() -> str:
            statement = (
                insert(use_tables.uses).values(access_request_id=request, **row)
                if asks
                else delete(use_tables.uses).where(use_tables.uses.c.access_request_id == newest)
            )
            await self.database.write(lambda connection: connection.execute(statement))
            return ""

        def foretell(model: Model) -> str:
            if asks:
                model.used[request] = entitlement_id
            else:
                model.used.pop(newest, None)
            return ""

        return Move(make, foretell)

    def _unlink(self, what: str, how: str, named: dict[str, str]) -> Move:
        """This group or, with `all`, every one that a choice was made for."""
        chosen = sorted(self.model.choices) if "all" in how else []
        groups, end = chosen or [what], "end" in how
        command = unlinking.Command(APP, tuple(map(membership_id, groups)), "why", end)
        return self._run(
            lambda: self.unlink(command, ROOT),
            lambda model: model.unlink(groups, self.ids | named, end=end),
        )

    def _link(self, kind: str, group: str, what: str, named: dict[str, str]) -> Move:
        choice: CreateVirtualRole | ProvisionAccessFor | Skip = Skip()
        bound = ""
        if kind == "VIRTUAL_ROLE":
            bound = f"Role {group}"
            choice = CreateVirtualRole(bound)
        elif kind == "PROVISION_ACCESS":
            bound = next((each for each in (f"Role {what}", "Access") if each in named), "")
            choice = ProvisionAccessFor(named.get(bound, NOBODYS))
        command = linking.Command(APP, (Decision(membership_id(group), choice),))

        async def make() -> str:
            previewed = await reason(self.link.preview(command))
            linked = await reason(self.writes.run(lambda: self.link(command, ROOT)))
            self.previewed = previewed
            return linked

        return Move(make, lambda model: model.link(group, kind, bound))

    async def named(self) -> dict[str, str]:
        """The ids of what is offered, by name."""
        return {name: each for name, each, _ in await self.offered()}

    async def offered(self) -> list[tuple[str, str, list[str]]]:
        """What choices are about; the roles that the app declares are its own."""
        found = await self.entitlements.page(APP, "", PageRequest(50, "", ("e",)))
        return [
            (
                each.display_name,
                each.entitlement_id,
                [target.directory_entitlement_id for target in each.fulfilment],
            )
            for each in (shown.entitlement for shown in found.items)
            if each.resource_kind is not ResourceKind.APP_ROLE
        ]


async def reason(call: Awaitable[Any]) -> str:
    """What the call is refused with."""
    try:
        await call
    except LatchkeyError as error:
        return error.reason
    return ""
