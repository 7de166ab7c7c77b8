"""The catalog's database: tables, repositories, migrations."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.catalog.store import staged_tables
from services.catalog.store.tables import ledger

MIGRATIONS = Migrations(
    Path(__file__).parent / "migrations", staged_tables.staged_apps.metadata, ledger
)
