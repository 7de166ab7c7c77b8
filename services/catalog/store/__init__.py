"""The catalog's database: tables, repositories, migrations."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.catalog.store.tables import ledger, metadata

MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)
