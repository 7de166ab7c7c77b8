"""Reads deliveries, assignments and operations."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.connector.domain import errors
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, Picture
from services.connector.domain.operation import Operation, OperationState
from services.connector.ports import Provisioning, Recorded


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery with what it hangs on."""

    delivery: Delivery
    picture: Picture


@dataclass(frozen=True, slots=True)
class ReadProvisioning:
    """The use cases."""

    provisioning: Provisioning

    async def delivery(self, lease_id: str) -> DeliveryView:
        """Raises:
        NotFound: DELIVERY_NOT_FOUND.
        """
        picture = await self.provisioning.shown(lease_id)
        if picture is None:
            raise errors.delivery_not_found(lease_id)
        return DeliveryView(picture.deliveries[lease_id], picture)

    async def deliveries(self, lease_ids: Sequence[str]) -> list[DeliveryView]:
        """Those of the leases that are known, in this order."""
        pictures = await asyncio.gather(*map(self.provisioning.shown, lease_ids))
        return [
            DeliveryView(picture.deliveries[lease_id], picture)
            for lease_id, picture in zip(lease_ids, pictures, strict=True)
            if picture is not None
        ]

    async def assignments(self, request: PageRequest, user_id: str) -> Page[Assignment]:
        """A page, oldest first."""
        return await self.provisioning.assignments(request, user_id=user_id)

    async def operations(
        self, request: PageRequest, assignment_id: str, state: OperationState | None
    ) -> Page[Operation]:
        """A page, oldest first."""
        return await self.provisioning.operations(request, assignment_id=assignment_id, state=state)

    async def operation(self, operation_id: str) -> Recorded:
        """Raises:
        NotFound: OPERATION_NOT_FOUND.
        """
        found = await self.provisioning.operation(operation_id)
        if found is None:
            raise errors.operation_not_found(operation_id)
        return found
