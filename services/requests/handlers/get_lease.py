"""Reading one lease."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.callers import Caller, Person
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.lease import Lease
from services.requests.handlers.answering import answers_for


@dataclass(frozen=True, slots=True)
class LeaseReader:
    """Finds a lease for those who may see it."""

    leases: ports.Leases
    catalog: ports.Catalog

    async def several(self, lease_ids: Sequence[str]) -> list[Lease]:
        """Those of the leases that there are, in this order, for a service, which may see all."""
        found = await asyncio.gather(*map(self.leases.get, lease_ids))
        return [lease for lease in found if lease is not None]

    async def __call__(self, caller: Caller, lease_id: str) -> Lease:
        """
        Raises:
            NotFound: there is none, or it is none of theirs: they can't tell.
            Unavailable: the catalog does not say whether they answer for it.
        """
        found = await self.leases.get(lease_id)
        if found is None:
            raise errors.lease_not_found(lease_id)
        if found.visible_to(caller):
            return found
        assert isinstance(caller, Person), "services see all"
        if not await answers_for(self.catalog, caller, found):
            raise errors.lease_not_found(lease_id)
        return found
