"""What the connector keeps, in PostgreSQL or SQLite.

Who migrates it loads no more than its tables.
"""

from pathlib import Path

from libs.db.migrations import Migrations
from services.connector.store.tables import ledger, metadata

MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)
