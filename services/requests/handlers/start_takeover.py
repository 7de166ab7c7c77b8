"""Starting takeovers: when somebody says so, and when an app's setting does."""

from dataclasses import dataclass

from libs.domain.callers import Caller, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import NotFound
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import errors, facts
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.offered import Offered
from services.requests.domain.takeover import Takeover, UnmanagedAction, from_outside


@dataclass(frozen=True, slots=True)
class StartTakeover:
    """Somebody wants an entitlement to be taken over."""

    person: Person
    entitlement_id: str
    action: UnmanagedAction


@dataclass(frozen=True, slots=True)
class TakeoverStarter:
    """Starts takeovers. Who holds what is looked at later."""

    takeovers: ports.Takeovers
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, command: StartTakeover) -> Outcome[Takeover]:
        """
        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND.
            AlreadyExists: TAKEOVER_OPEN.
            Unavailable: the catalog does not answer.
        """
        offered = await self.catalog.offered(command.entitlement_id)
        if open_id := await self.takeovers.open_of(command.entitlement_id):
            raise errors.takeover_open(open_id)
        return self._start(offered, command.action, command.person)

    async def found(self, entitlement_id: str) -> Outcome[Takeover | None]:
        """Starts one where the app's setting says so, and somebody holds the entitlement from
        outside of whom no takeover knows: since the setting says it, and not from before.

        What the catalog says now counts, whyever it is asked.

        Raises:
            Unavailable: the catalog does not answer.
        """
        try:
            offered = await self.catalog.offered(entitlement_id)
            if await self._is_due(offered):
                started = self._start(offered, offered.action, REQUESTS)
                return Outcome(started.result, started.change)
        except NotFound:
            pass
        return Outcome(None)

    async def _is_due(self, offered: Offered) -> bool:
        since = offered.acts_since
        if (
            since is None
            or offered.left_alone
            or await self.takeovers.open_of(offered.entitlement_id)
        ):
            return False
        async for page in self.catalog.held(entitlement_id=offered.entitlement_id, unmanaged=True):
            found = from_outside(page)
            past = await self.takeovers.past(
                offered.entitlement_id, [each.subject.user_id for each in found]
            )
            if any(each.is_new(past.get(each.subject.user_id, ()), since) for each in found):
                return True
        return False

    def _start(self, offered: Offered, action: UnmanagedAction, actor: Caller) -> Outcome[Takeover]:
        takeover = Takeover.start(
            new_id("tko"),
            app_id=offered.app_id,
            entitlement_id=offered.entitlement_id,
            action=action,
            started_by=actor,
            time=self.clock.now(),
        )
        body = facts.TakeoverStarted(
            takeover.takeover_id, takeover.app_id, takeover.entitlement_id, action.value, actor
        )
        details = {
            "app_id": takeover.app_id,
            "entitlement_id": takeover.entitlement_id,
            "action": action.value,
        }
        change = Change(
            AuditEntry(actor, "takeover.started", takeover.takeover_id, details=details),
            (self.takeovers.added(takeover),),
            (Fact(takeover.takeover_id, takeover.version, body),),
        )
        return Outcome(takeover, change)
