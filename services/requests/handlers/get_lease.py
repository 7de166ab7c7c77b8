"""Reading one lease."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.lease import Lease


@dataclass(frozen=True, slots=True)
class LeaseReader:
    """Finds a lease for those who may see it."""

    leases: ports.Leases

    async def __call__(self, caller: Caller, lease_id: str) -> Lease:
        """
        Raises:
            NotFound: there is none, or it is none of theirs: they can't tell.
        """
        found = await self.leases.get(lease_id)
        if found is None or not found.visible_to(caller):
            raise errors.lease_not_found(lease_id)
        return found
