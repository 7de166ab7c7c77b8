"""The tables, and the ports over them: the database and the fake do the same."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from libs.db.committer import Committer, EncodedFact, Stale
from libs.db.engine import Database
from libs.domain.changes import AuditEntry, Change, Write
from libs.domain.clock import SystemClock
from libs.domain.ids import new_id
from libs.domain.paging import PageRequest
from services.requests.domain import deciding
from services.requests.domain.access_request import REQUESTS, AccessRequest, AccessRequestState
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.gone import Dependent
from services.requests.domain.inputs import Inputs
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.plan import Accept, Plan
from services.requests.domain.resolution import DirectoryPerson, Holding
from services.requests.ports import AccessRequests, Leases
from services.requests.store import MIGRATIONS, AccessRequestStore, LeaseStore
from services.requests.store.tables import ledger, metadata
from tests.fakes.requests_delegations import Taken
from tests.fakes.requests_neighbours import ENTITLEMENT, TARGET, FakeCatalog
from tests.fakes.requests_store import FakeStore
from tests.unit.requests_service.house import ADA, person

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the requests service."""
    database = Database.open(database_url)
    await MIGRATIONS.apply(database)
    yield database
    await database.close()


async def test_migrations_make_the_tables(database: Database) -> None:
    """Migrations and table definitions are the same, and applying them again is harmless."""
    await MIGRATIONS.apply(database)
    await MIGRATIONS.check(database)
    differences = await database.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": False}), metadata
        )
    )
    assert differences == []


class Ports:
    """Both stores of one kind, and how a change is committed to them."""

    def __init__(self, database: Database | None) -> None:
        self._fake = FakeStore()
        self._committer: Committer | None = None
        self.access_requests: AccessRequests = self._fake.access_requests
        self.leases: Leases = self._fake.leases
        if database is not None:
            self.access_requests = AccessRequestStore(database)
            self.leases = LeaseStore(database)
            self._committer = Committer(
                database, ledger, SystemClock(), lambda fact: EncodedFact("x", b"")
            )

    async def __aenter__(self) -> "Ports":
        if self._committer is not None:
            await self._committer.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._committer is not None:
            await self._committer.__aexit__()

    async def keep(self, *writes: Write | tuple[Write, ...]) -> None:
        """Commits."""
        flat = tuple(
            each for some in writes for each in (some if isinstance(some, tuple) else (some,))
        )
        change = Change(AuditEntry(REQUESTS, "test", "x"), flat)
        if self._committer is None:
            self._fake.commit(change)
        else:
            await self._committer.commit(change)

    async def refuses(self, *writes: Write | tuple[Write, ...]) -> None:
        """Does not commit."""
        with pytest.raises((Stale, Taken)):
            await self.keep(*writes)


@pytest.fixture(params=["stored", "fake"])
async def ports(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Ports]:
    """The ports over a database, and the fake ones."""
    async with Ports(database if request.param == "stored" else None) as ports:
        yield ports


async def made_wish(name: str = "Ada", entitlement_id: str = ENTITLEMENT) -> AccessRequest:
    who = person(name)
    resolution = await FakeCatalog().resolve(entitlement_id, who.user_id, who.user_id)
    return AccessRequest.create(
        new_id("req"),
        requester=who,
        resolution=resolution,
        justification="Ä ☂ 'quoted'\nline",
        requested_duration=None,
        time=NOW,
    )


def _plan() -> Plan:
    return Plan("pol_1", "Default", 1, "d", "", "", ("one",), (Accept("yes"),), NOW)


def _inputs(wish: AccessRequest) -> Inputs:
    who = DirectoryPerson(wish.subject.user_id, "Ada", department="Design")
    held = (Holding(new_id("ent"), "Viewer", wish.app_id),)
    return Inputs(
        subject=who,
        requester=who,
        entitlement_id=wish.entitlement_id,
        entitlement_display_name="Editor",
        resource_kind="ROLE",
        app_id=wish.app_id,
        app_display_name="Design Tool",
        requested_duration=timedelta(hours=1),
        emergency=False,
        now=NOW,
        held=held,
    )


def _approved(wish: AccessRequest) -> tuple[AccessRequest, Lease]:
    lease_id = new_id("lea")
    length = timedelta(hours=1, microseconds=1)
    planned = deciding.planned(wish, _plan(), _inputs(wish), length, NOW)
    approved = deciding.approve(planned, lease_id=lease_id, duration=length, reviewers=(), time=NOW)
    return approved, Lease.grant(lease_id, approved, (TARGET,), approved.requested_duration, NOW)


async def test_what_is_kept_comes_back_the_same(ports: Ports) -> None:
    """Every field of both, at every station of the way."""
    wish = await made_wish()
    await ports.keep(ports.access_requests.added(wish))
    assert await ports.access_requests.get(wish.access_request_id) == wish
    assert await ports.access_requests.get(new_id("req")) is None
    approved, lease = _approved(wish)
    await ports.keep(ports.access_requests.changed(approved, seen=wish), ports.leases.added(lease))
    assert await ports.leases.get(lease.lease_id) == lease
    assert await ports.leases.get(new_id("lea")) is None
    assert await ports.leases.with_access_request(new_id("lea")) is None
    assert await ports.leases.with_access_request(lease.lease_id) == (lease, approved)

    answer = TargetAnswer(TARGET, "204", True, NOW)
    delivery = Delivery(DeliveryState.DELIVERED, 1, (answer,))
    active = lease.activate(NOW)
    fulfilled = approved.fulfil(delivery, active.end_time, NOW)
    ending = active.revoke("why", NOW)
    after = fulfilled.lease_ending(ADA, "revoked", "why", NOW)
    for newer, older, request, seen in (
        (active, lease, fulfilled, approved),
        (ending, active, after, fulfilled),
        (ending.finish(NOW), ending, after.lease_ended(NOW), after),
    ):
        await ports.keep(
            ports.leases.changed(newer, seen=older.version),
            ports.access_requests.changed(request, seen=seen),
        )
        assert await ports.leases.with_access_request(lease.lease_id) == (newer, request)


async def test_an_old_version_is_not_written(ports: Ports) -> None:
    """A change made from what is no longer so is refused whole."""
    wish = await made_wish()
    await ports.keep(ports.access_requests.added(wish))
    cancelled = wish.cancel(ADA, "", NOW)
    await ports.keep(ports.access_requests.changed(cancelled, seen=wish))
    approved, lease = _approved(wish)
    await ports.refuses(
        ports.leases.added(lease), ports.access_requests.changed(approved, seen=wish)
    )
    assert await ports.leases.get(lease.lease_id) is None
    assert await ports.access_requests.get(wish.access_request_id) == cancelled


async def test_a_lease_that_moved_on_is_not_as_it_was(ports: Ports) -> None:
    """`unchanged` holds while nothing happened, and not afterwards."""
    approved, lease = _approved(await made_wish())
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
    await ports.keep(ports.leases.unchanged(lease))
    await ports.keep(ports.leases.changed(lease.fail(NOW), seen=1))
    await ports.refuses(ports.leases.unchanged(lease))


async def test_one_open_and_one_live_for_a_person_and_an_entitlement(ports: Ports) -> None:
    """A second one is refused whoever comes; another person's or entitlement's is not."""
    approved, lease = _approved(await made_wish())
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
    user_id = approved.subject.user_id
    occupants = await ports.access_requests.occupants(user_id, ENTITLEMENT)
    assert occupants == (approved.access_request_id, lease.lease_id)
    await ports.refuses(ports.access_requests.added(await made_wish()))
    other = new_id("ent")
    await ports.keep(ports.access_requests.added(await made_wish("Ben")))
    await ports.keep(ports.access_requests.added(await made_wish(entitlement_id=other)))
    assert (await ports.access_requests.occupants(user_id, other))[1] == ""

    delivery = Delivery(DeliveryState.FAILED, 1, (), "why", "Why.")
    failed, failed_lease = approved.fail(delivery, NOW), lease.fail(NOW)
    await ports.keep(
        ports.access_requests.changed(failed, seen=approved),
        ports.leases.changed(failed_lease, seen=1),
    )
    assert await ports.access_requests.occupants(user_id, ENTITLEMENT) == ("", "")
    second, second_lease = _approved(await made_wish())
    await ports.keep(ports.access_requests.added(second), ports.leases.added(second_lease))
    await ports.refuses(ports.leases.changed(failed_lease.retry(NOW), seen=2))
    # It gives way, but it can still end.
    await ports.keep(ports.leases.changed(failed_lease.revoke("why", NOW), seen=2))


async def test_lists(ports: Ports) -> None:
    """Newest first, without timelines, one's own or all, by state and app, page by page."""
    wishes = [await made_wish(name) for name in ("Ada", "Ben", "Cleo")]
    for wish in wishes:
        approved, lease = _approved(wish)
        await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
    ids = [wish.access_request_id for wish in reversed(wishes)]

    async def listed(size: int, token: str = "", **filters: object) -> tuple[list[str], str]:
        given = {"user_id": None, "state": None, "app_id": ""} | filters
        page = await ports.access_requests.page(
            PageRequest(size, token, ("x",)),
            **given,  # type: ignore[arg-type]
        )
        return [item.access_request_id for item in page.items], page.next_page_token

    assert await listed(3) == (ids, "")
    first, token = await listed(2)
    assert first == ids[:2]
    assert await listed(2, token) == (ids[2:], "")
    assert await listed(3, user_id=ADA.user_id) == (ids[2:], "")
    assert await listed(3, state=AccessRequestState.APPROVED) == (ids, "")
    assert await listed(3, state=AccessRequestState.DENIED) == ([], "")
    assert await listed(3, app_id=wishes[0].app_id) == (ids, "")
    assert await listed(3, app_id="app_x") == ([], "")

    page = await ports.leases.page(PageRequest(2, "", ("y",)), user_id=None, state=None)
    assert [lease.access_request_id for lease in page.items] == ids[:2]
    rest = PageRequest(2, page.next_page_token, ("y",))
    page = await ports.leases.page(rest, user_id=None, state=LeaseState.GRANTED)
    assert [lease.access_request_id for lease in page.items] == ids[2:]
    page = await ports.leases.page(rest, user_id=ADA.user_id, state=LeaseState.ENDED)
    assert page.items == ()


async def test_what_is_to_be_done_is_found(ports: Ports) -> None:
    """The undecided, those on their way for long enough, and those whose time is over."""
    undecided = [await made_wish(name) for name in ("Ada", "Ben")]
    for wish in undecided:
        await ports.keep(ports.access_requests.added(wish))
    first, second = (wish.access_request_id for wish in undecided)
    assert await ports.access_requests.to_look_at("", 9) == [first, second]
    assert await ports.access_requests.to_look_at("", 1) == [first]
    assert await ports.access_requests.to_look_at(first, 9) == [second]

    approved, granted = _approved(await made_wish("Cleo"))
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(granted))
    approved, lease = _approved(await made_wish("Dan"))
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
    before = NOW - timedelta(microseconds=1)
    assert await ports.leases.on_their_way(NOW, "", 9) == [granted.lease_id, lease.lease_id]
    assert await ports.leases.on_their_way(NOW, granted.lease_id, 9) == [lease.lease_id]
    assert await ports.leases.on_their_way(before, "", 9) == []

    active = lease.activate(NOW)
    assert active.end_time is not None
    await ports.keep(ports.leases.changed(active, seen=1))
    assert await ports.leases.on_their_way(NOW, "", 9) == [granted.lease_id]
    assert await ports.leases.overdue(active.end_time - timedelta(microseconds=1), 9) == []
    assert await ports.leases.overdue(active.end_time, 9) == [lease.lease_id]
    assert await ports.leases.is_announced(lease.lease_id)


async def test_what_depends_on_somebody_or_an_app_is_found(ports: Ports) -> None:
    """Undecided access requests and leases that are not over, in their order, over all states."""
    wish = await made_wish("Ada")
    await ports.keep(ports.access_requests.added(wish))
    leases = []
    for name in ("Ben", "Cleo", "Dan", "Eve"):
        approved, lease = _approved(await made_wish(name))
        await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
        leases.append(lease)
    await ports.keep(ports.leases.changed(leases[0].activate(NOW), seen=1))
    await ports.keep(ports.leases.changed(leases[1].fail(NOW), seen=1))
    await ports.keep(ports.leases.changed(leases[2].revoke("no", NOW), seen=1))

    app = {"app_id": wish.app_id}
    left = [leases[0].lease_id, leases[1].lease_id, leases[3].lease_id]
    for which in ({}, app):
        found = await ports.leases.not_over("", 9, **which)
        assert [it.resource_id for it in found] == left
        found = await ports.leases.not_over("", 2, **which)
        assert [it.resource_id for it in found] == left[:2]
        found = await ports.leases.not_over(left[1], 9, **which)
        assert [it.resource_id for it in found] == left[2:]
    cleo = person("Cleo").user_id
    (found_one,) = await ports.leases.not_over("", 9, subject_user_id=cleo)
    assert found_one == Dependent(left[1], ENTITLEMENT, cleo)
    assert await ports.leases.not_over("", 9, app_id="app_other") == []

    (mine,) = await ports.access_requests.undecided("", 9, subject_user_id=ADA.user_id)
    assert mine == Dependent(wish.access_request_id, ENTITLEMENT, ADA.user_id)
    assert await ports.access_requests.undecided("", 9, **app) == [mine]
    assert await ports.access_requests.undecided(mine.resource_id, 9) == []
    assert await ports.access_requests.undecided("", 9, subject_user_id=cleo) == []


async def test_leases_that_are_over_are_not_looked_at(database: Database) -> None:
    """Each state's part of the question goes by an index, in the order of the index."""

    part = "SELECT lease_id FROM leases WHERE {} state = 'ACTIVE' AND lease_id > 'l'"
    part += " ORDER BY lease_id LIMIT 500"

    def plans(connection: Connection) -> dict[str, str]:
        explain = "EXPLAIN QUERY PLAN"
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))
            explain = "EXPLAIN"
        questions = {"leases_state": "", "leases_app_id": "app_id = 'a' AND"}
        return {
            index: str(connection.execute(text(f"{explain} {part.format(which)}")).all())
            for index, which in questions.items()
        }

    for index, plan in (await database.read(plans)).items():
        assert index in plan
        assert "Sort" not in plan and "TEMP B-TREE" not in plan
