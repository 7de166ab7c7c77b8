"""The tables, and the ports over them: the database and the fake do the same."""

from datetime import timedelta

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from libs.db.engine import Database
from libs.domain.ids import new_id
from libs.domain.paging import PageRequest
from services.requests.domain import deciding
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.gone import Dependent
from services.requests.domain.inputs import Inputs
from services.requests.domain.lease import LATE, Lease, LeaseState
from services.requests.domain.plan import Plan
from services.requests.domain.resolution import DirectoryPerson, Holding
from services.requests.domain.steps import Accept
from services.requests.store import MIGRATIONS
from services.requests.store.tables import metadata
from tests.fakes.requests_neighbours import ENTITLEMENT, TARGET
from tests.integration.requests_service.stores import NOW, Ports, made_wish
from tests.unit.requests_service.house import ADA, person


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


def approved_of(wish: AccessRequest) -> tuple[AccessRequest, Lease]:
    """A wish that policy accepts, and the lease that comes of it."""
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
    approved, lease = approved_of(wish)
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
    alarmed = ending.alarmed(NOW)
    for newer, older, request, seen in (
        (active, lease, fulfilled, approved),
        (ending, active, after, fulfilled),
        (alarmed, ending, after, after),
        (alarmed.finish(NOW), alarmed, after.lease_ended(NOW), after),
    ):
        await ports.keep(
            ports.leases.changed(newer, seen=older.version),
            ports.access_requests.changed(request, seen=seen),
        )
        assert await ports.leases.with_access_request(lease.lease_id) == (newer, request)


async def test_what_takes_over_comes_back_the_same(ports: Ports) -> None:
    """What was asked for to be taken over is, from the wish to the lease; a lease that does not can
    come to in a new round of delivery."""
    wish = await made_wish(takes_over=True)
    approved, lease = approved_of(wish)
    other_wish, other = approved_of(await made_wish("Ben"))
    assert (lease.takes_over, other.takes_over) == (True, False)
    await ports.keep(
        ports.access_requests.added(approved),
        ports.leases.added(lease),
        ports.access_requests.added(other_wish),
        ports.leases.added(other),
    )
    assert await ports.leases.with_access_request(lease.lease_id) == (lease, approved)
    again = other.fail(NOW).retry(NOW, takes_over=True)
    await ports.keep(ports.leases.changed(again, seen=other.version))
    assert await ports.leases.get(other.lease_id) == again
    assert again.takes_over and again.fail(NOW).retry(NOW).takes_over


async def test_a_lease_that_lasts_longer_comes_back_the_same(ports: Ports) -> None:
    """With the access request that made it, and its reminder; each is kept together with the other
    or not at all."""
    approved, lease = approved_of(await made_wish())
    answer = TargetAnswer(TARGET, "204", True, NOW)
    active = lease.activate(NOW)
    delivery = Delivery(DeliveryState.DELIVERED, 1, (answer,))
    fulfilled = approved.fulfil(delivery, active.end_time, NOW)
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
    await ports.keep(
        ports.leases.changed(active, seen=1),
        ports.access_requests.changed(fulfilled, seen=approved),
    )
    more = await made_wish(extends_lease_id=lease.lease_id)
    await ports.keep(ports.access_requests.added(more))
    assert await ports.access_requests.get(more.access_request_id) == more
    assert more.extends_lease_id == lease.lease_id
    by = timedelta(hours=2)
    longer = active.extend(by, None, NOW)
    assert longer.end_time is not None and longer.remind_time is not None
    planned = deciding.planned(more, _plan(), _inputs(more), by, NOW)
    done = deciding.extend(planned, lease.lease_id, longer.end_time, by, NOW)
    change = (
        ports.leases.changed(longer, seen=active.version),
        ports.access_requests.changed(done, seen=more),
    )
    await ports.keep(*change)
    assert await ports.leases.with_access_request(lease.lease_id) == (longer, fulfilled)
    assert await ports.access_requests.get(more.access_request_id) == done
    occupants = await ports.access_requests.occupants(more.subject.user_id, ENTITLEMENT)
    assert occupants == ("", lease.lease_id)
    await ports.refuses(*change)


async def test_near_and_late_ends_are_found(ports: Ports) -> None:
    """From their moment on, until they were told of; the alarmed are listed until they are out."""
    leases = []
    for name in ("Ada", "Ben", "Cleo"):
        approved, lease = approved_of(await made_wish(name))
        active = lease.activate(NOW)
        await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
        await ports.keep(ports.leases.changed(active, seen=1))
        leases.append(active)
    ids, before = [it.lease_id for it in leases], timedelta(microseconds=1)
    remind = leases[0].remind_time
    assert remind is not None
    assert await ports.leases.to_remind(remind - before, 9) == []
    assert await ports.leases.to_remind(remind, 9) == ids
    assert await ports.leases.to_remind(remind, 2) == ids[:2]
    reminded = leases[0].reminded(NOW)
    await ports.keep(ports.leases.changed(reminded, seen=2))
    assert await ports.leases.to_remind(remind, 9) == ids[1:]

    # The one that was to end last is looked at last.
    ending = [reminded.revoke("no", NOW + before), leases[1].revoke("no", NOW)]
    for it in ending:
        await ports.keep(ports.leases.changed(it, seen=it.version - 1))
    assert await ports.leases.late(NOW + LATE - before, 9) == []
    assert await ports.leases.late(NOW + LATE, 9) == [ids[1]]
    assert await ports.leases.late(NOW + LATE + before, 9) == [ids[1], ids[0]]
    assert await ports.leases.late(NOW + LATE + before, 1) == [ids[1]]
    alarmed = ending[1].alarmed(NOW)
    await ports.keep(ports.leases.changed(alarmed, seen=ending[1].version))
    assert await ports.leases.late(NOW + LATE + before, 9) == [ids[0]]

    async def listed(**filters: object) -> list[str]:
        given = {"alarmed": True} | filters
        page = await ports.leases.page(PageRequest(9, "", ("x",)), **given)  # type: ignore[arg-type]
        return [item.lease_id for item in page.items]

    assert await listed() == [ids[1]]
    assert await listed(user_id=ADA.user_id) == []
    assert await listed(state=LeaseState.ENDING) == [ids[1]]
    assert await listed(state=LeaseState.ACTIVE) == []
    await ports.keep(ports.leases.changed(alarmed.finish(NOW), seen=alarmed.version))
    assert await listed() == []


async def test_an_old_version_is_not_written(ports: Ports) -> None:
    """A change made from what is no longer so is refused whole."""
    wish = await made_wish()
    await ports.keep(ports.access_requests.added(wish))
    cancelled = wish.cancel(ADA, "", NOW)
    await ports.keep(ports.access_requests.changed(cancelled, seen=wish))
    approved, lease = approved_of(wish)
    await ports.refuses(
        ports.leases.added(lease), ports.access_requests.changed(approved, seen=wish)
    )
    assert await ports.leases.get(lease.lease_id) is None
    assert await ports.access_requests.get(wish.access_request_id) == cancelled


async def test_a_lease_that_moved_on_is_not_as_it_was(ports: Ports) -> None:
    """`unchanged` holds while nothing happened, and not afterwards."""
    approved, lease = approved_of(await made_wish())
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(lease))
    await ports.keep(ports.leases.unchanged(lease))
    await ports.keep(ports.leases.changed(lease.fail(NOW), seen=1))
    await ports.refuses(ports.leases.unchanged(lease))


async def test_one_open_and_one_live_for_a_person_and_an_entitlement(ports: Ports) -> None:
    """A second one is refused whoever comes; another person's or entitlement's is not."""
    approved, lease = approved_of(await made_wish())
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
    second, second_lease = approved_of(await made_wish())
    await ports.keep(ports.access_requests.added(second), ports.leases.added(second_lease))
    await ports.refuses(ports.leases.changed(failed_lease.retry(NOW), seen=2))
    # It gives way, but it can still end.
    await ports.keep(ports.leases.changed(failed_lease.revoke("why", NOW), seen=2))


async def test_lists(ports: Ports) -> None:
    """Newest first, without timelines, one's own or all, by state and app, page by page."""
    wishes = [await made_wish(name) for name in ("Ada", "Ben", "Cleo")]
    for wish in wishes:
        approved, lease = approved_of(wish)
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

    page = await ports.leases.page(PageRequest(2, "", ("y",)), state=None)
    assert [lease.access_request_id for lease in page.items] == ids[:2]
    rest = PageRequest(2, page.next_page_token, ("y",))
    page = await ports.leases.page(rest, state=LeaseState.GRANTED)
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

    approved, granted = approved_of(await made_wish("Cleo"))
    await ports.keep(ports.access_requests.added(approved), ports.leases.added(granted))
    approved, lease = approved_of(await made_wish("Dan"))
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
        approved, lease = approved_of(await made_wish(name))
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
