"""Following the events of the requests service, a batch at a time."""

from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.catalog import ports
from services.catalog.domain.following import FeedPosition, follow
from services.catalog.domain.unmanaged import LEASE_SETTLE

CATALOG = Service("catalog")
REQUESTS = "requests"
MOST = 500


@dataclass(frozen=True, slots=True)
class FollowRequests:
    """Brings uses to what the next events say, in one change with the position.

    The event at the position is asked for again and must be the same: where it is another one or
    none, the requests service has been put back to an earlier state, and all is followed anew.
    """

    feed: ports.Feed
    requests: ports.Requests
    clock: Clock

    async def __call__(self) -> Outcome[bool]:
        """Whether there may be more events already.

        Raises:
            Unavailable: the requests service does not answer.
        """
        seen = await self.feed.position(REQUESTS)
        events = await self.requests.events(seen.position - 1 if seen else 0, MOST)
        again = seen is not None and (
            not events or (events[0].position, events[0].event_id) != (seen.position, seen.event_id)
        )
        if again:
            events = await self.requests.events(0, MOST)
        more = len(events) == MOST
        new = events if again or seen is None else events[1:]
        if not new and not again:
            return Outcome(False)
        last = FeedPosition(new[-1].position, new[-1].event_id) if new else None
        happenings = [event.happening for event in new if event.happening is not None]
        before = () if again else await self.feed.named(happenings)
        followed = follow(before, happenings)
        after = followed.uses
        kept = {use.access_request_id: use for use in before}
        changed = tuple(use for key, use in after.items() if kept.get(key) != use)
        over = tuple(key for key in kept if key not in after)
        audit = AuditEntry(
            CATALOG,
            "uses.followed",
            REQUESTS,
            "The feed is another one than before: all is read anew." if again else "",
            {
                "position": last.position if last else 0,
                "events": len(new),
                "changed": len(changed),
                "over": len(over),
            },
        )
        writes = (
            *self.feed.followed(REQUESTS, seen, last, changed, over, anew=again),
            *self.feed.ended(followed.ended, self.clock.now() + LEASE_SETTLE),
        )
        return Outcome(more, Change(audit, writes))
