"""The leases that are kept."""

from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.gone import Dependent
from services.requests.domain.holders import LeasedThing
from services.requests.domain.lease import Lease, LeaseState
from services.requests.ports.tasks import Tasks


class Leases(Protocol):
    """The leases that are kept, with what has to be done by hand for them."""

    @property
    def tasks(self) -> Tasks:
        """The tasks of leases: what ends a lease, or retries it, closes its task with it."""
        ...

    async def get(self, lease_id: str) -> Lease | None:
        """One of them."""
        ...

    async def with_access_request(self, lease_id: str) -> tuple[Lease, AccessRequest] | None:
        """One of them, with the access request it came of."""
        ...

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str = "",
        app_id: str = "",
        state: LeaseState | None = None,
        alarmed: bool = False,
    ) -> Page[Lease]:
        """Some of them, newest first; of one subject, of one app, or all. `alarmed`: whose end is
        late."""
        ...

    async def on_their_way(self, before: datetime, after: str, most: int) -> list[str]:
        """The ids of those that are GRANTED or ENDING since before a time, in order."""
        ...

    async def not_over(
        self, after: str, most: int, *, subject_user_id: str = "", app_id: str = ""
    ) -> list[Dependent]:
        """Those that nobody has ended, in order, behind `after`; of a person, an app, or all."""
        ...

    async def of_app(self, app_id: str, after: str, most: int) -> list[LeasedThing]:
        """Those of an app that nobody has ended, in order, behind the lease `after`."""
        ...

    async def overdue(self, now: datetime, most: int) -> list[str]:
        """The ids of those whose time is over and that nobody has ended yet, the oldest first."""
        ...

    async def to_remind(self, now: datetime, most: int) -> list[str]:
        """The ids of those whose subjects are to be reminded of the end."""
        ...

    async def late(self, now: datetime, most: int) -> list[str]:
        """The ids of those that are in Entra long after their end, and nobody was told."""
        ...

    async def failed(self, subject_user_id: str, entitlement_id: str) -> list[str]:
        """The ids of a person's failed leases of an entitlement, which may hold a part of it."""
        ...

    async def is_announced(self, lease_id: str) -> bool:
        """Whether every event about the lease has gone out."""
        ...

    def added(self, lease: Lease) -> Write:
        """Keeps a new one. It is the only live one of its subject and entitlement."""
        ...

    def changed(self, lease: Lease, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...

    def unchanged(self, lease: Lease) -> Write:
        """Changes nothing, and holds only while the lease is as it was loaded."""
        ...
