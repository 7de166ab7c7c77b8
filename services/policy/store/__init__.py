"""The policy service's tables, and how they come to be."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.policy.store.tables import ledger, metadata

MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)
