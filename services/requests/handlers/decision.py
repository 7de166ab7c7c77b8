"""Asking policy, and what follows from its answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.domain.changes import Fact, Write
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.lease import Lease
from services.requests.domain.plan import NoPlan, Plan, Reject
from services.requests.domain.resolution import Resolution


@dataclass(frozen=True, slots=True)
class Decision:
    """An access request after policy was asked; the same as before when there is nothing new."""

    access_request: AccessRequest
    lease: Lease | None = None
    facts: tuple[Fact, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether policy need not be asked again."""
        return bool(self.facts)

    def details(self) -> dict[str, Any]:
        """The decision, for an audit record."""
        found = self.access_request
        details: dict[str, Any] = {"state": found.state.value}
        if found.plan is not None:
            details["policy_id"] = found.plan.policy_id
            details["policy_version"] = found.plan.policy_version
            details["rule"] = found.plan.rule
        if self.lease is not None:
            details["lease_id"] = self.lease.lease_id
        return details


async def decide(
    policy: ports.Policy,
    access_request: AccessRequest,
    resolution: Resolution,
    duration: timedelta | None,
    time: datetime,
) -> Decision:
    """Asks policy about an access request that is not decided."""
    try:
        plan = await policy.evaluate(resolution, duration, time)
        verdict = plan.decision()
    except NoPlan as none:
        return Decision(access_request.not_decided(none.problem, time))
    if isinstance(verdict, Reject):
        return _denied(access_request.deny(plan, verdict.message, time), plan)
    lease_id = new_id("lea")
    approved = access_request.approve(plan, lease_id, duration, time)
    lease = Lease.grant(lease_id, approved, resolution.targets, duration, time)
    body = facts.AccessRequestApproved(
        approved.access_request_id, lease_id, plan.policy_id, plan.policy_version, plan.rule
    )
    return Decision(
        approved,
        lease,
        (
            Fact(approved.access_request_id, approved.version, body),
            granted(lease),
        ),
    )


async def lease_writes(
    access_requests: ports.AccessRequests, leases: ports.Leases, decision: Decision
) -> tuple[tuple[Write, ...], tuple[Fact, ...]]:
    """Keeps the lease that was granted, and ends failed ones of the same; nothing without one.

    A failed one may hold a part of what it was to bring, and would go on holding it after the new
    lease has ended.
    """
    granted_anew = decision.lease
    if granted_anew is None:
        return (), ()
    time = granted_anew.create_time
    writes: list[Write] = [leases.added(granted_anew)]
    happened: list[Fact] = []
    subject, entitlement_id = granted_anew.subject.user_id, granted_anew.entitlement_id
    for lease_id in await leases.failed(subject, entitlement_id):
        found = await leases.with_access_request(lease_id)
        if found is None or found[0].is_over:
            continue
        seen, access_request = found
        reason = f"superseded by {granted_anew.lease_id}"
        over = seen.revoke(reason, time)
        ending = access_request.lease_ending(REQUESTS, "revoked", reason, time)
        writes.append(leases.changed(over, seen=seen.version))
        writes.append(access_requests.changed(ending, seen=access_request.version))
        happened.append(ended(over))
    return tuple(writes), tuple(happened)


def refuse(access_request: AccessRequest, message: str, time: datetime) -> Decision:
    """Denies without asking policy, since it may not be asked for any more."""
    return _denied(access_request.refuse(message, time), None)


def granted(lease: Lease) -> Fact:
    """The word to the connector that a lease shall be in Entra."""
    return Fact(lease.lease_id, lease.version, facts.LeaseGranted(lease.lease_id, lease.round))


def ended(lease: Lease) -> Fact:
    """The word to the connector that a lease shall no longer be in Entra."""
    return Fact(lease.lease_id, lease.version, facts.LeaseEnded(lease.lease_id))


def _denied(denied: AccessRequest, plan: Plan | None) -> Decision:
    body = (
        facts.AccessRequestDenied(denied.access_request_id)
        if plan is None
        else facts.AccessRequestDenied(
            denied.access_request_id, plan.policy_id, plan.policy_version, plan.rule
        )
    )
    return Decision(denied, None, (Fact(denied.access_request_id, denied.version, body),))
