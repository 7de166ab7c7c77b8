"""The database of this service."""

from pathlib import Path

from libs.db.migrations import Migrations
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.campaigns import CampaignStore
from services.requests.store.delegations import DelegationStore
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import ledger, metadata
from services.requests.store.takeovers import TakeoverStore

MIGRATIONS = Migrations(Path(__file__).parent / "migrations", metadata, ledger)

__all__ = [
    "MIGRATIONS",
    "AccessRequestStore",
    "CampaignStore",
    "DelegationStore",
    "LeaseStore",
    "TakeoverStore",
    "ledger",
]
