"""The database of this service. Who migrates it loads no more than its tables."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.requests.store import takeover_tables
from services.requests.store.tables import ledger

MIGRATIONS = Migrations(
    Path(__file__).parent / "migrations", takeover_tables.takeovers.metadata, ledger
)
