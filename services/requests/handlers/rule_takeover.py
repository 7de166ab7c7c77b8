"""Confirming and giving up takeovers that are held, and showing takeovers."""

from dataclasses import dataclass

from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain import errors
from services.requests.domain.takeover import Takeover, TakeoverState
from services.requests.handlers.look_takeover import counts


@dataclass(frozen=True, slots=True)
class TakeoverRuler:
    """Shows takeovers, and lets people say what becomes of held ones."""

    takeovers: ports.Takeovers
    clock: Clock

    async def get(self, takeover_id: str) -> Takeover:
        """
        Raises:
            NotFound: TAKEOVER_NOT_FOUND.
        """
        found = await self.takeovers.get(takeover_id)
        if found is None:
            raise errors.takeover_not_found(takeover_id)
        return found

    async def page(self, size: int, token: str, state: TakeoverState | None) -> Page[Takeover]:
        """
        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        page = PageRequest(size, token, ("takeovers", state or ""))
        return await self.takeovers.page(page, state=state)

    async def confirm(self, person: Person, takeover_id: str) -> Outcome[Takeover]:
        """
        Raises:
            NotFound: TAKEOVER_NOT_FOUND.
            WrongState: TAKEOVER_STATE.
        """
        seen = await self.get(takeover_id)
        takeover = seen.confirm(person)
        audit = AuditEntry(person, "takeover.confirmed", takeover_id, details=counts(takeover))
        write = self.takeovers.changed(takeover, seen=seen.version)
        return Outcome(takeover, Change(audit, (write,)))

    async def cancel(self, person: Person, takeover_id: str) -> Outcome[Takeover]:
        """
        Raises:
            NotFound: TAKEOVER_NOT_FOUND.
            WrongState: TAKEOVER_STATE.
        """
        seen = await self.get(takeover_id)
        takeover = seen.cancel(person, self.clock.now())
        audit = AuditEntry(person, "takeover.cancelled", takeover_id, details=counts(takeover))
        writes = (
            self.takeovers.changed(takeover, seen=seen.version),
            self.takeovers.left(takeover),
        )
        return Outcome(takeover, Change(audit, writes))
