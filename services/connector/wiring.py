"""The connector service: its parts, and what each of them is given."""

from libs.db.locks import Locks
from libs.process.run import Life
from libs.process.service import Service, start
from libs.process.settings import load
from libs.rpc.server import Server
from services.connector.clients import CatalogClient, RequestsClient
from services.connector.entra.clouds import clouds
from services.connector.entra.secrets import SecretsFolder
from services.connector.entra.tenants import Tenants
from services.connector.handlers.create_connection import CreateConnection
from services.connector.handlers.deliver_lease import DeliverLease
from services.connector.handlers.end_lease import EndLease
from services.connector.handlers.get_connection import ReadConnections
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.handlers.get_sync import ReadSyncs
from services.connector.handlers.lost_access import SeeToLostAccess
from services.connector.handlers.mend_delivery import MendDelivery
from services.connector.handlers.move_sync import MoveSync
from services.connector.handlers.reconcile import Reconcile
from services.connector.handlers.reconciliations import SeeToReconciliations
from services.connector.handlers.retry_operation import RetryOperation
from services.connector.handlers.run_operations import RunOperations
from services.connector.handlers.start_sync import StartSync
from services.connector.handlers.update_connection import UpdateConnection
from services.connector.loops.leases import EVERY_SECONDS as LOOK_SECONDS
from services.connector.loops.leases import LeaseLook
from services.connector.loops.pauses import Pauses
from services.connector.loops.provisioning import ProvisioningScheduler
from services.connector.loops.provisioning.parts import Parts
from services.connector.loops.reconciling import EVERY_SECONDS as RECONCILE_SECONDS
from services.connector.loops.reconciling import Reconciler
from services.connector.loops.schedules import EVERY_SECONDS as SCHEDULE_SECONDS
from services.connector.loops.schedules import Schedules
from services.connector.loops.serving import Serving
from services.connector.loops.syncs import SyncRunner
from services.connector.servicers import servicers
from services.connector.servicers.access import ACCESS
from services.connector.servicers.connections import ConnectionServicer
from services.connector.servicers.provisioning import ProvisioningServicer
from services.connector.servicers.reconciliations import ReconciliationServicer
from services.connector.servicers.syncs import SyncServicer
from services.connector.settings import Settings
from services.connector.store import MIGRATIONS
from services.connector.store.connections import ConnectionStore
from services.connector.store.provisioning import ProvisioningStore
from services.connector.store.reconciliations import ReconciliationStore
from services.connector.store.syncs import SyncStore
from services.connector.store.tables import ledger
from services.connector.store.throttles import ThrottleStore
from services.connector.subscriber import follows
from services.connector.translate.facts import fact_to_message

_MEND_SECONDS = 30.0


async def begin(life: Life, settings: Settings) -> tuple[Service, Server]:
    """Starts everything, and begins to answer calls.

    Raises:
        SchemaMismatch: the database is not in the form that this version needs.
    """
    service = await Service.begin(
        life,
        settings,
        name="connector",
        migrations=MIGRATIONS,
        ledger=ledger,
        fact_to_message=fact_to_message,
    )
    connections = ConnectionStore(service.database)
    syncs = SyncStore(service.database)
    provisioning = ProvisioningStore(service.database)
    reconciliations = ReconciliationStore(service.database)

    requests = RequestsClient(await service.peer("requests", settings.requests_address))
    catalog = CatalogClient(await service.peer("catalog", settings.catalog_address))

    secrets = SecretsFolder(settings.secrets_dir)
    known_clouds = clouds(
        simulator_url=settings.simulator_url, simulator_ca_file=settings.simulator_ca_file
    )
    entra = await life.parts.enter_async_context(
        Tenants(
            known_clouds,
            secrets,
            writes_per_second=settings.writes_per_second,
            units_per_second=settings.units_per_second,
        )
    )

    throttles = ThrottleStore(service.database)
    pauses = Pauses(connections, entra, throttles, service.clock)
    await life.parts.enter_async_context(pauses)
    serving = Serving(connections, Locks.of(settings.database_url), pauses.obey)
    service.committer.on_commit(serving.committed)
    # Before what works on the tenants: it leaves them to others when all that has ended.
    await life.parts.enter_async_context(serving)

    move_sync = MoveSync(connections, syncs, service.clock)
    start_sync = StartSync(connections, syncs, service.clock)
    runner = SyncRunner(syncs, connections, entra, catalog, serving, move_sync, service.writes)
    service.committer.on_commit(runner.committed)
    await life.parts.enter_async_context(runner)
    schedules = Schedules(connections, syncs, serving, start_sync, service.writes, service.clock)
    life.loop("schedules", schedules, every=SCHEDULE_SECONDS)

    run_operations = RunOperations(provisioning, service.clock)
    parts = Parts(provisioning, connections, entra, run_operations, service.writes, service.clock)
    mend_delivery = MendDelivery(provisioning, service.clock)
    scheduler = ProvisioningScheduler(parts, serving, mend_delivery)
    service.committer.on_commit(scheduler.committed)
    await life.parts.enter_async_context(scheduler)
    life.loop("mend", scheduler.mend, every=_MEND_SECONDS)

    deliver = DeliverLease(requests, catalog, connections, syncs, provisioning, service.clock)
    end = EndLease(requests, catalog, connections, provisioning, service.clock)
    await service.follow(*follows(service.writes, scheduler.room, deliver, end))
    look = LeaseLook(requests, deliver, end, service.writes, service.broker)
    life.loop("look", look, every=LOOK_SECONDS)

    reconcile = Reconcile(catalog, connections, provisioning, reconciliations, service.clock)
    lost = SeeToLostAccess(provisioning, service.clock)
    reconciler = Reconciler(
        syncs,
        provisioning,
        reconciliations,
        serving,
        reconcile,
        lost,
        service.writes,
        service.clock,
    )
    life.loop("reconcile", reconciler, every=RECONCILE_SECONDS)

    server = await service.listen(
        servicers(
            ConnectionServicer(
                service.writes,
                CreateConnection(connections, secrets, entra, service.clock),
                UpdateConnection(connections, secrets, syncs, service.clock),
                ReadConnections(connections, entra),
            ),
            SyncServicer(
                service.writes,
                service.notices,
                start_sync,
                move_sync,
                ReadSyncs(syncs),
            ),
            ProvisioningServicer(
                service.writes,
                ReadProvisioning(provisioning),
                RetryOperation(provisioning, service.clock),
            ),
            ReconciliationServicer(service.writes, SeeToReconciliations(reconciliations)),
        ),
        ACCESS,
    )
    return service, server


async def main(life: Life) -> None:
    """Runs the connector until the process is told to stop."""
    service, _ = await begin(life, load(Settings))
    await life.serve(lambda: service.committer.failure)


def run() -> None:
    """The whole process, from its words to its end."""
    start(main, Settings, MIGRATIONS)
