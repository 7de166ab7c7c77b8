"""How each of the two services has the other: its use cases, through both services' messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latchkey.requests.v1 import lease_pb2
from libs.domain.callers import Service
from libs.domain.errors import NotFound, Unavailable
from libs.domain.paging import PageRequest
from services.connector.domain.lease import Lease
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.translate.leases import lease_of
from services.connector.translate.provisioning import delivery_response
from services.requests import ports
from services.requests.domain.delivery import Delivery
from services.requests.domain.lease import Lease as RequestedLease
from services.requests.domain.lease import LeaseState
from services.requests.handlers.get_lease import LeaseReader
from services.requests.translate.leases import lease_to_proto
from services.requests.translate.peers import delivery_from_proto

_CONNECTOR = Service("connector")
_PAGE = 500


def _always() -> bool:
    return True


@dataclass(frozen=True)
class RequestsNextDoor:
    """The connector's port `Requests`."""

    leases: ports.Leases
    catalog: ports.Catalog
    is_up: Callable[[], bool] = _always

    async def lease(self, lease_id: str) -> Lease:
        self._check()
        found = lease_to_proto(await LeaseReader(self.leases, self.catalog)(_CONNECTOR, lease_id))
        return lease_of(lease_pb2.Lease.FromString(found.SerializeToString()))

    async def ending(self) -> Sequence[str]:
        found = await self._in(LeaseState.ENDING)
        ends = {lease.lease_id: lease.end_time or lease.create_time for lease in found}
        return sorted(ends, key=lambda lease_id: (ends[lease_id], lease_id))

    async def granted(self) -> Sequence[str]:
        return [lease.lease_id for lease in await self._in(LeaseState.GRANTED)]

    async def _in(self, state: LeaseState) -> Sequence[RequestedLease]:
        self._check()
        found: list[RequestedLease] = []
        token = ""
        while True:
            request = PageRequest(_PAGE, token, ("next door", state.value))
            page = await self.leases.page(request, state=state)
            found += page.items
            if not (token := page.next_page_token):
                return found

    def _check(self) -> None:
        if not self.is_up():
            raise Unavailable("the requests service", "unavailable")


@dataclass(frozen=True)
class ConnectorNextDoor:
    """The port `Connector` of requests."""

    read: ReadProvisioning
    is_up: Callable[[], bool] = _always

    async def delivery(self, lease_id: str) -> Delivery | None:
        if not self.is_up():
            raise Unavailable("the connector service", "unavailable")
        try:
            view = await self.read.delivery(lease_id)
        except NotFound:
            return None
        return delivery_from_proto(delivery_response(view).delivery)
