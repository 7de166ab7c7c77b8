"""The catalog service: its parts, and what each of them is given."""

import structlog

from libs.process.run import Life
from libs.process.service import Service, start
from libs.process.settings import load
from libs.rpc.server import Servicer
from services.catalog import clients
from services.catalog.expressions import CelExpressions
from services.catalog.handlers.follow_requests import FollowRequests
from services.catalog.handlers.note_unmanaged import NoteUnmanaged
from services.catalog.loops.follow import EVERY_SECONDS as FOLLOW_SECONDS
from services.catalog.loops.follow import FollowLoop
from services.catalog.loops.unmanaged import EVERY_SECONDS as UNMANAGED_SECONDS
from services.catalog.loops.unmanaged import UnmanagedLoop
from services.catalog.servicers import ACCESS, Stores, servicers
from services.catalog.settings import Settings
from services.catalog.store import MIGRATIONS
from services.catalog.store.access_profiles import StoredAccessProfiles
from services.catalog.store.app_catalog import StoredAppCatalog
from services.catalog.store.approver_sources import StoredApproverSources
from services.catalog.store.apps import StoredApps
from services.catalog.store.directory import StoredDirectory
from services.catalog.store.entitlements import StoredEntitlements
from services.catalog.store.feed import StoredFeed
from services.catalog.store.grants import StoredGrants
from services.catalog.store.links import StoredLinks
from services.catalog.store.offers import StoredOffers
from services.catalog.store.policy_uses import StoredPolicyUses
from services.catalog.store.rules import StoredRules
from services.catalog.store.syncs import StoredSyncs
from services.catalog.store.tables import ledger
from services.catalog.store.unmanaged import StoredUnmanagedAccess
from services.catalog.store.uses import StoredUses
from services.catalog.translate.events import fact_to_message

_log = structlog.get_logger(__name__)


async def prepare(life: Life, settings: Settings) -> tuple[Service, list[Servicer]]:
    """Everything but listening."""
    service = await Service.begin(
        life,
        settings,
        name="catalog",
        migrations=MIGRATIONS,
        ledger=ledger,
        fact_to_message=fact_to_message,
    )
    database, expressions = service.database, CelExpressions()
    feed = StoredFeed(database)
    stores = Stores(
        apps=StoredApps(database),
        entitlements=StoredEntitlements(database),
        links=StoredLinks(database),
        rules=StoredRules(database),
        access_profiles=StoredAccessProfiles(database, expressions),
        directory=StoredDirectory(database),
        syncs=StoredSyncs(database),
        app_catalog=StoredAppCatalog(database, expressions, settings.deployment),
        offers=StoredOffers(database, expressions),
        uses=StoredUses(database),
        expressions=expressions,
        grants=StoredGrants(database),
        policy_uses=StoredPolicyUses(database),
        approver_sources=StoredApproverSources(database),
        feed=feed,
        following=await _follow(service, settings, feed),
    )
    return service, servicers(service.writes, service.clock, stores, settings.deployment)


async def _follow(service: Service, settings: Settings, feed: StoredFeed) -> FollowLoop:
    """Begins to follow the requests service, which need not be there yet."""
    if settings.requests_address is None:
        _log.warning("follows_nobody", missing="LATCHKEY_REQUESTS_ADDRESS")
        return FollowLoop(service.writes, FollowRequests(feed, clients.NoRequests(), service.clock))
    peer = await service.peer("requests", settings.requests_address)
    follow = FollowRequests(feed, clients.Requests(peer), service.clock)
    following = FollowLoop(service.writes, follow)
    service.life.loop("follow", following, every=FOLLOW_SECONDS)
    note = NoteUnmanaged(StoredUnmanagedAccess(service.database), service.clock)
    unmanaged = UnmanagedLoop(service.writes, service.clock, note, lambda: following.knows_all)
    service.life.loop("unmanaged", unmanaged, every=UNMANAGED_SECONDS)
    return following


async def main(life: Life) -> None:
    """From settings to serving."""
    service, answered = await prepare(life, load(Settings))
    await service.serve(answered, ACCESS)


def run() -> None:
    """The whole process, from its words to its end."""
    start(main, Settings, MIGRATIONS)
