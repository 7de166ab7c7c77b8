"""What is read of campaigns does not grow with how many there are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Write
from libs.domain.ids import derived_id
from libs.domain.paging import PageRequest
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.campaign import (
    Campaign,
    CampaignItem,
    CampaignState,
    DueAction,
    ReviewedBy,
    Verdict,
)
from services.requests.domain.person import PersonRef
from services.requests.store import MIGRATIONS
from services.requests.store.campaigns import CampaignStore
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import ledger
from tests.fakes.clock import MachineClock
from tests.integration.catalog.plans import captured, plan_of, rows_read
from tests.support.issuer import TENANT
from tests.support.migrated import migrated

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STARTER = Person(TENANT, "00000000-0000-0000-0000-000000000001", "Olga")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the requests service."""
    async with migrated(database_url, MIGRATIONS) as database:
        yield database


def _person(name: str) -> PersonRef:
    return PersonRef(derived_id("usr", name), TENANT, f"object {name}", name)


def _campaign(number: int, item_count: int) -> Campaign:
    return Campaign.start(
        f"cam_{number:05}",
        starter=STARTER,
        display_name="Autumn",
        app_id="app_1",
        entitlement_id="",
        reviewed_by=ReviewedBy.MANAGERS,
        due_time=NOW + timedelta(days=number),
        due_action=DueAction.REVOKE,
        item_count=item_count,
        time=NOW,
    )


def _item(campaign: Campaign, number: int, *reviewers: PersonRef) -> CampaignItem:
    return CampaignItem(
        campaign_item_id=f"cit_{campaign.campaign_id[4:]}{number:05}",
        version=1,
        campaign_id=campaign.campaign_id,
        entitlement_id="ent_1",
        entitlement_display_name="Editor",
        subject=_person(f"S{number} Ä ☂"),
        lease_id="",
        ways=("member of Editors",),
        reviewers=reviewers,
    )


async def test_no_read_goes_through_more_than_its_page(database: Database) -> None:
    """Of 3,000 items of one campaign, among which a reviewer has the last few, and of 1,000
    campaigns; what is read is what was written."""
    store = CampaignStore(database)
    max_, many = _person("Max"), _person("Many")
    large = _campaign(2000, 3000)
    items = [_item(large, number, max_ if number >= 2990 else many) for number in range(3000)]
    encode = EncodedFact("x", b"")
    async with Committer(database, ledger, MachineClock(), lambda fact: encode) as committer:

        async def keep(*writes: Write) -> None:
            await committer.commit(Change(AuditEntry(REQUESTS, "test", "x"), writes))

        some = [_campaign(number, 1) for number in range(1, 1000)]
        await keep(*(w for it in some for w in store.added(it, [_item(it, 0, many)])))
        await keep(*store.added(large, items))
        assert await store.item(items[7].campaign_item_id) == (large, items[7])
        ruled = items[2990].rule(Verdict.REVOKED, STARTER, "moved", NOW, "Take it.")
        await keep(*store.ruled(large, ruled, seen=items[2990]))
        counted = large.count(Verdict.REVOKED)
        assert await store.item(ruled.campaign_item_id) == (counted, ruled)
        moved = items[2991].asked_of((many, _person("New")))
        await keep(*store.asked(moved, seen=items[2991]))
        closed = counted.close(NOW)
        await keep(store.changed(closed, seen=counted.version))
        assert await store.get(large.campaign_id) == closed

    first = PageRequest(5, "", ("x",))
    with captured() as statements:
        for user_id in (None, max_.user_id, STARTER.user_id):
            for state in (None, CampaignState.CLOSED):
                if user_id == STARTER.user_id and state is not None:
                    continue  # Their own are few, and looked through.
                found = await store.page(first, user_id=user_id, state=state)
                assert found.items[0] == closed
        page = await store.page(first, user_id=STARTER.user_id, state=None)
        again = replace(first, token=page.next_page_token)
        assert len((await store.page(again, user_id=STARTER.user_id, state=None)).items) == 5
        for reviewer, open_only, expected in (
            (None, False, items[:5]),
            (None, True, items[:5]),
            (max_.user_id, False, [ruled, *items[2992:2996]]),
            (max_.user_id, True, items[2992:2997]),
        ):
            of_items = await store.items(
                first,
                campaign_id=large.campaign_id,
                reviewer_user_id=reviewer,
                open_only=open_only,
            )
            assert list(of_items.items) == expected
            more = replace(first, token=of_items.next_page_token)
            await store.items(
                more,
                campaign_id=large.campaign_id,
                reviewer_user_id=reviewer,
                open_only=open_only,
            )
        assert await store.to_look_at(NOW, 10) == [large.campaign_id]
        assert (
            len(await store.open_items(large.campaign_id, items[2000].campaign_item_id, 10)) == 10
        )
        assert len(await store.waiting(items[2000].campaign_item_id, 10)) == 10
        for who, known in ((max_, True), (_person("New"), True), (_person("Nobody"), False)):
            assert await store.has_reviewer(large.campaign_id, who.user_id) == known
        assert not await store.has_reviewer(large.campaign_id, STARTER.user_id)
        assert await LeaseStore(database).of_app("app_1", "", 10) == []
    assert len(statements) >= 14
    for statement in statements:
        assert await rows_read(database, statement) < 100, await plan_of(database, statement)
