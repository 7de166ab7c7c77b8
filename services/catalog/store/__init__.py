"""The catalog's database: tables, repositories, migrations."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.catalog.store import entitlement_tables, rule_tables, staged_tables, use_tables
from services.catalog.store.tables import ledger, metadata

# Tables are of the metadata once their module is read: who makes or compares the schema needs all.
_TABLES = (entitlement_tables, rule_tables, staged_tables, use_tables)
MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)
