"""Looking who holds what a takeover is over, and ending it once all of them were seen to."""

from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import NotFound
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.holders import HeldThing
from services.requests.domain.takeover import Takeover, TakeoverState, from_outside


@dataclass(frozen=True, slots=True)
class TakeoverLooker:
    """Does what a takeover needs before its first holder and after its last."""

    takeovers: ports.Takeovers
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, takeover_id: str) -> Outcome[None]:
        """Takes down who holds the entitlement from outside; does nothing where that is done.

        Raises:
            Unavailable: the catalog does not answer.
        """
        seen = await self.takeovers.get(takeover_id)
        if seen is None or seen.state is not TakeoverState.RUNNING or seen.look_time is not None:
            return Outcome(None)
        outside, everybody = await self._holders(seen.entitlement_id)
        found = from_outside(outside)
        past = await self.takeovers.past(
            seen.entitlement_id, [each.subject.user_id for each in found]
        )
        takeover, holders = seen.looked(found, len(everybody), past, self.clock.now())
        happened: tuple[Fact, ...] = ()
        action = "takeover.looked"
        if takeover.state is TakeoverState.HELD:
            action = "takeover.held"
            body = facts.TakeoverHeld(
                takeover.takeover_id, takeover.found_count, takeover.holder_count
            )
            happened = (Fact(takeover.takeover_id, takeover.version, body),)
        writes = (
            self.takeovers.changed(takeover, seen=seen.version),
            *self.takeovers.listed(holders),
        )
        audit = AuditEntry(REQUESTS, action, takeover.takeover_id, details=counts(takeover))
        return Outcome(None, Change(audit, writes, happened))

    async def _holders(self, entitlement_id: str) -> tuple[list[HeldThing], set[str]]:
        """What is held from outside, and who holds anything of it at all."""
        outside: list[HeldThing] = []
        everybody: set[str] = set()
        try:
            async for page in self.catalog.held(entitlement_id=entitlement_id):
                outside.extend(each for each in page if each.unmanaged)
                everybody.update(each.subject.user_id for each in page)
        except NotFound:
            # It is gone, and what it brought is nobody's any more.
            return [], set()
        return outside, everybody

    async def finish(self, takeover_id: str) -> Outcome[None]:
        """Ends a takeover whose holders were all seen to; does nothing for any other."""
        seen = await self.takeovers.get(takeover_id)
        if seen is None or seen.state is not TakeoverState.RUNNING or seen.look_time is None:
            return Outcome(None)
        if await self.takeovers.waiting(takeover_id, "", 1):
            return Outcome(None)
        takeover = seen.finish(self.clock.now())
        body = facts.TakeoverFinished(takeover.takeover_id, takeover.taken_count)
        audit = AuditEntry(
            REQUESTS, "takeover.finished", takeover.takeover_id, details=counts(takeover)
        )
        write = self.takeovers.changed(takeover, seen=seen.version)
        fact = Fact(takeover.takeover_id, takeover.version, body)
        return Outcome(None, Change(audit, (write,), (fact,)))


def counts(takeover: Takeover) -> dict[str, str | int]:
    """How far a takeover is, for the audit."""
    return {
        "entitlement_id": takeover.entitlement_id,
        "action": takeover.action.value,
        "state": takeover.state.value,
        "found_count": takeover.found_count,
        "holder_count": takeover.holder_count,
        "taken_count": takeover.taken_count,
        "skipped_count": takeover.skipped_count,
    }
