"""The stores of access requests and leases, and what is put into them."""

from datetime import UTC, datetime

import pytest

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.guarded import Stale
from libs.domain.changes import AuditEntry, Change, Write
from libs.domain.ids import new_id
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.ports import AccessRequests, Leases
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import ledger
from tests.fakes.clock import MachineClock
from tests.fakes.requests_delegations import Taken
from tests.fakes.requests_neighbours import ENTITLEMENT, FakeCatalog
from tests.fakes.requests_store import FakeStore
from tests.unit.requests_service.house import person

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Ports:
    """Both stores of one kind, and how a change is committed to them."""

    def __init__(self, database: Database | None) -> None:
        self._fake = FakeStore()
        self._committer: Committer | None = None
        self.access_requests: AccessRequests = self._fake.access_requests
        self.leases: Leases = self._fake.leases
        if database is not None:
            self.access_requests = AccessRequestStore(database)
            self.leases = LeaseStore(database)
            self._committer = Committer(
                database, ledger, MachineClock(), lambda fact: EncodedFact("x", b"")
            )

    async def __aenter__(self) -> "Ports":
        if self._committer is not None:
            await self._committer.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._committer is not None:
            await self._committer.__aexit__()

    async def keep(self, *writes: Write | tuple[Write, ...]) -> None:
        """Commits."""
        flat = tuple(
            each for some in writes for each in (some if isinstance(some, tuple) else (some,))
        )
        change = Change(AuditEntry(REQUESTS, "test", "x"), flat)
        if self._committer is None:
            self._fake.commit(change)
        else:
            await self._committer.commit(change)

    async def refuses(self, *writes: Write | tuple[Write, ...]) -> None:
        """Does not commit."""
        with pytest.raises((Stale, Taken)):
            await self.keep(*writes)


async def made_wish(
    name: str = "Ada",
    entitlement_id: str = ENTITLEMENT,
    extends_lease_id: str = "",
    takes_over: bool = False,
) -> AccessRequest:
    who = person(name)
    resolution = await FakeCatalog().resolve(entitlement_id, who.user_id, who.user_id)
    return AccessRequest.create(
        new_id("req"),
        requester=who,
        resolution=resolution,
        justification="Ä ☂ 'quoted'\nline",
        requested_duration=None,
        time=NOW,
        extends_lease_id=extends_lease_id,
        takes_over=takes_over,
    )
