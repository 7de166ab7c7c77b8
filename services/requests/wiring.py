"""The requests service: its parts, and what each of them is given."""

from libs.process.run import Life
from libs.process.service import Service, start
from libs.process.settings import load
from libs.rpc.server import Server
from services.requests import clients
from services.requests.handlers.advance import Advancer
from services.requests.handlers.campaign_reviewers import ReviewersAgain
from services.requests.handlers.cancel_access_request import Canceller, Withdrawer
from services.requests.handlers.close_campaign import CampaignCloser, CampaignCompleter
from services.requests.handlers.comment_on_access_request import Commenter
from services.requests.handlers.complete_task import Completer
from services.requests.handlers.create_access_request import Creator
from services.requests.handlers.create_delegation import DelegationCreator
from services.requests.handlers.decide_access_request import Decider
from services.requests.handlers.delete_delegation import DelegationDeleter, DelegationEnder
from services.requests.handlers.end_lease import Ender, Expirer, Revoker
from services.requests.handlers.extend_lease import Extender
from services.requests.handlers.get_lease import LeaseReader
from services.requests.handlers.list_access_requests import AccessRequestLister
from services.requests.handlers.list_delegations import DelegationLister
from services.requests.handlers.list_leases import LeaseLister
from services.requests.handlers.look_takeover import TakeoverLooker
from services.requests.handlers.open_task import TaskOpener
from services.requests.handlers.overdue import Overdue
from services.requests.handlers.preview_access_request import Previewer
from services.requests.handlers.reassign_access_request import Reassigner
from services.requests.handlers.reassign_task import AssigneesAgain
from services.requests.handlers.replay_policy import Replayer
from services.requests.handlers.restart_access_request import Restarter
from services.requests.handlers.retry_access_request import Retrier
from services.requests.handlers.review_campaign_item import ItemReviewer
from services.requests.handlers.review_emergency_access import Reviewer
from services.requests.handlers.revoke_campaign_item import ItemRevoker
from services.requests.handlers.rule_on import Ruler
from services.requests.handlers.rule_takeover import TakeoverRuler
from services.requests.handlers.seat import Seats
from services.requests.handlers.settle_lease import Settler
from services.requests.handlers.show_campaigns import CampaignShower
from services.requests.handlers.show_tasks import TaskShower
from services.requests.handlers.start_campaign import CampaignStarter
from services.requests.handlers.start_takeover import TakeoverStarter
from services.requests.handlers.take_over import HolderTaker
from services.requests.handlers.watch_over_leases import Alarm, Reminder
from services.requests.handlers.wish import Wishes
from services.requests.loops.ask_again import EVERY_SECONDS as ASK_AGAIN_SECONDS
from services.requests.loops.ask_again import AskAgainLoop
from services.requests.loops.campaigns import EVERY_SECONDS as CAMPAIGN_SECONDS
from services.requests.loops.campaigns import CampaignLoop
from services.requests.loops.decide import EVERY_SECONDS as DECIDE_SECONDS
from services.requests.loops.decide import DecideLoop
from services.requests.loops.expire import EVERY_SECONDS as EXPIRE_SECONDS
from services.requests.loops.expire import ExpireLoop
from services.requests.loops.gone import EVERY_SECONDS as GONE_SECONDS
from services.requests.loops.gone import GoneLoop
from services.requests.loops.overdue import EVERY_SECONDS as OVERDUE_SECONDS
from services.requests.loops.overdue import OverdueLoop
from services.requests.loops.sweep import SweepLoop
from services.requests.loops.takeovers import EVERY_SECONDS as TAKEOVER_SECONDS
from services.requests.loops.takeovers import LOOK_SECONDS as OUTSIDE_SECONDS
from services.requests.loops.takeovers import OutsideLoop, TakeoverLoop
from services.requests.loops.watch import EVERY_SECONDS as WATCH_SECONDS
from services.requests.loops.watch import WatchLoop
from services.requests.servicers import (
    ACCESS,
    AccessRequestServicer,
    CampaignServicer,
    DelegationServicer,
    LeaseServicer,
    ReplayServicer,
    TakeoverServicer,
    TaskServicer,
    servicers,
)
from services.requests.settings import Settings
from services.requests.store import MIGRATIONS
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.campaigns import CampaignStore
from services.requests.store.delegations import DelegationStore
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import ledger
from services.requests.store.takeovers import TakeoverStore
from services.requests.subscriber import Subscriber
from services.requests.translate.facts import fact_to_message

_SWEEP_SECONDS = 1.0


async def begin(life: Life, settings: Settings) -> tuple[Service, Server]:
    """Starts everything; it ends with `life`."""
    service = await Service.begin(
        life,
        settings,
        name="requests",
        migrations=MIGRATIONS,
        ledger=ledger,
        fact_to_message=fact_to_message,
    )
    clock, writes = service.clock, service.writes

    catalog = clients.Catalog(await service.peer("catalog", settings.catalog_address))
    policy = clients.Policy(await service.peer("policy", settings.policy_address))
    connector = clients.Connector(await service.peer("connector", settings.connector_address))

    access_requests = AccessRequestStore(service.database)
    leases = LeaseStore(service.database)
    delegations = DelegationStore(service.database)
    campaigns = CampaignStore(service.database)
    tasks = leases.tasks
    opener = TaskOpener(access_requests, leases, catalog)
    settler = Settler(access_requests, leases, connector, opener, clock)
    advancer = Advancer(catalog, policy, leases)
    decider = Decider(access_requests, leases, advancer, clock)
    seats = Seats(access_requests, leases, delegations, advancer, clock)
    wishes = Wishes(access_requests, catalog)
    creator = Creator(access_requests, leases, wishes, advancer, clock)

    ender = Ender(access_requests, leases, clock)
    withdrawer = Withdrawer(access_requests, clock)
    gone = GoneLoop(
        writes,
        access_requests,
        leases,
        delegations,
        catalog,
        ender,
        withdrawer,
        DelegationEnder(delegations, clock),
        decider,
        clock,
    )
    takeovers = TakeoverStore(service.database)
    starter = TakeoverStarter(takeovers, catalog, clock)
    subscriber = Subscriber(writes, settler, starter, gone.of_person, gone.of_app)
    await service.follow(*subscriber.follows())
    looker = TakeoverLooker(takeovers, catalog, clock)
    taker = HolderTaker(takeovers, access_requests, leases, catalog, creator, clock)
    taking = TakeoverLoop(writes, takeovers, looker, taker)
    life.loop("takeovers", taking, every=TAKEOVER_SECONDS)
    life.loop("outside", OutsideLoop(writes, catalog, starter), every=OUTSIDE_SECONDS)
    life.loop("gone", gone, every=GONE_SECONDS)
    expirer = Expirer(access_requests, leases, clock)
    life.loop("expire", ExpireLoop(writes, leases, expirer, clock), every=EXPIRE_SECONDS)
    life.loop("decide", DecideLoop(writes, access_requests, decider), every=DECIDE_SECONDS)
    ask_again = AskAgainLoop(writes, access_requests.pending, decider)
    life.loop("ask_again", ask_again, every=ASK_AGAIN_SECONDS)
    overdue = Overdue(access_requests, leases, advancer, clock)
    life.loop(
        "overdue", OverdueLoop(writes, access_requests, overdue, clock), every=OVERDUE_SECONDS
    )
    repeat = settings.repeat_seconds
    watch = WatchLoop(writes, leases, Reminder(leases, clock), Alarm(leases, clock), clock)
    life.loop("watch", watch, every=WATCH_SECONDS)
    revoker = ItemRevoker(campaigns, access_requests, leases, ender, clock)
    completer = CampaignCompleter(campaigns, revoker, clock)
    reviews = CampaignLoop(writes, campaigns, completer, clock)
    life.loop("campaigns", reviews, every=CAMPAIGN_SECONDS)
    again = ReviewersAgain(campaigns, catalog, clock)
    ask_reviewers = AskAgainLoop(writes, campaigns.waiting, again)
    life.loop("ask_reviewers", ask_reviewers, every=ASK_AGAIN_SECONDS)
    ask_assignees = AskAgainLoop(writes, tasks.waiting, AssigneesAgain(tasks, catalog))
    life.loop("ask_assignees", ask_assignees, every=ASK_AGAIN_SECONDS)
    shower = CampaignShower(campaigns)
    sweep = SweepLoop(writes, leases, settler, clock, repeat_seconds=repeat)
    life.loop("sweep", sweep, every=min(_SWEEP_SECONDS, repeat / 2))

    server = await service.listen(
        servicers(
            AccessRequestServicer(
                writes=writes,
                notices=service.notices,
                seats=seats,
                create=creator,
                preview=Previewer(wishes, catalog, policy, clock),
                list=AccessRequestLister(access_requests, delegations, clock),
                cancel=Canceller(access_requests, seats, clock),
                retry=Retrier(access_requests, leases, seats, clock),
                rule=Ruler(access_requests, leases, seats, advancer, clock),
                reassign=Reassigner(access_requests, leases, seats, advancer, clock),
                comment=Commenter(access_requests, seats, clock),
                restart=Restarter(access_requests, leases, seats, advancer, clock),
                review=Reviewer(access_requests, seats, catalog, clock),
            ),
            LeaseServicer(
                writes=writes,
                get=LeaseReader(leases, catalog),
                list=LeaseLister(leases, catalog),
                revoke=Revoker(access_requests, leases, catalog, clock),
                extend=Extender(leases, creator, clock),
            ),
            DelegationServicer(
                writes=writes,
                create=DelegationCreator(delegations, catalog, clock),
                list=DelegationLister(delegations, clock),
                delete=DelegationDeleter(delegations, clock),
            ),
            ReplayServicer(Replayer(access_requests, policy, clock)),
            CampaignServicer(
                writes=writes,
                start=CampaignStarter(campaigns, leases, catalog, clock),
                show=shower,
                review=ItemReviewer(campaigns, catalog, revoker, clock),
                close=CampaignCloser(campaigns, shower, clock),
            ),
            TaskServicer(
                writes=writes,
                show=TaskShower(tasks),
                complete=Completer(access_requests, leases, catalog, clock),
            ),
            TakeoverServicer(writes=writes, start=starter, rule=TakeoverRuler(takeovers, clock)),
        ),
        ACCESS,
    )
    return service, server


async def main(life: Life) -> None:
    """Serves until told to stop."""
    service, _ = await begin(life, load(Settings))
    await life.serve(lambda: service.committer.failure)


def run() -> None:
    """The whole process, from its words to its end."""
    start(main, Settings, MIGRATIONS)
