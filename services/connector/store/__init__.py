"""What the connector keeps, in PostgreSQL or SQLite."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.connector.store.connections import ConnectionStore
from services.connector.store.provisioning import ProvisioningStore
from services.connector.store.reconciliations import ReconciliationStore
from services.connector.store.syncs import SyncStore
from services.connector.store.tables import ledger, metadata
from services.connector.store.throttles import ThrottleStore

MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)

__all__ = [
    "MIGRATIONS",
    "ConnectionStore",
    "ProvisioningStore",
    "ReconciliationStore",
    "SyncStore",
    "ThrottleStore",
    "ledger",
]
