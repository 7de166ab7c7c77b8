"""Takeovers in the database, and that nothing reads more where there is more."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.guarded import Stale
from libs.domain.changes import AuditEntry, Change, Write
from libs.domain.ids import new_id
from libs.domain.paging import PageRequest
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.person import PersonRef
from services.requests.domain.takeover import (
    Fate,
    FromOutside,
    Takeover,
    TakeoverHolder,
    TakeoverState,
    UnmanagedAction,
)
from services.requests.store import MIGRATIONS, documents
from services.requests.store.tables import ledger
from services.requests.store.takeover_tables import takeover_holders
from services.requests.store.takeovers import TakeoverStore
from tests.fakes.clock import MachineClock
from tests.integration.catalog.plans import captured, plan_of, rows_read, scans
from tests.integration.requests_service.stores import NOW
from tests.unit.requests_service.house import ADA, person

_SIZE, _PAGE = 4000, 50
_REMOVE = UnmanagedAction.REMOVE


class Kept:
    """A store, and what is committed to it."""

    def __init__(self, store: TakeoverStore, committer: Committer) -> None:
        self.store, self._committer = store, committer

    async def keep(self, *writes: Write) -> None:
        """Commits."""
        await self._committer.commit(Change(AuditEntry(REQUESTS, "test", "x"), writes))

    async def refuses(self, *writes: Write) -> None:
        """Does not commit."""
        with pytest.raises(Stale):
            await self.keep(*writes)

    async def looked(self, found: int, state: TakeoverState) -> Takeover:
        """One that has found so many, in this state."""
        started, entitlement_id = _started(), new_id("ent")
        started = replace(started, entitlement_id=entitlement_id)
        await self.keep(self.store.added(started))
        outside = [FromOutside(_person(number), (), None, None) for number in range(found)]
        looked, holders = started.looked(outside, found, {}, NOW)
        looked = replace(looked, state=state)
        writes = (self.store.changed(looked, seen=1), *self.store.listed(holders))
        await self.keep(*writes)
        return looked

    async def holder(self, takeover: Takeover, number: int) -> TakeoverHolder:
        """One of them."""
        both = await self.store.holder(takeover.takeover_id, _person(number).user_id)
        assert both is not None
        return both[1]


@pytest.fixture
async def kept(database_url: str) -> AsyncIterator[Kept]:
    database = Database.open(database_url)
    await MIGRATIONS.apply(database)
    async with Committer(
        database, ledger, MachineClock(), lambda fact: EncodedFact("x", b"")
    ) as committer:
        yield Kept(TakeoverStore(database), committer)
    await database.close()


def _started() -> Takeover:
    return Takeover.start(
        new_id("tko"),
        app_id="app_1",
        entitlement_id="ent_1",
        action=_REMOVE,
        started_by=ADA,
        time=NOW,
    )


def _person(number: int) -> PersonRef:
    return PersonRef.of(person(f"Somebody {number:04}"))


async def test_each_is_counted_once_and_one_is_open(kept: Kept) -> None:
    """What is kept comes back the same; a second takeover that is open, a holder who was seen to,
    and a takeover that does not run are refused; one that is given up leaves all who wait."""
    store = kept.store
    first = _started()
    await kept.keep(store.added(first))
    assert await store.get(first.takeover_id) == first
    assert await store.open_of("ent_1") == first.takeover_id
    await kept.refuses(store.added(_started()))
    over = first.finish(NOW)
    await kept.keep(store.changed(over, seen=1))
    assert (await store.open_of("ent_1"), await store.get(first.takeover_id)) == ("", over)
    await kept.keep(store.added(second := _started()))
    assert await store.running("", 9) == [second.takeover_id]
    await kept.refuses(store.changed(over, seen=1))

    running = await kept.looked(3, TakeoverState.RUNNING)
    waiting = await store.waiting(running.takeover_id, "", 9)
    assert waiting == sorted(_person(number).user_id for number in range(3))
    holders = [await kept.holder(running, number) for number in range(3)]
    taken = holders[0].taken("req_1", NOW)
    await kept.keep(*store.seen_to(taken))
    await kept.refuses(*store.seen_to(taken))
    await kept.keep(*store.seen_to(holders[1].skipped("no", NOW)))
    assert await kept.holder(running, 0) == taken
    now = await store.get(running.takeover_id)
    assert now is not None
    assert (now.taken_count, now.skipped_count, now.version) == (1, 1, running.version + 2)
    assert now.waiting_count == 1

    held = await kept.looked(2, TakeoverState.HELD)
    await kept.refuses(*store.seen_to((await kept.holder(held, 0)).taken("req_2", NOW)))
    cancelled = held.cancel(ADA, NOW)
    await kept.keep(store.changed(cancelled, seen=held.version), store.left(cancelled))
    assert await store.get(held.takeover_id) == cancelled
    assert (await kept.holder(held, 1)).fate is Fate.SKIPPED
    assert await store.waiting(held.takeover_id, "", 9) == []
    someone = _person(0).user_id
    past = await store.past(held.entitlement_id, [someone, "usr_none"])
    assert past == {someone: [await kept.holder(held, 0)]}
    page = await store.page(PageRequest(9, "", ()), state=TakeoverState.RUNNING)
    assert {each.takeover_id for each in page.items} == {running.takeover_id, second.takeover_id}


async def test_nothing_reads_more_where_there_is_more(kept: Kept) -> None:
    """Neither of takeovers that are over nor of holders of others, nor of those seen to."""
    made = [await kept.looked(1, TakeoverState.DONE) for _ in range(3)]
    row = {
        "entitlement_id": "ent_many",
        "action": "REMOVE",
        "subject": documents.person_document(_person(0)),
        "access_request_id": "",
        "reason": "",
        "time": NOW,
    }
    rows = [
        row
        | {
            "takeover_id": made[number % 2].takeover_id,
            "user_id": f"usr_{number}",
            "fate": "TAKEN" if number % 3 else "WAITING",
        }
        for number in range(_SIZE)
    ]

    def fill(connection: Any) -> None:
        connection.execute(insert(takeover_holders), rows)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")

    store = kept.store
    await store.database.write(fill)
    takeover_id = made[0].takeover_id
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "waiting": lambda: store.waiting(takeover_id, "usr_2", _PAGE),
        "waiting of none": lambda: store.waiting(made[2].takeover_id, "usr_", _PAGE),
        "holder": lambda: store.holder(takeover_id, "usr_8"),
        "past": lambda: store.past("ent_many", [f"usr_{number}" for number in range(_PAGE)]),
    }
    for name, call in calls.items():
        with captured() as statements:
            await call()
        for statement in statements:
            read = await rows_read(store.database, statement)
            scanned = await scans(store.database, statement, frozenset({"takeover_holders"}))
            assert read <= 8 * _PAGE and not scanned, (
                f"{name}: {read} {scanned} {await plan_of(store.database, statement)}"
            )
