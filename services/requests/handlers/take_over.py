"""Seeing to one holder of a takeover: an access request in their name, or its record and the end.

What the catalog says at that moment counts, not what the takeover found: whoever has lost the
access, or got it by a lease, is left alone. The access request, what became of the holder and the
counts are one change, so that a holder is seen to once, whatever stops in between.
"""

from dataclasses import dataclass, replace

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import AlreadyExists, LatchkeyError, NotFound, Unavailable
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import deciding
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.holders import HeldThing
from services.requests.domain.lease import Lease
from services.requests.domain.offered import Offered
from services.requests.domain.takeover import (
    Fate,
    FromOutside,
    Takeover,
    TakeoverHolder,
    TakeoverState,
    UnmanagedAction,
    from_outside,
)
from services.requests.handlers.create_access_request import CreateAccessRequest, Creator, made
from services.requests.handlers.decision import denied, ended
from services.requests.handlers.wish import Wish, check_vacant


@dataclass(frozen=True, slots=True)
class HolderTaker:
    """Sees to the holders of takeovers."""

    takeovers: ports.Takeovers
    access_requests: ports.AccessRequests
    leases: ports.Leases
    catalog: ports.Catalog
    create: Creator
    clock: Clock

    async def offered(self, entitlement_id: str) -> Offered | None:
        """What a takeover is over, as it is now; none once it is gone.

        Raises:
            Unavailable: the catalog does not answer.
        """
        try:
            return await self.catalog.offered(entitlement_id)
        except NotFound:
            return None

    async def __call__(
        self, takeover_id: str, user_id: str, offered: Offered | None
    ) -> Outcome[None]:
        """Does nothing for a holder who was seen to.

        Raises:
            Unavailable: the catalog does not answer.
        """
        both = await self.takeovers.holder(takeover_id, user_id)
        if both is None:
            return Outcome(None)
        takeover, holder = both
        if takeover.state is not TakeoverState.RUNNING or holder.fate is not Fate.WAITING:
            return Outcome(None)
        if offered is None:
            return self._skip(holder, "The app no longer offers it.")
        if reason := offered.left_alone:
            return self._skip(holder, reason)
        if not takeover.is_asked_for and offered.action is not takeover.action:
            return self._skip(holder, "The app no longer says so.")
        found = await self._present(takeover.entitlement_id, user_id)
        if found is None:
            return self._skip(holder, "They no longer hold it from outside.")
        if not found.subject.entra_object_id:
            return self._skip(holder, "They are no longer in the directory.")
        if takeover.action is UnmanagedAction.ADOPT:
            return await self._adopt(takeover, holder, found)
        return await self._remove(takeover, holder, found, offered)

    async def _present(self, entitlement_id: str, user_id: str) -> FromOutside | None:
        held: list[HeldThing] = []
        try:
            async for page in self.catalog.held(
                entitlement_id=entitlement_id, user_id=user_id, unmanaged=True
            ):
                held.extend(page)
        except NotFound:
            return None
        found = from_outside(held)
        return found[0] if found else None

    async def _adopt(
        self, takeover: Takeover, holder: TakeoverHolder, found: FromOutside
    ) -> Outcome[None]:
        wish = Wish(_as_person(found), takeover.entitlement_id, takes_over=True)
        try:
            outcome = await self.create(CreateAccessRequest(wish, _why(found), REQUESTS))
        except Unavailable:
            raise
        except LatchkeyError as refusal:
            return self._skip(holder, refusal.message)
        assert outcome.change is not None, "an access request was made"
        return self._taken(holder, outcome.result, outcome.change)

    async def _remove(
        self, takeover: Takeover, holder: TakeoverHolder, found: FromOutside, offered: Offered
    ) -> Outcome[None]:
        try:
            await check_vacant(self.access_requests, found.subject.user_id, takeover.entitlement_id)
        except AlreadyExists as refusal:
            return self._skip(holder, refusal.message)
        resolution = offered.held_by(found.subject, found.directory_entitlement_ids)
        if not resolution.targets:
            return self._skip(holder, "The entitlement itself does not give what they hold.")
        time, message, lease_id = self.clock.now(), _message(takeover), new_id("lea")
        created = AccessRequest.create(
            new_id("req"),
            requester=_as_person(found),
            resolution=resolution,
            justification=_why(found),
            requested_duration=None,
            time=time,
            takes_over=True,
            actor=REQUESTS,
        )
        refused, ending = deciding.taken_out(created, lease_id, message, time)
        lease = Lease.take_out(lease_id, ending, resolution.targets, message, time)
        details = {
            "entitlement_id": ending.entitlement_id,
            "app_id": ending.app_id,
            "subject_user_id": ending.subject.user_id,
            "state": ending.state.value,
            "lease_id": lease_id,
            "takes_over": True,
        }
        request_id = ending.access_request_id
        audit = AuditEntry(
            REQUESTS, "access_request.created", request_id, ending.justification, details
        )
        of_lease = {"access_request_id": request_id, "state": lease.state.value}
        change = Change(
            audit,
            (*self.access_requests.added(ending), self.leases.added(lease)),
            (*made(created, REQUESTS), *denied(refused, REQUESTS).facts, ended(lease)),
            (AuditEntry(REQUESTS, "lease.taken_out", lease_id, message, of_lease),),
        )
        return self._taken(holder, ending, change)

    def _taken(
        self, holder: TakeoverHolder, access_request: AccessRequest, change: Change
    ) -> Outcome[None]:
        taken = holder.taken(access_request.access_request_id, self.clock.now())
        audit = replace(
            change.audit, details={**change.audit.details, "takeover_id": holder.takeover_id}
        )
        writes = (*change.writes, *self.takeovers.seen_to(taken))
        return Outcome(None, replace(change, audit=audit, writes=writes))

    def _skip(self, holder: TakeoverHolder, reason: str) -> Outcome[None]:
        skipped = holder.skipped(reason, self.clock.now())
        audit = AuditEntry(
            REQUESTS,
            "takeover.holder_skipped",
            holder.takeover_id,
            reason,
            {"entitlement_id": holder.entitlement_id, "subject_user_id": holder.subject.user_id},
        )
        return Outcome(None, Change(audit, tuple(self.takeovers.seen_to(skipped))))


def _as_person(found: FromOutside) -> Person:
    """Who holds it, as who asks for it: with no role of ours."""
    who = found.subject
    return Person(who.entra_tenant_id, who.entra_object_id, who.display_name)


def _why(found: FromOutside) -> str:
    since = f"Held since {found.since:%Y-%m-%d %H:%M} UTC" if found.since else "Held"
    return f"{since}, from outside Latchkey: it was found in Entra."


def _message(takeover: Takeover) -> str:
    for each in (takeover.confirmed_by, takeover.started_by):
        if isinstance(each, Person):
            return f"{each.display_name or each.user_id} has access from outside Latchkey removed."
    return "The app's setting says that access from outside Latchkey is removed."
