"""The catalog follows the requests service: what is asked for and leased, from its feed."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from latchkey.catalog.v1 import app_catalog_pb2
from latchkey.ledger.v1 import audit_pb2
from latchkey.requests.v1 import events_pb2 as pb
from libs.domain.callers import ADMIN
from libs.domain.errors import Unavailable
from libs.process.settings import SettingsError, load
from libs.rpc.well_known import timestamp
from services.catalog.domain.following import FeedEvent
from services.catalog.domain.use import Use, UseState
from services.catalog.handlers.follow_requests import FollowRequests
from services.catalog.loops.follow import FollowLoop
from services.catalog.settings import Settings
from services.catalog.store.feed import StoredFeed
from services.catalog.store.use_tables import feed_positions
from services.catalog.store.uses import StoredUses
from tests.fakes.requests_feed import FakeFeed, asked, fulfilled
from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.integration.catalog.steps import manage, offer
from tests.integration.catalog.tenant import MARLOWE, sync, user_id
from tests.integration.catalog.test_audience import catalog_app
from tests.support.eventually import eventually
from tests.support.issuer import TestIssuer

END = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 5, 1, 14, tzinfo=UTC)
BATCH = 500


async def _uses(catalog: RunningCatalog) -> Sequence[Use]:
    return await StoredUses(catalog.service.database).of_app("app_1")


async def _becomes(catalog: RunningCatalog, *expected: Use) -> None:
    async def same() -> bool:
        assert await _uses(catalog) == expected
        return True

    await eventually(same, 10)


def _use(number: int, state: UseState, lease: str = "", end_time: datetime | None = None) -> Use:
    return Use(f"req_{number}", "ent_1", "app_1", f"usr_{number}", state, lease, end_time)


async def test_follows_through_restarts_and_a_restore(
    database_url: str, nats_url: str, issuer: TestIssuer
) -> None:
    """It serves before requests does, reads what it missed, and begins anew with another feed."""
    feed = FakeFeed()
    await feed.start()
    await feed.stop()
    feed.happen(*(asked(f"req_{n}", "ent_1", "app_1", f"usr_{n}") for n in range(4)))
    async with running_catalog(database_url, nats_url, issuer, feed.address) as catalog:
        assert await _uses(catalog) == ()
        await feed.start()
        await _becomes(catalog, *(_use(n, UseState.OPEN) for n in range(4)))
        feed.happen(
            pb.AccessRequestDenied(access_request_id="req_0"),
            pb.AccessRequestApproved(access_request_id="req_1", lease_id="lea_1"),
            pb.LeaseGranted(lease_id="lea_1", round=1),
            fulfilled("req_1", "lea_1", END),
            pb.AccessRequestApproved(access_request_id="req_2", lease_id="lea_2"),
            pb.AccessRequestFailed(access_request_id="req_2", lease_id="lea_2"),
        )
        three = _use(3, UseState.OPEN)
        active = _use(1, UseState.ACTIVE, "lea_1", END)
        await _becomes(catalog, active, _use(2, UseState.FAILED, "lea_2"), three)
        await feed.stop()
    # More than two batches, most of which mean nothing here.
    feed.happen(pb.LeaseEnded(lease_id="lea_2"))
    feed.happen(*(pb.LeaseGranted(lease_id="lea_1", round=1) for _ in range(2 * BATCH)))
    feed.happen(
        pb.LeaseRemoved(lease_id="lea_2"),
        pb.LeaseEnded(lease_id="lea_1"),
        pb.AccessRequestCancelled(access_request_id="req_3"),
    )
    async with running_catalog(database_url, nats_url, issuer, feed.address) as catalog:
        assert len(await _uses(catalog)) == 3
        await feed.start()
        await _becomes(catalog, _use(1, UseState.ENDING, "lea_1", END))
        feed.restore()
        feed.happen(asked("req_7", "ent_1", "app_1", "usr_7"))
        await _becomes(catalog, _use(7, UseState.OPEN))
        records = await _records(catalog)
        await feed.stop()
    assert [record.action for record in records] == ["uses.followed"] * len(records)
    # 4 events, 6 at once or in two rounds, 1,004 in three batches, and the other feed.
    assert 6 <= len(records) <= 10
    assert records[-1].reason


async def test_a_lease_that_lasts_longer_is_shown_with_its_new_end(
    database_url: str, nats_url: str, issuer: TestIssuer
) -> None:
    """The app catalog shows it as held, the open wish for more beside it, and then the new end;
    what was denied leaves the first one. Whoever dies in the middle, or reads all anew, comes to
    the same."""
    feed = FakeFeed()
    await feed.start()

    async def shown(catalog: RunningCatalog, app_id: str, **expected: object) -> None:
        async def same() -> bool:
            (found,) = (await catalog_app(catalog, "Cleo", app_id)).entitlements
            assert found.state == app_catalog_pb2.CATALOG_STATE_HELD
            assert {
                "lease": found.lease_id,
                "asked": found.access_request_id,
                "end": found.lease_end_time.ToDatetime(UTC),
            } == expected
            return True

        await eventually(same, 10)

    async with running_catalog(database_url, nats_url, issuer, feed.address) as catalog:
        await sync(catalog, MARLOWE)
        app = await manage(catalog, "Design Tool")
        await offer(catalog, app)
        about = (app.access_id, app.app_id, user_id("Cleo"))
        feed.happen(
            asked("req_1", *about),
            pb.AccessRequestApproved(access_request_id="req_1", lease_id="lea_1"),
            fulfilled("req_1", "lea_1", END),
            asked("req_2", *about),
        )
        await shown(catalog, app.app_id, lease="lea_1", asked="req_2", end=END)
        feed.happen(pb.AccessRequestDenied(access_request_id="req_2"), asked("req_3", *about))
        await shown(catalog, app.app_id, lease="lea_1", asked="req_3", end=END)
        # It dies between the two halves of what is one change in the requests service.
        feed.happen(
            pb.AccessRequestApproved(access_request_id="req_3"),
            pb.LeaseExtended(
                lease_id="lea_1", access_request_id="req_3", end_time=timestamp(LATER)
            ),
        )
        await shown(catalog, app.app_id, lease="lea_1", asked="", end=LATER)
    feed.happen(fulfilled("req_3", "lea_1", LATER), pb.LeaseEndNear(lease_id="lea_1"))
    async with running_catalog(database_url, nats_url, issuer, feed.address) as catalog:
        await shown(catalog, app.app_id, lease="lea_1", asked="", end=LATER)
        expected = await StoredUses(catalog.service.database).of_app(app.app_id)
        records = len(await _records(catalog))
        # As if it had followed another feed.
        await catalog.service.database.write(
            lambda connection: (
                connection.execute(update(feed_positions).values(event_id="x")) and None
            )
        )

        async def read_anew() -> bool:
            return any(each.reason for each in (await _records(catalog))[records:])

        await eventually(read_anew, 10)
        assert await StoredUses(catalog.service.database).of_app(app.app_id) == expected
        (use,) = expected
        assert (use.lease_id, use.end_time) == ("lea_1", LATER)
    await feed.stop()


async def _records(catalog: RunningCatalog) -> Sequence[audit_pb2.AuditRecord]:
    admin = catalog.person("Ada", ADMIN)
    verified = await catalog.audit.VerifyAudit(audit_pb2.VerifyAuditRequest(), metadata=admin)
    assert verified.intact
    answer = await catalog.audit.ListAuditRecords(
        audit_pb2.ListAuditRecordsRequest(page_size=500), metadata=admin
    )
    found: Sequence[audit_pb2.AuditRecord] = answer.audit_records
    return found


async def test_two_replicas_follow_as_one(
    postgres_url: str, nats_url: str, issuer: TestIssuer
) -> None:
    """Whoever is second begins again from where the first one came to."""
    feed = FakeFeed()
    await feed.start()
    async with (
        running_catalog(postgres_url, nats_url, issuer, feed.address) as one,
        running_catalog(postgres_url, nats_url, issuer, feed.address),
    ):
        numbers = range(BATCH + 100)
        feed.happen(*(asked(f"req_{n:03}", "ent_1", "app_1", "usr_1") for n in numbers))
        feed.happen(*(pb.AccessRequestDenied(access_request_id=f"req_{n:03}") for n in numbers[1:]))

        async def one_left() -> bool:
            return [use.access_request_id for use in await _uses(one)] == ["req_000"]

        await eventually(one_left, 10)
        await feed.stop()


class _Slow:
    """The port `Requests`, which answers when told to."""

    def __init__(self) -> None:
        self.answer, self.calls, self.away = asyncio.Event(), 0, False

    async def events(self, after: int, most: int) -> Sequence[FeedEvent]:
        self.calls += 1
        await self.answer.wait()
        if self.away:
            raise Unavailable("the requests service", "it is away")
        return ()


async def test_who_waits_takes_the_outcome_of_a_round_begun_since(
    sqlite_catalog: RunningCatalog,
) -> None:
    """Many at once are two rounds, whether they fail or not; one that is given up counts for none.

    So a requests service that hangs is waited for twice at most.
    """
    service, requests = sqlite_catalog.service, _Slow()
    follow = FollowRequests(StoredFeed(service.database), requests, service.clock)
    loop = FollowLoop(service.writes, follow)

    async def many() -> list[BaseException | None]:
        requests.answer.clear()
        before = requests.calls
        first = asyncio.create_task(loop.catch_up())
        await eventually(lambda: requests.calls > before)
        rest = [asyncio.create_task(loop.catch_up()) for _ in range(20)]
        await asyncio.sleep(0)  # each of them has come
        requests.answer.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    assert (await many(), requests.calls) == ([None] * 21, 2)
    assert loop.knows_all
    requests.away = True
    assert {type(each) for each in await many()} == {Unavailable}
    assert (requests.calls, loop.knows_all) == (4, False)
    requests.answer.clear()
    given_up = asyncio.create_task(loop.catch_up())
    await eventually(lambda: requests.calls == 5)
    waiting = asyncio.create_task(loop.catch_up())
    await asyncio.sleep(0)
    given_up.cancel()
    await eventually(lambda: requests.calls == 6)
    requests.away = False
    requests.answer.set()
    await waiting
    assert loop.knows_all


@pytest.mark.parametrize(
    "given", [{"TOKEN_FILE": "/somewhere"}, {"REQUESTS_ADDRESS": "127.0.0.1:1"}]
)
def test_address_and_token_go_together(given: dict[str, str]) -> None:
    """One without the other is refused, and the setting is named."""
    needed = {
        "IDENTITY": "dev_house",
        "LISTEN": "127.0.0.1:0",
        "DATABASE_URL": "sqlite:///x.db",
        "NATS_URL": "nats://127.0.0.1:4222",
        "JWKS_FILE": "jwks.json",
        "AUDIT_KEY_FILE": "audit.pem",
        "ISSUER": "me",
    }
    with pytest.raises(SettingsError, match=r"^LATCHKEY_REQUESTS_ADDRESS.*LATCHKEY_TOKEN_FILE"):
        load(Settings, {f"LATCHKEY_{key}": value for key, value in (needed | given).items()})
    assert load(Settings, {f"LATCHKEY_{key}": value for key, value in needed.items()})
