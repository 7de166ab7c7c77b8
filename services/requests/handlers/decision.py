"""An access request on its way to a decision, with all that changes with it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Write
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.lease import Lease
from services.requests.handlers.task_changes import NOTHING, Part, closing_delivery


@dataclass(frozen=True, slots=True)
class Extension:
    """A lease as it was and as it lasts longer, and the same of the access request that it came
    of."""

    before: Lease
    after: Lease
    origin_before: AccessRequest
    origin_after: AccessRequest


@dataclass(frozen=True, slots=True)
class Decision:
    """An access request after it went on; the same as before when there is nothing new."""

    access_request: AccessRequest
    lease: Lease | None = None
    facts: tuple[Fact, ...] = ()
    extension: Extension | None = None

    def details(self) -> dict[str, Any]:
        """The decision, for an audit record."""
        found = self.access_request
        details: dict[str, Any] = {"state": found.state.value}
        if found.plan is not None:
            details["policy_id"] = found.plan.policy_id
            details["policy_version"] = found.plan.policy_version
            details["policy_digest"] = found.plan.policy_digest
            details["rule"] = found.plan.rule
        if found.progress is not None:
            details["step"] = found.progress.number
        if self.is_approval:
            details["lease_id"] = found.lease_id
        return details

    @property
    def is_approval(self) -> bool:
        """Whether it is approved: a lease is granted, or lasts longer."""
        return self.lease is not None or self.extension is not None

    async def change(
        self,
        access_requests: ports.AccessRequests,
        leases: ports.Leases,
        seen: AccessRequest | None,
        audit: AuditEntry,
        *before: Fact,
    ) -> Change:
        """What the decision writes: over what was `seen`, or for the first time.

        `before`: facts that came first.

        A failed lease of the same may hold a part of what it was to bring, and would go on holding
        it after the new lease has ended: it ends when the new one is granted.
        """
        writes = (
            access_requests.added(self.access_request)
            if seen is None
            else access_requests.changed(self.access_request, seen=seen)
        )
        part = await self._of_lease(access_requests, leases, audit)
        happened = (*before, *self.facts, *part.facts)
        return Change(audit, (*writes, *part.writes), happened, part.also)

    async def _of_lease(
        self, access_requests: ports.AccessRequests, leases: ports.Leases, audit: AuditEntry
    ) -> Part:
        """Keeps the lease that was granted, and ends failed ones of the same; or the one that
        lasts longer."""
        if (it := self.extension) is not None:
            origin = access_requests.changed(it.origin_after, seen=it.origin_before)
            longer = leases.changed(it.after, seen=it.before.version)
            return Part((longer, *origin), also=(_extension_record(it, audit),))
        if self.lease is None:
            return NOTHING
        lease, time = self.lease, self.lease.create_time
        also: list[AuditEntry] = []
        writes: list[Write] = [leases.added(lease)]
        happened: list[Fact] = []
        for lease_id in await leases.failed(lease.subject.user_id, lease.entitlement_id):
            found = await leases.with_access_request(lease_id)
            if found is None or found[0].is_over:
                continue
            seen, access_request = found
            reason = f"superseded by {lease.lease_id}"
            over = seen.revoke(reason, time)
            ending = access_request.lease_ending(REQUESTS, "revoked", reason, time)
            writes.append(leases.changed(over, seen=seen.version))
            writes.extend(access_requests.changed(ending, seen=access_request))
            happened.append(ended(over))
            details = {"access_request_id": ending.access_request_id, "state": over.state.value}
            also.append(AuditEntry(REQUESTS, "lease.revoked", lease_id, reason, details))
            task = await closing_delivery(leases, seen, reason, time)
            writes.extend(task.writes)
            happened.extend(task.facts)
            also.extend(task.also)
        return Part(tuple(writes), tuple(happened), tuple(also))


def approved(access_request: AccessRequest, lease: Lease) -> Decision:
    """It is approved, and a lease is granted."""
    plan = access_request.plan
    assert plan is not None, "nothing is approved without a plan"
    body = facts.AccessRequestApproved(
        access_request.access_request_id,
        lease.lease_id,
        plan.policy_id,
        plan.policy_version,
        plan.rule,
        tuple(each.approver.user_id for each in access_request.approvals),
    )
    fact = Fact(access_request.access_request_id, access_request.version, body)
    return Decision(access_request, lease, (fact, granted(lease)))


def extended(access_request: AccessRequest, extension: Extension) -> Decision:
    """It is approved, and a lease lasts longer."""
    plan, request_id = access_request.plan, access_request.access_request_id
    after, end_time = extension.after, extension.after.end_time
    assert plan is not None and end_time is not None, "it was planned, and has an end"
    approvers = tuple(each.approver.user_id for each in access_request.approvals)
    bodies = (
        facts.AccessRequestApproved(
            request_id, "", plan.policy_id, plan.policy_version, plan.rule, approvers
        ),
        facts.AccessRequestFulfilled(request_id, after.lease_id, end_time),
    )
    # It was approved one version before it was fulfilled.
    versions = (access_request.version - 1, access_request.version)
    happened = [Fact(request_id, at, body) for at, body in zip(versions, bodies, strict=True)]
    longer = facts.LeaseExtended(after.lease_id, request_id, end_time)
    happened.insert(1, Fact(after.lease_id, after.version, longer))
    return Decision(access_request, None, tuple(happened), extension)


def _extension_record(extension: Extension, audit: AuditEntry) -> AuditEntry:
    before, after = extension.before, extension.after
    assert before.end_time is not None and after.end_time is not None, "it has an end"
    details = {
        "access_request_id": audit.resource_id,
        "state": after.state.value,
        "end_time": after.end_time.isoformat(),
        "end_time_before": before.end_time.isoformat(),
    }
    return AuditEntry(REQUESTS, "lease.extended", after.lease_id, details=details)


def denied(access_request: AccessRequest, actor: Caller) -> Decision:
    """It is denied."""
    plan, request_id = access_request.plan, access_request.access_request_id
    body = (
        facts.AccessRequestDenied(request_id, actor)
        if plan is None
        else facts.AccessRequestDenied(
            request_id, actor, plan.policy_id, plan.policy_version, plan.rule
        )
    )
    return Decision(access_request, None, (Fact(request_id, access_request.version, body),))


def granted(lease: Lease) -> Fact:
    """The word to the connector that a lease shall be in Entra."""
    return Fact(lease.lease_id, lease.version, facts.LeaseGranted(lease.lease_id, lease.round))


def ended(lease: Lease, overdue: timedelta | None = None) -> Fact:
    """The word to the connector that a lease shall no longer be in Entra."""
    return Fact(lease.lease_id, lease.version, facts.LeaseEnded(lease.lease_id, overdue))


def audit_of(
    actor: Caller, decision: Decision, action: str, reason: str = "", **details: Any
) -> AuditEntry:
    """The record of a decision."""
    return AuditEntry(
        actor,
        f"access_request.{action}",
        decision.access_request.access_request_id,
        reason,
        {**decision.details(), **details},
    )
