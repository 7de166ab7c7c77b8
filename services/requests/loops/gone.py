"""Ends what depends on people and entitlements that are gone from the catalog.

An event of the catalog is a hint to look at one person or app. When it is lost, rounds over all
leases and delegations find the same, a bounded number at a time: with 10,000 leases a full turn
takes twenty rounds, and each asks the catalog at most once for every person and entitlement among
500 leases and 500 delegations.
When it does not know too many of these, nothing is over for that, and the audit says so: once, and
again when a full turn found no such doubt.
Access requests that are not decided need no rounds: `DecideLoop` asks the catalog about them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

import structlog

from libs.db.writes import Writes
from libs.domain.clock import Clock
from libs.domain.errors import Unavailable
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain.delegation import Delegation
from services.requests.domain.gone import Dependent, Doubt, Gone, doubt_of, over
from services.requests.handlers import doubt_catalog
from services.requests.handlers.cancel_access_request import Withdrawer
from services.requests.handlers.decide_access_request import Decider
from services.requests.handlers.delete_delegation import DelegationEnder
from services.requests.handlers.end_lease import Ender
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 60.0
_MOST = 500
_log = structlog.get_logger(__name__)

Asked = Callable[[str], Awaitable[Gone | None]]
Pages = Callable[[str, int], Awaitable[list[Dependent]]]
Ending = Callable[[str, str], Awaitable[None]]


class GoneLoop:
    """Looks whether people and entitlements are still there, and ends what depends on them."""

    def __init__(
        self,
        writes: Writes,
        access_requests: ports.AccessRequests,
        leases: ports.Leases,
        delegations: ports.Delegations,
        catalog: ports.Catalog,
        ender: Ender,
        withdrawer: Withdrawer,
        delegation_ender: DelegationEnder,
        decider: Decider,
        clock: Clock,
    ) -> None:
        self._writes = writes
        self._access_requests = access_requests
        self._leases = leases
        self._delegations = delegations
        self._catalog = catalog
        self._ender = ender
        self._withdrawer = withdrawer
        self._decider = decider
        self._delegation_ender = delegation_ender
        self._clock = clock
        # Behind which lease, and with which page of the delegations, the next round begins.
        self._after = self._token = ""
        # Whether the catalog is doubted, and whether it was since the first lease of this turn.
        self._doubted = self._doubted_in_turn = False

    async def __call__(self) -> None:
        """One round: the next leases and delegations that are not over, from the first again after
        the last."""
        found = await self._leases.not_over(self._after, _MOST)
        page = await self._page(self._token)
        named = [
            Dependent(it.delegation_id, "", who.user_id)
            for it in page.items
            for who in (it.delegator, it.delegate)
        ]
        every = (it.subject_user_id for it in (*found, *named))
        try:
            people = await _ask(self._catalog.person_gone, every)
            entitlements = await self._entitlements(found)
        except Unavailable:
            # The same ones are looked at in the next round.
            return
        doubt = doubt_of([*people.values(), *entitlements.values()])
        if doubt is not None:
            await self._doubt(doubt)
        doubted = doubt is not None
        await _end(over(found, people, entitlements, doubted=doubted), self._end_lease)
        await _end(over(named, people, {"": None}, doubted=doubted), self._end_delegation)
        self._token = page.next_page_token
        self._after = found[-1].resource_id if len(found) == _MOST else ""
        if not self._after:
            await self._turn_over()

    async def _doubt(self, doubt: Doubt) -> None:
        _log.error("gone_not_believed", asked=doubt.asked, unknown=doubt.unknown)
        if not self._doubted:
            await self._writes.run(lambda: doubt_catalog.doubted(doubt))
        self._doubted = self._doubted_in_turn = True

    async def _turn_over(self) -> None:
        if self._doubted and not self._doubted_in_turn:
            await self._writes.run(doubt_catalog.believed)
            self._doubted = False
        self._doubted_in_turn = False

    async def of_person(self, user_id: str) -> None:
        """Ends everything of a person, unless they are in the directory and enabled.

        Raises:
            Unavailable: the catalog does not answer.
        """
        if (gone := await self._catalog.person_gone(user_id)) is None:
            return
        for pages, end in self._all(subject_user_id=user_id):
            async for found in _pages(pages):
                await _end(dict.fromkeys((it.resource_id for it in found), gone), end)
        await self._withdraw_wishes_of(user_id, gone)
        page = await self._page("", user_id)
        while True:
            await _end({it.delegation_id: gone for it in page.items}, self._end_delegation)
            if not page.next_page_token:
                break
            page = await self._page(page.next_page_token, user_id)
        # Delegations first: nobody decides for them any more.
        await self._ask_others(user_id)

    async def _withdraw_wishes_of(self, user_id: str, gone: Gone) -> None:
        """What the person asked for in others' places: nobody may ask any more who has left."""

        async def by_them(after: str, most: int) -> list[Dependent]:
            return await self._access_requests.undecided(after, most, requester_user_id=user_id)

        left = Gone(f"Who asked for it is gone: {gone.reason}")
        async for found in _pages(by_them):
            await _end(dict.fromkeys((it.resource_id for it in found), left), self._cancel)

    async def _ask_others(self, user_id: str) -> None:
        """What the person was to decide is for others now, or for nobody."""
        after = ""
        while found := await self._access_requests.awaiting(user_id, after, _MOST):
            async for turn in in_turns(found, self._look_again):
                for _, answer in turn:
                    if isinstance(answer, Exception):
                        raise answer
            after = found[-1]

    async def _look_again(self, access_request_id: str) -> None:
        await self._writes.run(lambda: self._decider(access_request_id))

    async def of_app(self, app_id: str) -> None:
        """Ends everything of those entitlements of an app that can't be had any more.

        Raises:
            Unavailable: the catalog does not answer.
        """
        for pages, end in self._all(app_id=app_id):
            async for found in _pages(pages):
                entitlements = await self._entitlements(found)
                ended = {
                    it.resource_id: gone
                    for it in found
                    if (gone := entitlements[it.entitlement_id]) is not None
                }
                await _end(ended, end)

    def _all(self, *, subject_user_id: str = "", app_id: str = "") -> list[tuple[Pages, Ending]]:
        async def undecided(after: str, most: int) -> list[Dependent]:
            return await self._access_requests.undecided(
                after, most, subject_user_id=subject_user_id, app_id=app_id
            )

        async def not_over(after: str, most: int) -> list[Dependent]:
            return await self._leases.not_over(
                after, most, subject_user_id=subject_user_id, app_id=app_id
            )

        # Leases last: what is approved meanwhile is found among them.
        return [(undecided, self._cancel), (not_over, self._end_lease)]

    async def _entitlements(self, found: Iterable[Dependent]) -> Mapping[str, Gone | None]:
        return await _ask(self._catalog.entitlement_gone, (it.entitlement_id for it in found))

    async def _page(self, token: str, user_id: str | None = None) -> Page[Delegation]:
        request = PageRequest(_MOST, token, ("gone", user_id or ""))
        return await self._delegations.page(request, user_id=user_id, at=self._clock.now())

    async def _end_lease(self, lease_id: str, reason: str) -> None:
        await self._writes.run(lambda: self._ender(lease_id, reason))

    async def _cancel(self, access_request_id: str, reason: str) -> None:
        await self._writes.run(lambda: self._withdrawer(access_request_id, reason))

    async def _end_delegation(self, delegation_id: str, reason: str) -> None:
        await self._writes.run(lambda: self._delegation_ender(delegation_id, reason))


async def _pages(page: Pages) -> AsyncIterator[list[Dependent]]:
    after = ""
    while True:
        found = await page(after, _MOST)
        yield found
        if len(found) < _MOST:
            return
        after = found[-1].resource_id


async def _ask(ask: Asked, ids: Iterable[str]) -> dict[str, Gone | None]:
    """The verdict on each, asked for once."""
    verdicts: dict[str, Gone | None] = {}
    async for turn in in_turns(sorted(set(ids)), ask):
        for found, answer in turn:
            if isinstance(answer, Exception):
                raise answer
            verdicts[found] = answer
    return verdicts


async def _end(ended: Mapping[str, Gone], end: Ending) -> None:
    """Ends all that can be ended, and then says what could not."""
    failed: Exception | None = None
    async for turn in in_turns(sorted(ended), lambda found: end(found, ended[found].reason)):
        for _, answer in turn:
            if isinstance(answer, Exception):
                failed = answer
    if failed is not None:
        raise failed
