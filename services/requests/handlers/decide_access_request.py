"""Deciding an access request that policy did not decide when it was made."""

from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError, Unavailable
from services.requests import ports
from services.requests.domain.access_request import REQUESTS, AccessRequest, AccessRequestState
from services.requests.handlers.decision import Decision, decide, lease_writes, refuse


@dataclass(frozen=True, slots=True)
class Decider:
    """Asks the catalog and policy again."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    catalog: ports.Catalog
    policy: ports.Policy
    clock: Clock

    async def __call__(self, access_request_id: str) -> Outcome[bool]:
        """The result says whether there is nothing left to decide.

        Raises:
            Unavailable: the catalog does not answer.
        """
        seen = await self.access_requests.get(access_request_id)
        if seen is None or seen.state is not AccessRequestState.EVALUATING:
            return Outcome(True)
        decision = await self._decide(seen)
        found = decision.access_request
        if found is seen:
            return Outcome(False)
        write = self.access_requests.changed(found, seen=seen.version)
        of_lease, ended = await lease_writes(self.access_requests, self.leases, decision)
        action = found.state.value.lower() if decision.is_final else "evaluation_failed"
        audit = AuditEntry(
            REQUESTS,
            f"access_request.{action}",
            found.access_request_id,
            details=decision.details(),
        )
        return Outcome(
            decision.is_final, Change(audit, (write, *of_lease), (*decision.facts, *ended))
        )

    async def _decide(self, seen: AccessRequest) -> Decision:
        time = self.clock.now()
        try:
            resolution = await self.catalog.resolve(
                seen.entitlement_id, seen.requester.user_id, seen.subject.user_id
            )
            duration = resolution.duration(seen.requested_duration)
        except Unavailable:
            raise
        except LatchkeyError as error:
            return refuse(seen, error.message, time)
        return await decide(self.policy, seen, resolution, duration, time)
