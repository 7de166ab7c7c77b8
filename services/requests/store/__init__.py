"""The database of this service. Who migrates it loads no more than its tables."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.requests.store import campaign_tables, takeover_tables
from services.requests.store.tables import ledger, metadata

# Tables are of the metadata once their module is read: who makes or compares the schema needs all.
_TABLES = (campaign_tables, takeover_tables)
MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)
