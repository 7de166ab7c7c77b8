"""What somebody took out of Entra by hand: the lease ends, or it is told that it is put back."""

from collections.abc import Sequence
from datetime import datetime

from libs.domain.changes import AuditEntry, Change, Fact
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.lease import Lease
from services.requests.handlers.end_lease import ending_change


async def lost(
    access_requests: ports.AccessRequests,
    leases: ports.Leases,
    seen: Lease,
    access_request: AccessRequest,
    delivery: Delivery,
    time: datetime,
) -> Change:
    """It stays out, or can't be put back, so the lease ends."""
    gone = delivery.missing(seen.create_time)
    names = ", ".join(each.target.display_name for each in gone)
    reason = f"Somebody took it out of Entra by hand: {names}."
    if delivery.state is DeliveryState.FAILED:
        reason += f" It can't be put back: {delivery.failure_message}"
    lease = seen.lose(reason, delivery.removed_outside_time or time, time)
    told = access_request.removed_outside(gone, False, time)
    ending = told.lease_ending(REQUESTS, "removed_outside", reason, time)
    return await ending_change(
        access_requests,
        leases,
        REQUESTS,
        "lease.removed_outside",
        (seen, lease),
        (access_request, ending),
        before=(_fact(lease, gone, restored=False),),
    )


async def put_back(
    access_requests: ports.AccessRequests,
    leases: ports.Leases,
    seen: Lease,
    access_request: AccessRequest,
    delivery: Delivery,
    time: datetime,
) -> Change:
    """The connector puts it back, or has."""
    gone = delivery.removed_outside(seen.told_of_removals_until)
    latest = max(each.removed_outside_time for each in gone if each.removed_outside_time)
    lease = seen.restored(latest, time)
    after = access_request.removed_outside(gone, True, time)
    return Change(
        AuditEntry(
            REQUESTS,
            "lease.restored",
            lease.lease_id,
            "Somebody took it out of Entra by hand.",
            {
                "access_request_id": after.access_request_id,
                "state": lease.state.value,
                "directory_entitlement_ids": _ids(gone),
            },
        ),
        (
            leases.changed(lease, seen=seen.version),
            *access_requests.changed(after, seen=access_request),
        ),
        (_fact(lease, gone, restored=True),),
    )


def _fact(lease: Lease, gone: Sequence[TargetAnswer], *, restored: bool) -> Fact:
    body = facts.LeaseRemovedOutside(lease.lease_id, tuple(_ids(gone)), restored)
    return Fact(lease.lease_id, lease.version, body)


def _ids(gone: Sequence[TargetAnswer]) -> list[str]:
    return [each.target.directory_entitlement_id for each in gone]
