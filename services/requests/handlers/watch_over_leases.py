"""Reminding of ends that are near, and telling of ends that are late."""

from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.lease import Lease, LeaseState


@dataclass(frozen=True, slots=True)
class Reminder:
    """Reminds people of the ends of their leases."""

    leases: ports.Leases
    clock: Clock

    async def __call__(self, lease_id: str) -> Outcome[None]:
        """Does nothing before the time, and for a lease that is ending."""
        seen, time = await self.leases.get(lease_id), self.clock.now()
        if seen is None or seen.remind_time is None or seen.remind_time > time:
            return Outcome(None)
        lease = seen.reminded(time)
        active = seen.state is LeaseState.ACTIVE and not seen.is_overdue(time)
        return Outcome(
            None,
            _told(self.leases, seen, lease, "lease.reminded", facts.LeaseEndNear, tell=active),
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """Tells of leases that are in Entra long after their end."""

    leases: ports.Leases
    clock: Clock

    async def __call__(self, lease_id: str) -> Outcome[bool]:
        """The result says whether it told: not of a lease that has ended meanwhile, nor twice."""
        seen, time = await self.leases.get(lease_id), self.clock.now()
        if seen is None or not seen.is_late(time):
            return Outcome(False)
        lease = seen.alarmed(time)
        return Outcome(
            True, _told(self.leases, seen, lease, "lease.end_late", facts.LeaseEndLate, tell=True)
        )


def _told(
    leases: ports.Leases,
    seen: Lease,
    lease: Lease,
    action: str,
    body: type[facts.LeaseEndNear | facts.LeaseEndLate],
    *,
    tell: bool,
) -> Change:
    assert seen.end_time is not None, "it has an end"
    told = body(lease.lease_id, lease.entitlement_id, lease.subject.user_id, seen.end_time)
    details = {"state": lease.state.value, "end_time": seen.end_time.isoformat(), "told": tell}
    return Change(
        AuditEntry(REQUESTS, action, lease.lease_id, details=details),
        (leases.changed(lease, seen=seen.version),),
        (Fact(lease.lease_id, lease.version, told),) if tell else (),
    )
