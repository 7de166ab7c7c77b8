"""What an access review revokes: its lease ends by the one way in which leases end.

Access that no lease holds is not removed: the item says in words what is to be done in Entra.
"""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import Change
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import timeline
from services.requests.domain.campaign import Campaign, CampaignItem, Verdict
from services.requests.domain.lease import EndCause
from services.requests.handlers.campaign_changes import ruled
from services.requests.handlers.end_lease import Ender

_CAUSES = {
    EndCause.EXPIRED: "by its time",
    EndCause.REMOVED_OUTSIDE: "when somebody took it out of Entra by hand",
}


@dataclass(frozen=True, slots=True)
class ItemRevoker:
    """Revokes items of campaigns."""

    campaigns: ports.Campaigns
    access_requests: ports.AccessRequests
    leases: ports.Leases
    ender: Ender
    clock: Clock

    async def __call__(
        self, campaign: Campaign, seen: CampaignItem, actor: Caller, reason: str
    ) -> tuple[CampaignItem, Change]:
        """The item, revoked, and the change that makes it so, with the end of its lease.

        Raises:
            WrongState: CAMPAIGN_STATE.
        """
        seen.check_open()
        over, ending, stays = "", None, tuple[str, ...]()
        if seen.lease_id:
            why = f"access review {campaign.campaign_id}: {reason}"
            ending = (await self.ender(seen.lease_id, why, actor)).change
            if ending is None:
                over = await self._how_it_ended(seen.lease_id)
            stays = await self._there_before(seen.lease_id)
        _, live_id = await self.access_requests.occupants(seen.subject.user_id, seen.entitlement_id)
        other_id = live_id if live_id != seen.lease_id else ""
        item = seen.rule(
            Verdict.REVOKED,
            actor,
            reason,
            self.clock.now(),
            seen.instructions_for(over, other_id, stays),
        )
        change = ruled(self.campaigns, campaign, seen, item, lease_ended=ending is not None)
        if ending is not None:
            change = Change(
                change.audit,
                (*change.writes, *ending.writes),
                (*change.facts, *ending.facts),
                (*change.also, ending.audit, *ending.also),
            )
        return item, change

    async def _there_before(self, lease_id: str) -> tuple[str, ...]:
        found = await self.leases.with_access_request(lease_id)
        told = () if found is None else found[1].timeline
        return tuple(
            dict.fromkeys(
                f"{each.what.target.display_name}, which was there before the lease"
                for each in told
                if isinstance(each.what, timeline.TargetDelivered) and each.what.preexisting
            )
        )

    async def _how_it_ended(self, lease_id: str) -> str:
        lease = await self.leases.get(lease_id)
        if lease is None:
            return "is no longer there"
        cause = "when it was revoked"
        if lease.end_cause is not None:
            cause = _CAUSES.get(lease.end_cause, cause)
        when = "" if lease.end_time is None else f" at {lease.end_time:%Y-%m-%d %H:%M:%S} UTC"
        return f"had ended already, {cause}{when}"
