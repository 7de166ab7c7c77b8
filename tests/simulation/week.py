"""What people do in a company, and what goes wrong meanwhile: all of it by chance."""

import contextlib
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from latchkey.catalog.v1 import events_pb2
from libs.domain.callers import Person
from libs.domain.errors import LatchkeyError
from libs.domain.ids import new_id
from libs.events.envelope import Event
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.gone import Gone
from services.requests.domain.lease import LeaseState
from services.requests.domain.states import EmergencyReview
from services.requests.handlers.create_access_request import CreateAccessRequest
from services.requests.handlers.end_lease import RevokeLease
from services.requests.handlers.extend_lease import ExtendLease
from services.requests.handlers.retry_access_request import RetryAccessRequest
from services.requests.handlers.review_emergency_access import ReviewEmergencyAccess
from services.requests.handlers.rule_on import ApproveAccessRequest, DenyAccessRequest
from services.requests.handlers.wish import Wish
from tests.simulation.catalog import kind_of
from tests.simulation.house import SimulatedHouse
from tests.simulation.weather import Weather

_LENGTHS = [None, *(timedelta(minutes=each) for each in (5, 20, 60, 240, 480, 1440, 4320))]
_LIKELY = [1, 2, 3, 4, 4, 4, 2, 1]
Deed = Callable[[], Awaitable[None]]
_State = AccessRequestState


class Week:
    """What is still to come, and who does it."""

    def __init__(self, house: SimulatedHouse, chance: random.Random, length: timedelta) -> None:
        self.house, self.company, self.chance = house, house.company, chance
        self.begin = house.clock.now()
        self.end = self.begin + length
        self._coming: list[tuple[datetime, int, Deed]] = []
        self._numbers = itertools.count()
        self.joined = itertools.count()
        self.asked = 0

    def plan(self, deed: Deed, time: datetime) -> None:
        """Something is done at a time."""
        heapq.heappush(self._coming, (time, next(self._numbers), deed))

    def after(self, deed: Deed, shortest: timedelta, longest: timedelta) -> None:
        """Something is done after a while."""
        wait = shortest + (longest - shortest) * self.chance.random()
        self.plan(deed, self.house.clock.now() + wait)

    def some(self, count: int, deed: Deed, *, at_work: bool = False) -> None:
        """Something is done so many times."""
        for _ in range(count):
            time = self.begin + (self.end - self.begin) * self.chance.random()
            if at_work and self.chance.random() < 0.9:
                time = time.replace(hour=8 + time.hour * 10 // 24)
            self.plan(deed, time)

    def every(self, pause: timedelta, deed: Deed) -> None:
        """Something is done again and again."""
        time = self.begin + pause
        while time < self.end:
            self.plan(deed, time)
            time += pause

    async def live(self) -> None:
        """Everything is done; what is not over by then is left to the house."""
        while self._coming and self._coming[0][0] < self.end:
            time, _, deed = heapq.heappop(self._coming)
            await self.house.go_to(time)
            # Who is refused is told why, and gives up.
            with contextlib.suppress(LatchkeyError):
                await deed()
            await self.house.settle_down()
        await self.house.go_to(self.end)

    # What people do.

    async def ask(self) -> None:
        """Somebody asks for something."""
        if "requests" in self.house.down:
            return
        offer = self.chance.choice([*self.company.catalog.offers.values()])
        length = self.chance.choices(_LENGTHS, _LIKELY)[0]
        if length is None or (offer.max_duration is not None and length > offer.max_duration):
            length = offer.max_duration if self.chance.random() < 0.8 else None
        who = self.chance.choice(self.company.enabled)
        emergency = offer.emergency is not None and self.chance.random() < 0.1
        if emergency:
            length = timedelta(minutes=30)
        wish = Wish(who, offer.entitlement_id, length, emergency=emergency)
        room = self.house.requests
        asked = await room.writes.run(lambda: room.create(CreateAccessRequest(wish, "work")))
        self.asked += 1
        self._follow(asked, who)
        if emergency:
            self.after(lambda: self._review(asked.access_request_id), *_hours(0.1, 20))

    def _follow(self, asked: AccessRequest, who: Person) -> None:
        if asked.state is _State.PENDING and self.chance.random() < 0.95:
            self.after(lambda: self._decide(asked.access_request_id, who), *_hours(0.01, 8))
        if asked.lease_id:
            self._follow_lease(asked.lease_id, who)

    def _follow_lease(self, lease_id: str, who: Person) -> None:
        luck = self.chance.random()
        if luck < 0.15:
            self.after(lambda: self._revoke(lease_id, who), *_hours(0, 12))
        elif luck < 0.2:
            self.after(lambda: self._revoke(lease_id, self.company.admin), *_hours(0, 6))
        elif luck < 0.4:
            self.after(lambda: self._extend(lease_id, who), *_hours(0.02, 6))
        elif luck < 0.5:
            self.after(lambda: self._retry(lease_id, who), *_hours(0.1, 2))

    async def _decide(self, access_request_id: str, who: Person) -> None:
        room = self.house.requests
        seen = await room.access_requests.get(access_request_id)
        if "requests" in self.house.down or seen is None or seen.state is not _State.PENDING:
            return
        may = sorted(set(seen.awaiting) & self.company.people.keys())
        if not may:
            return
        decider = self.company.people[self.chance.choice(may)]
        if self.chance.random() < 0.8:
            yes = ApproveAccessRequest(decider, access_request_id, str(seen.version))
            seen = await room.writes.run(lambda: room.rule.approve(yes))
        else:
            no = DenyAccessRequest(decider, access_request_id, str(seen.version))
            seen = await room.writes.run(lambda: room.rule.deny(no))
        self._follow(seen, who)

    async def _extend(self, lease_id: str, who: Person) -> None:
        room = self.house.requests
        lease = await room.leases.get(lease_id)
        if "requests" in self.house.down or lease is None or lease.state is not LeaseState.ACTIVE:
            return
        longer = ExtendLease(who, lease_id, "not done", timedelta(hours=self.chance.choice([1, 8])))
        self._follow(await room.writes.run(lambda: room.extend(longer)), who)

    async def _revoke(self, lease_id: str, who: Person) -> None:
        room = self.house.requests
        if "requests" not in self.house.down:
            await room.writes.run(lambda: room.revoke(RevokeLease(who, lease_id, "not needed")))

    async def _retry(self, lease_id: str, who: Person) -> None:
        room = self.house.requests
        lease = await room.leases.get(lease_id)
        if "requests" in self.house.down or lease is None or lease.state is not LeaseState.FAILED:
            return
        again = RetryAccessRequest(who, lease.access_request_id)
        await room.writes.run(lambda: room.retry(again))

    async def _review(self, access_request_id: str) -> None:
        room = self.house.requests
        seen = await room.access_requests.get(access_request_id)
        if "requests" in self.house.down or seen is None:
            return
        review = ReviewEmergencyAccess(
            self.company.admin,
            access_request_id,
            str(seen.version),
            EmergencyReview.JUSTIFIED,
            "it was",
        )
        await room.writes.run(lambda: room.review(review))

    async def sync(self) -> None:
        """The connector syncs, if it can."""
        await self.house.sync()

    async def join(self) -> None:
        """Somebody begins to work here."""
        self.company.join(f"Joiner {next(self.joined)}")

    async def leave(self) -> None:
        """Somebody leaves; the catalog says so, which may be lost."""
        who = self.chance.choice(self.company.enabled)
        self.company.catalog.gone[who.user_id] = Gone("The person is disabled in the directory.")
        now = self.house.clock.now()
        body = events_pb2.UserDeactivated(user_id=who.user_id)
        name = body.DESCRIPTOR.full_name
        event = Event(new_id("evt"), name, who.user_id, 1, now, "{}", body.SerializeToString())
        self.house.post.send(event, now, (self.house.requests, self.house.connector))

    # What is done past Latchkey.

    async def by_hand(self) -> None:
        """An administrator gives something, or takes it away, of somebody for whom nothing of it is
        on its way at the moment."""
        who = self.chance.choice(self.company.enabled)
        offer = self.chance.choice([*self.company.catalog.offers.values()])
        kind = kind_of(self.chance.choice(offer.targets))
        states = await self.house.leases_on(who.user_id, kind)
        if states & {LeaseState.GRANTED, LeaseState.ENDING, LeaseState.FAILED}:
            return
        if self.house.tenant.holds(who.entra_object_id, kind):
            self.house.tenant.remove_by_hand(who.entra_object_id, kind)
        elif LeaseState.ACTIVE not in states:
            self.house.tenant.add_by_hand(who.entra_object_id, kind)

    # What goes wrong.

    def weather(self, weather: Weather, shortest: float, longest: float) -> Deed:
        """Graph is like that for so many minutes."""

        async def begin() -> None:
            self.house.weather(weather)
            self.after(end, timedelta(minutes=shortest), timedelta(minutes=longest))

        async def end() -> None:
            self.house.weather(Weather.FAIR)

        return begin

    async def broker_outage(self) -> None:
        """NATS is away for a while."""

        async def end() -> None:
            self.house.lose_broker(False)

        self.house.lose_broker(True)
        self.after(end, *_hours(0.1, 1))

    def outage(self, name: str) -> Deed:
        """A service does not run for a while."""

        async def begin() -> None:
            self.house.stop(name)
            self.after(end, *_hours(0.05, 0.5))

        async def end() -> None:
            self.house.stop(name, running=True)

        return begin

    async def kill(self) -> None:
        """A service is killed in the middle of what it does next."""
        name = self.chance.choice(["requests", "connector", "connector"])
        self.house.kill(name, self.chance.randrange(8))


def _hours(shortest: float, longest: float) -> tuple[timedelta, timedelta]:
    return timedelta(hours=shortest), timedelta(hours=longest)
