"""The port `Delegations`: the database and the fake do the same, and nothing reads what is over."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.guarded import Stale
from libs.domain.changes import AuditEntry, Change, Write
from libs.domain.ids import derived_id
from libs.domain.paging import PageRequest, time_key
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.delegation import Delegation, Look, Period
from services.requests.domain.person import PersonRef
from services.requests.ports import Delegations
from services.requests.store import MIGRATIONS
from services.requests.store.delegations import DelegationStore
from services.requests.store.documents import person_document
from services.requests.store.tables import delegations as table
from services.requests.store.tables import ledger
from tests.fakes.clock import MachineClock
from tests.fakes.requests_delegations import Taken
from tests.fakes.requests_store import FakeStore
from tests.integration.catalog.plans import captured, plan_of, rows_read
from tests.support.issuer import TENANT
from tests.support.migrated import migrated

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the requests service."""
    async with migrated(database_url, MIGRATIONS) as database:
        yield database


class Kept:
    """The port, and how a change is committed to it."""

    def __init__(self, port: Delegations, committer: Committer | FakeStore) -> None:
        self.port = port
        self._committer = committer

    async def keep(self, *writes: Write) -> None:
        """Commits."""
        change = Change(AuditEntry(REQUESTS, "test", "x"), writes)
        if isinstance(self._committer, FakeStore):
            self._committer.commit(change)
        else:
            await self._committer.commit(change)

    async def name(
        self, delegator: str, delegate: str, start: float, end: float, *, seen: Sequence[Look] = ()
    ) -> Delegation:
        """Keeps a new one, from the one day until the other."""
        made = _delegation(delegator, delegate, start, end)
        await self.keep(*self.port.added(made, seen=seen))
        return made


@pytest.fixture(params=["stored", "fake"])
async def kept(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Kept]:
    """The port over a database, and the fake one."""
    if request.param == "fake":
        store = FakeStore()
        yield Kept(store.delegations, store)
        return
    encode = EncodedFact("x", b"")
    async with Committer(database, ledger, MachineClock(), lambda fact: encode) as committer:
        yield Kept(DelegationStore(database), committer)


def _person(name: str) -> PersonRef:
    return PersonRef(derived_id("usr", name), TENANT, f"object {name}", f"{name} Ä ☂")


def _period(start: float, end: float) -> Period:
    return Period(NOW + start * DAY, NOW + end * DAY)


def _delegation(delegator: str, delegate: str, start: float, end: float) -> Delegation:
    delegation_id = derived_id("dlg", delegator, delegate, str(start))
    people = (_person(delegator), _person(delegate))
    return Delegation(delegation_id, 1, *people, _period(start, end), "Ä\n☂", NOW)


async def test_what_is_kept_is_found(kept: Kept) -> None:
    """As it was, by its people at a moment, and page by page in the order of the ends; of many
    people at once; when it has ended only by its id."""
    port = kept.port
    one = await kept.name("A", "B", 0, 2)
    two = await kept.name("B", "C", 1, 2)
    three = await kept.name("C", "B", -1, 1)
    a, b, c = (_person(name) for name in ("A", "B", "C"))
    assert await port.get(one.delegation_id) == one
    assert await port.get("dlg_none") is None

    everybody = [_person(f"Somebody {number}").user_id for number in range(1200)]
    everybody[100:100] = [each.user_id for each in (a, b, c)]
    found = [await port.delegates_of(everybody, NOW + day * DAY) for day in (-0.1, 0, 1, 2)]
    assert found == [
        {c.user_id: b},
        {a.user_id: b, c.user_id: b},
        {a.user_id: b, b.user_id: c},
        {},
    ]
    assert await port.delegates_of([], NOW) == {}
    in_their_place = [await port.delegators_of(b.user_id, NOW + day * DAY) for day in (0, 1, 2)]
    assert in_their_place == [sorted([a, c], key=lambda who: who.user_id), [a], []]

    async def pages(user_id: str | None, at: datetime, size: int) -> list[Delegation]:
        listed: list[Delegation] = []
        token = ""
        while True:
            page = await port.page(PageRequest(size, token, ("x",)), user_id=user_id, at=at)
            listed.extend(page.items)
            if not (token := page.next_page_token):
                return listed

    last = sorted([one, two], key=lambda each: each.delegation_id)
    for size in (1, 2, 9):
        assert await pages(None, NOW, size) == [three, *last]
        assert await pages(b.user_id, NOW, size) == [three, *last]
        assert await pages(a.user_id, NOW, size) == [one]
        assert await pages(None, NOW + DAY, size) == last
    look = await port.look(b.user_id, _period(0, 1.1))
    assert look == Look(b.user_id, _period(0, 1.1), (two,))
    assert (await port.look(b.user_id, _period(0, 1))).delegations == ()
    assert (await port.look(b.user_id, _period(2, 3))).delegations == ()

    ended = one.end(NOW + 0.5 * DAY)
    await kept.keep(port.changed(ended, seen=1))
    with pytest.raises((Stale, Taken)):
        await kept.keep(port.changed(ended, seen=1))
    assert await port.get(one.delegation_id) == ended
    assert await pages(None, NOW + 0.5 * DAY, 9) == [three, two]
    assert await port.delegates_of([a.user_id], NOW + 0.5 * DAY) == {}


async def test_a_new_one_holds_while_nothing_more_is_found(kept: Kept) -> None:
    """Whoever was looked at has not delegated more since, for any part of that time; what was seen,
    has ended, or is for another time stands in nobody's way."""
    port = kept.port
    b = _person("B").user_id
    seen = await kept.name("B", "C", 0, 1)
    look = await port.look(b, _period(0, 2))
    await kept.name("A", "D", 0, 2, seen=[look])
    await kept.name("B", "C", 2, 3)
    await kept.keep(port.changed(seen.end(NOW), seen=1))
    await kept.name("A", "D", 2, 3, seen=[look])
    await kept.name("B", "E", 1.5, 2)
    with pytest.raises((Stale, Taken)):
        await kept.name("A", "D", 3, 4, seen=[await port.look(b, _period(8, 9)), look])
    assert await port.get(_delegation("A", "D", 3, 4).delegation_id) is None


async def test_nothing_reads_what_is_over(database: Database) -> None:
    """With thousands that are over, of the same people, and thousands that are not, of others,
    each question reads a few."""
    store, a, b = DelegationStore(database), _person("A").user_id, _person("B").user_id

    someone = person_document(_person("A"))

    def row(
        number: int, delegator: str, delegate: str, start: float, end: float
    ) -> dict[str, object]:
        return {
            "delegation_id": derived_id("dlg", str(number)),
            "version": 1,
            "delegator_user_id": delegator,
            "delegator": someone,
            "delegate_user_id": delegate,
            "delegate": someone,
            "start_time": NOW + start * DAY,
            "end_time": NOW + end * DAY,
            "reason": "",
            "create_time": NOW,
        }

    over = [row(number, a, b, -number - 2, -number - 1) for number in range(3000)]
    others = [row(number, f"x{number}", f"y{number}", -1, 300) for number in range(3000, 6000)]
    await database.write(lambda connection: connection.execute(insert(table), [*over, *others]))
    request = PageRequest(1, "", ("x",))
    token = request.cut((), time_key(NOW + 300 * DAY, "dlg_0")).next_page_token
    with captured() as statements:
        for user_id in (a, "x3000", None):
            await store.page(request, user_id=user_id, at=NOW)
            await store.page(replace(request, token=token), user_id=user_id, at=NOW)
        await store.look(a, _period(0, 1))
        await store.delegates_of([a, b], NOW)
        await store.delegators_of(b, NOW)
    assert len(statements) == 7
    for statement in statements:
        assert await rows_read(database, statement) < 100, await plan_of(database, statement)
