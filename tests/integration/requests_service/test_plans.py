"""No list, and nothing that is looked for in rounds, reads more where there is more."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.domain.changes import AuditEntry, Change
from libs.domain.ids import new_id
from libs.domain.paging import PageRequest
from services.requests.domain.access_request import REQUESTS, AccessRequestState
from services.requests.store import MIGRATIONS
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import access_requests, inbox, ledger
from services.requests.store.tables import leases as lease_table
from tests.fakes.clock import MachineClock
from tests.integration.catalog.plans import captured, plan_of, rows_read, scans
from tests.integration.requests_service.stores import NOW, made_wish
from tests.integration.requests_service.test_store import approved_of

_SIZE = 4000
_FEW = 3
_PAGE = 50
# A page of ids, with a look at each of them, and at the rows.
_MOST = 8 * _PAGE


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[AccessRequestStore]:
    """Four thousand access requests of which three, the oldest, are what nobody else has."""
    database = Database.open(database_url)
    await MIGRATIONS.apply(database)
    store = AccessRequestStore(database)
    async with Committer(
        database, ledger, MachineClock(), lambda fact: EncodedFact("x", b"")
    ) as committer:
        made = store.added(await made_wish())
        await committer.commit(Change(AuditEntry(REQUESTS, "test", "x"), made))
    await database.write(_fill)
    yield store
    await database.close()


def _fill(connection: Connection) -> None:
    row = dict(connection.execute(select(access_requests)).mappings().one())
    rows, waiting = [], []
    for number in range(_SIZE):
        few, request_id = number < _FEW, new_id("req")
        one: dict[str, Any] = {
            "access_request_id": request_id,
            "open_key": None,
            "emergency_key": f"subject {number}" if few else None,
            "state": "DENIED" if few else "PENDING" if number % 2 else "FULFILLED",
            "app_id": "app_few" if few else "app_many",
            "requester_user_id": "few" if few else "many",
            "subject_user_id": "few" if few else f"subject {number % 100}",
            "waits_for": "POLICY" if few else None,
            "due_time": NOW if few else NOW + timedelta(days=number),
            "review": "OPEN" if few else "UNSPECIFIED",
        }
        rows.append(row | one)
        who = ("ben", "max") if number < 2 * _FEW else ("max",)
        waiting += [
            {"user_id": each, "access_request_id": request_id, "why": why, "delegable": True}
            for each, why in [*((name, "DECIDE") for name in who), ("many", "NEVER")]
        ]
    connection.execute(insert(access_requests), rows)
    connection.execute(insert(inbox), waiting)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")


def _calls(store: AccessRequestStore) -> dict[str, Callable[[], Awaitable[Any]]]:
    def listed(**fields: Any) -> Callable[[], Awaitable[Any]]:
        filters = {"user_id": None, "state": None, "app_id": ""} | fields
        return lambda: store.page(PageRequest(_PAGE, "", ("x",)), **filters)

    denied, pending = AccessRequestState.DENIED, AccessRequestState.PENDING
    return {
        "all": listed(),
        "few of a state": listed(state=denied),
        "of a state": listed(state=pending),
        "few of an app": listed(app_id="app_few"),
        "of an app": listed(app_id="app_many"),
        "of an app and a state": listed(app_id="app_many", state=pending),
        "one's own, few": listed(user_id="few"),
        "one's own": listed(user_id="many"),
        "one's own as a subject": listed(user_id="subject 7"),
        "inbox, few": listed(user_id="ben", inbox=("ben",)),
        "inbox": listed(inbox=("max",)),
        "inbox of an app": listed(inbox=("max",), app_id="app_many", state=pending),
        "inbox of two": listed(user_id="ben", inbox=("ben", "max")),
        "inbox of nobody": listed(user_id="nobody", inbox=("nobody", "none")),
        "open reviews": listed(review_open=True),
        "open reviews of one": listed(user_id="ben", review_open=True),
        "to look at": lambda: store.to_look_at("", _PAGE),
        "pending": lambda: store.pending("", _PAGE),
        "overdue": lambda: store.overdue(NOW, _PAGE),
        "awaiting": lambda: store.awaiting("max", "", _PAGE),
        "emergency of": lambda: store.emergency_of("subject 1"),
        "occupants": lambda: store.occupants("few", "ent_1"),
        "undecided of one": lambda: store.undecided("", _PAGE, subject_user_id="subject 7"),
        "undecided of an app": lambda: store.undecided("", _PAGE, app_id="app_few"),
    }


@pytest.fixture
async def leases(database_url: str) -> AsyncIterator[LeaseStore]:
    """Four thousand leases that ended, as many that are in Entra, and as many that are late and
    told of, with three of what is looked for."""
    database = Database.open(database_url)
    await MIGRATIONS.apply(database)
    store = LeaseStore(database)
    _, lease = approved_of(await made_wish())
    async with Committer(
        database, ledger, MachineClock(), lambda fact: EncodedFact("x", b"")
    ) as committer:
        await committer.commit(Change(AuditEntry(REQUESTS, "test", "x"), (store.added(lease),)))
    await database.write(_fill_leases)
    yield store
    await database.close()


def _fill_leases(connection: Connection) -> None:
    row = dict(connection.execute(select(lease_table)).mappings().one())
    later, rows = NOW + timedelta(days=9), []
    for number in range(_SIZE):
        few, end_time = number < _FEW, NOW - timedelta(days=1 + number)
        for state, end, remind, alarm in (
            ("ENDED", end_time, None, None),
            ("ACTIVE", later, NOW if few else later, None),
            ("ENDING", end_time, None, None if few else NOW),
        ):
            one = {"lease_id": new_id("lea"), "live_key": None, "state": state, "end_time": end}
            one |= {"subject_user_id": "few" if few else f"subject {number % 100}"}
            rows.append(row | one | {"remind_time": remind, "alarm_time": alarm})
    connection.execute(insert(lease_table), rows)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")


async def test_no_round_of_leases_reads_more_where_there_is_more(leases: LeaseStore) -> None:
    """Near and late ends, and those that should end, are found without all those that are in Entra,
    have ended, or were told of; lists of the late by page."""

    def listed(**fields: Any) -> Callable[[], Awaitable[Any]]:
        filters = {"user_id": None, "state": None, "alarmed": True} | fields
        return lambda: leases.page(PageRequest(_PAGE, "", ("x",)), **filters)

    calls: dict[str, tuple[Callable[[], Awaitable[Any]], int]] = {
        "to remind": (lambda: leases.to_remind(NOW, _PAGE), _FEW),
        "late": (lambda: leases.late(NOW, _PAGE), _FEW),
        "overdue": (lambda: leases.overdue(NOW, _PAGE), 0),
        "failed": (lambda: leases.failed("few", "ent_1"), 0),
        "alarmed": (listed(), _PAGE),
        "alarmed of one": (listed(user_id="subject 7"), _SIZE // 100),
    }
    wrong = {}
    for name, (call, expected) in calls.items():
        with captured() as statements:
            found = await call()
        assert len(getattr(found, "items", found)) == expected, name
        (statement,) = statements
        rows = await rows_read(leases.database, statement)
        scanned = await scans(leases.database, statement, frozenset({"leases"}))
        if rows > _MOST or scanned:
            wrong[name] = f"{rows} rows {scanned} {await plan_of(leases.database, statement)}"
    assert not wrong, "\n".join(f"{name}: {why}" for name, why in wrong.items())


async def test_nothing_reads_more_where_there_is_more(store: AccessRequestStore) -> None:
    """Lists with every filter, inboxes and rounds, whether they find few or many."""
    wrong = {}
    for name, call in _calls(store).items():
        with captured() as statements:
            await call()
        assert statements, name
        for statement in statements:
            rows = await rows_read(store.database, statement)
            scanned = await scans(store.database, statement, frozenset({"access_requests"}))
            if rows > _MOST or (scanned and name != "all"):
                wrong[name] = (rows, scanned, await plan_of(store.database, statement))
    assert not wrong, "\n".join(
        f"{name}: {rows} rows {scanned}\n{plan}" for name, (rows, scanned, plan) in wrong.items()
    )
