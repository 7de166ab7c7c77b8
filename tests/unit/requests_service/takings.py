"""Takeovers over fakes: a house's takeovers, and what people hold from outside."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from libs.domain.callers import Person
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.lease import Lease
from services.requests.domain.person import PersonRef
from services.requests.domain.steps import Accept
from services.requests.domain.takeover import Takeover, TakeoverHolder, UnmanagedAction
from services.requests.handlers.look_takeover import TakeoverLooker
from services.requests.handlers.rule_takeover import TakeoverRuler
from services.requests.handlers.start_takeover import StartTakeover, TakeoverStarter
from services.requests.handlers.take_over import HolderTaker
from services.requests.loops.takeovers import OutsideLoop, TakeoverLoop
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.cast import ROOT, town
from tests.unit.requests_service.house import House
from tests.unit.requests_service.reviews import thing

HOUR = timedelta(hours=1)
ADOPT, REMOVE = UnmanagedAction.ADOPT, UnmanagedAction.REMOVE


@dataclass
class Takings:
    """A house with takeovers."""

    house: House = field(default_factory=lambda: town(Accept()))

    @property
    def now(self) -> datetime:
        """The time."""
        return self.house.clock.now()

    def says(self, action: UnmanagedAction) -> None:
        """From now on the app says this of access from outside."""
        self.house.catalog.action, self.house.catalog.action_time = action, self.now

    def gives(self, *people: Person, unmanaged: bool = True) -> None:
        """Somebody gives people the role, from outside where not said, and a sync sees it."""
        self.house.clock.advance(HOUR)
        now = self.now
        self.house.catalog.things += [
            replace(
                thing(each, unmanaged=unmanaged),
                subject=PersonRef.of(each),
                since=now,
                seen=now if unmanaged else None,
            )
            for each in people
        ]
        self.house.clock.advance(HOUR)

    def takes(self, *people: Person) -> None:
        """Somebody takes it from them, and a sync sees it."""
        gone = {each.user_id for each in people}
        kept = self.house.catalog.things
        self.house.catalog.things = [it for it in kept if it.subject.user_id not in gone]

    @property
    def starter(self) -> TakeoverStarter:
        """Starts takeovers."""
        house = self.house
        return TakeoverStarter(house.store.takeovers, house.catalog, house.clock)

    @property
    def looker(self) -> TakeoverLooker:
        """Looks who holds what."""
        house = self.house
        return TakeoverLooker(house.store.takeovers, house.catalog, house.clock)

    @property
    def taker(self) -> HolderTaker:
        """Sees to holders."""
        house, store = self.house, self.house.store
        return HolderTaker(
            store.takeovers,
            store.access_requests,
            store.leases,
            house.catalog,
            house.creator,
            house.clock,
        )

    async def start(self, action: UnmanagedAction, who: Person = ROOT) -> Takeover:
        """Starts one."""
        return self.house.keep(await self.starter(StartTakeover(who, ENTITLEMENT, action)))

    async def found(self) -> Takeover | None:
        """The catalog says that it found something."""
        return self.house.keep(await self.starter.found(ENTITLEMENT))

    async def loop(self) -> None:
        """One round of the loop."""
        store = self.house.store
        await TakeoverLoop(self.house.writes, store.takeovers, self.looker, self.taker)()

    async def look(self, seen: Takeover) -> None:
        """It is looked who holds what, and nobody is seen to."""
        self.house.keep(await self.looker(seen.takeover_id))

    async def outside(self) -> None:
        """One round of looking for what no event has told."""
        await OutsideLoop(self.house.writes, self.house.catalog, self.starter)()

    async def taken(self, action: UnmanagedAction, who: Person = ROOT) -> Takeover:
        """One that was started, after a round."""
        made = await self.start(action, who)
        await self.loop()
        return self.kept(made)

    async def confirm(self, seen: Takeover, who: Person = ROOT) -> Takeover:
        """Agrees to a held one."""
        ruler = TakeoverRuler(self.house.store.takeovers, self.house.clock)
        return self.house.keep(await ruler.confirm(who, seen.takeover_id))

    async def cancel(self, seen: Takeover, who: Person = ROOT) -> Takeover:
        """Gives a held one up."""
        ruler = TakeoverRuler(self.house.store.takeovers, self.house.clock)
        return self.house.keep(await ruler.cancel(who, seen.takeover_id))

    def kept(self, takeover: Takeover) -> Takeover:
        """It as it is kept."""
        return self.house.store.kept_takeovers.takeovers[takeover.takeover_id]

    def all(self) -> list[Takeover]:
        """All of them, oldest first."""
        return [each for _, each in sorted(self.house.store.kept_takeovers.takeovers.items())]

    def holder(self, takeover: Takeover, who: Person) -> TakeoverHolder:
        """What became of somebody."""
        return self.house.store.kept_takeovers.holders[takeover.takeover_id, who.user_id]

    def wishes(self, who: Person) -> list[AccessRequest]:
        """Somebody's access requests, oldest first."""
        kept = sorted(self.house.store.kept_access_requests.items())
        return [each for _, each in kept if each.subject.user_id == who.user_id]

    def leases(self, who: Person) -> list[Lease]:
        """Somebody's leases, oldest first."""
        kept = sorted(self.house.store.kept_leases.items())
        return [each for _, each in kept if each.subject.user_id == who.user_id]
