"""Access reviews over gRPC, on each kind of database."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from sqlalchemy import update

from latchkey.requests.v1 import campaign_pb2 as pb
from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.callers import ADMIN, AUDITOR
from libs.domain.errors import NotAllowed
from libs.domain.ids import derived_id
from libs.rpc.well_known import timestamp
from services.requests.store.campaign_tables import campaigns as table
from tests.fakes.requests_peers import APP, EDITOR, VIEWER
from tests.integration.requests_service.deciders import records, told, uid
from tests.integration.requests_service.house import House, Person, Refusal, answer_of, refused
from tests.support.eventually import eventually

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_CERTIFIED, _REVOKED = pb.CAMPAIGN_VERDICT_CERTIFIED, pb.CAMPAIGN_VERDICT_REVOKED
_OPEN, _CLOSED = pb.CAMPAIGN_STATE_OPEN, pb.CAMPAIGN_STATE_CLOSED


def _in(**length: float) -> Any:
    return timestamp(datetime.now(UTC) + timedelta(**length))


def _wanted(**fields: Any) -> pb.Campaign:
    """A campaign that can be started."""
    return pb.Campaign(
        **{
            "display_name": "Autumn",
            "app_id": APP,
            "reviewers": pb.CAMPAIGN_REVIEWERS_APP_OWNERS,
            "due_time": _in(days=7),
            "due_action": pb.CAMPAIGN_DUE_ACTION_KEEP,
        }
        | fields
    )


async def _start(who: Person, idempotency_key: str = "", **fields: Any) -> pb.Campaign:
    request = pb.StartCampaignRequest(campaign=_wanted(**fields), idempotency_key=idempotency_key)
    found: pb.Campaign = (await who.call(who.campaigns.StartCampaign, request)).campaign
    return found


async def _get(who: Person, campaign_id: str) -> pb.Campaign:
    request = pb.GetCampaignRequest(campaign_id=campaign_id)
    found: pb.Campaign = (await who.call(who.campaigns.GetCampaign, request)).campaign
    return found


async def _items(who: Person, campaign: pb.Campaign, **fields: Any) -> list[pb.CampaignItem]:
    """All pages."""
    found: list[pb.CampaignItem] = []
    request = pb.ListCampaignItemsRequest(**{"campaign_id": campaign.campaign_id} | fields)
    while True:
        answer = await who.call(who.campaigns.ListCampaignItems, request)
        assert len(answer.campaign_items) <= (request.page_size or 50)
        found += answer.campaign_items
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


async def _listed(who: Person, **fields: Any) -> list[str]:
    """All pages."""
    found: list[str] = []
    request = pb.ListCampaignsRequest(**fields)
    while True:
        answer = await who.call(who.campaigns.ListCampaigns, request)
        found += [each.campaign_id for each in answer.campaigns]
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


async def _review(
    who: Person, item: pb.CampaignItem, verdict: Any = _CERTIFIED, **fields: Any
) -> pb.CampaignItem:
    request = pb.ReviewCampaignItemRequest(
        **{
            "campaign_item_id": item.campaign_item_id,
            "etag": item.etag,
            "verdict": verdict,
            "reason": "I looked.",
        }
        | fields
    )
    answer = await who.call(who.campaigns.ReviewCampaignItem, request)
    found: pb.CampaignItem = answer.campaign_item
    return found


async def _close(who: Person, campaign: pb.Campaign, **fields: Any) -> pb.Campaign:
    request = pb.CloseCampaignRequest(campaign_id=campaign.campaign_id, **fields)
    found: pb.Campaign = (await who.call(who.campaigns.CloseCampaign, request)).campaign
    return found


async def _leased(house: House, name: str, entitlement_id: str = EDITOR) -> lease_pb2.Lease:
    """A lease that is in Entra."""
    who = house.person(name)
    made = await who.create(entitlement_id)
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    return await who.lease_reaches(made.lease_id, "ACTIVE")


def _town(house: House) -> None:
    """Olga and Otto own the app; Max is Ada's and Dee's manager."""
    names = ("Ada", "Ben", "Dee", "Gil", "Max", "Olga", "Otto")
    house.catalog.people = {uid(each): each for each in names}
    house.catalog.owners = [uid("Olga"), uid("Otto")]
    house.catalog.line = {uid("Ada"): [uid("Max")], uid("Dee"): [uid("Max")]}


def _of(items: list[pb.CampaignItem], name: str) -> pb.CampaignItem:
    (found,) = (each for each in items if each.subject.user_id == uid(name))
    return found


async def test_a_campaign_from_its_start_to_its_report(house: House) -> None:
    """Owners review two leases and two of outside: what they revoke ends, or is a task in words;
    everything is told of, and in the audit. The second of the same call changes nothing."""
    _town(house)
    ada, ben = await _leased(house, "Ada"), await _leased(house, "Ben")
    for name in ("Dee", "Gil"):
        house.catalog.grant(uid(name))
        house.catalog.grant(
            uid(name),
            directory_entitlement_id=derived_id("den", "access"),
            directory_display_name="role Default Access of Design Tool",
            group_id="grp_all",
            group_display_name="Everyone",
            unmanaged=False,
        )
    house.catalog.grant(uid("Ada"), unmanaged=False, lease_id=ada.lease_id)
    olga, otto = house.person("Olga"), house.person("Otto")
    due = _in(days=7)
    campaign = await _start(olga, "once", entitlement_id=EDITOR, due_time=due)
    assert await _start(olga, "once", entitlement_id=EDITOR, due_time=due) == campaign
    assert (campaign.state, campaign.item_count, campaign.open_count) == (_OPEN, 4, 4)
    assert campaign.starter.person.display_name == "Olga"
    items = await _items(olga, campaign)
    leases = {it.subject.user_id: it.lease_id for it in items}
    assert leases == {
        uid("Ada"): ada.lease_id,
        uid("Ben"): ben.lease_id,
        uid("Dee"): "",
        uid("Gil"): "",
    }
    first = _of(items, "Dee")
    assert [it.display_name for it in first.reviewers] == ["Olga", "Otto"]
    assert (first.subject.entra_object_id, first.entitlement_display_name) == (
        f"object of {uid('Dee')}",
        "Editor",
    )

    certified = await _review(otto, _of(items, "Ben"))
    assert certified.verdict == _CERTIFIED
    assert certified.reviewer.person.display_name == "Otto"
    revoked = await _review(otto, _of(items, "Ada"), _REVOKED, idempotency_key="k")
    assert await _review(otto, _of(items, "Ada"), _REVOKED, idempotency_key="k") == revoked
    # Whatever the connector found there before the lease stays, and is for somebody to take away.
    assert "Editors, which was there before the lease." in revoked.instructions
    by_hand = await _review(otto, _of(items, "Dee"), _REVOKED)
    assert by_hand.instructions == (
        "Latchkey has not brought this, and does not remove it. Take it from Dee in Entra: member "
        "of Design Tool Editors; role Default Access of Design Tool, through the group Everyone."
    )
    ending = await house.person("Ada").lease(ada.lease_id)
    assert ending.state == lease_pb2.LEASE_STATE_ENDING
    assert (await house.person("Ben").lease(ben.lease_id)).state == lease_pb2.LEASE_STATE_ACTIVE
    assert [it.subject.user_id for it in await _items(otto, campaign, open_only=True)] == [
        uid("Gil")
    ]

    closed = await _close(olga, campaign, idempotency_key="c")
    assert await _close(olga, campaign, idempotency_key="c") == closed
    report = await _get(otto, campaign.campaign_id)
    assert report == closed
    assert (report.state, report.certified_count, report.revoked_count, report.open_count) == (
        _CLOSED,
        1,
        2,
        1,
    )
    last = _of(await _items(olga, campaign), "Gil")
    assert last.verdict == pb.CAMPAIGN_VERDICT_NOT_REVIEWED
    assert last.HasField("review_time")
    refusal = await refused(_review(otto, last, _REVOKED))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "CAMPAIGN_STATE",
    )

    (started,) = await told(house, events_pb2.CampaignStarted)
    assert (started.campaign_id, started.item_count) == (campaign.campaign_id, 4)
    reviewed = await told(house, events_pb2.CampaignItemReviewed)
    assert [(it.subject_user_id, it.lease_id, it.verdict) for it in reviewed] == [
        (uid("Ben"), ben.lease_id, _CERTIFIED),
        (uid("Ada"), ada.lease_id, _REVOKED),
        (uid("Dee"), "", _REVOKED),
    ]
    (ended,) = await told(house, events_pb2.LeaseEnded)
    assert ended.lease_id == ada.lease_id
    (over,) = await told(house, events_pb2.CampaignClosed)
    assert (over.open_count, over.due_action) == (1, pb.CAMPAIGN_DUE_ACTION_KEEP)
    assert await house.actions(campaign.campaign_id) == ["campaign.started", "campaign.closed"]
    assert await house.actions(revoked.campaign_item_id) == ["campaign_item.revoked"]
    (record,) = [it for it in await records(house, ada.lease_id) if it.action == "lease.revoked"]
    assert record.actor.person.display_name == "Otto"
    assert campaign.campaign_id in record.reason


async def test_a_lease_is_revoked_by_itself_where_nobody_looked(house: House) -> None:
    """Once the campaign is due, by the service: its lease ends, the other's stays, and the report
    says so. A campaign that is closed early does the same."""
    _town(house)
    admin, otto = house.person("Admin", [ADMIN]), house.person("Otto")
    ada, ben = await _leased(house, "Ada"), await _leased(house, "Ben")
    campaign = await _start(admin, due_action=pb.CAMPAIGN_DUE_ACTION_REVOKE)
    await _review(otto, _of(await _items(otto, campaign), "Ben"))
    past = datetime.now(UTC) - timedelta(seconds=1)
    await house.service.database.write(
        lambda connection: (
            connection.execute(update(table).values(due_time=past, look_time=past)) and None
        )
    )

    async def is_over(campaign: pb.Campaign = campaign) -> bool:
        now = await _get(admin, campaign.campaign_id)
        return now.state == _CLOSED and now.open_count == 0

    await eventually(is_over, 10)
    await house.person("Ada").lease_reaches(ada.lease_id, "ENDING")
    assert (await house.person("Ben").lease(ben.lease_id)).state == lease_pb2.LEASE_STATE_ACTIVE
    item = _of(await _items(admin, campaign), "Ada")
    assert (item.verdict, item.reviewer.service) == (_REVOKED, "requests")
    (closed,) = await told(house, events_pb2.CampaignClosed)
    assert (closed.open_count, closed.actor.service) == (1, "requests")

    early = await _start(admin, due_action=pb.CAMPAIGN_DUE_ACTION_REVOKE)
    assert early.item_count == 1
    assert (await _close(admin, early)).state == _CLOSED
    await eventually(lambda: is_over(early), 10)
    await house.person("Ben").lease_reaches(ben.lease_id, "ENDING")

    async def settled() -> bool:
        found = [await house.actions(each.campaign_id) for each in (campaign, early)]
        return found == [["campaign.started", "campaign.closed", "campaign.settled"]] * 2

    await eventually(settled, 10)


async def test_of_many_reviewers_at_once_one_wins(house: House) -> None:
    """All others of the item are ABORTED, and none of the items beside it; counts agree."""
    _town(house)
    leases = {name: (await _leased(house, name)).lease_id for name in ("Ada", "Ben")}
    for name in ("Dee", "Gil"):
        house.catalog.grant(uid(name))
    reviewers = [house.person("Olga"), house.person("Otto"), house.person("Admin", [ADMIN])]
    campaign = await _start(reviewers[-1])
    items = await _items(reviewers[-1], campaign)
    calls = [
        answer_of(_review(who, item, verdict))
        for item in items
        for verdict in (_CERTIFIED, _REVOKED)
        for who in reviewers
    ]
    answers = await asyncio.gather(*calls)
    won = [each for each in answers if not isinstance(each, Refusal)]
    lost = [each for each in answers if isinstance(each, Refusal)]
    assert Counter(it.campaign_item_id for it in won) == Counter(
        it.campaign_item_id for it in items
    )
    assert {(it.code, it.reason) for it in lost} == {(grpc.StatusCode.ABORTED, "ETAG_MISMATCH")}
    now = await _get(reviewers[-1], campaign.campaign_id)
    said = Counter(it.verdict for it in await _items(reviewers[-1], campaign))
    assert (now.certified_count, now.revoked_count) == (said[_CERTIFIED], said[_REVOKED])
    assert now.open_count == 0
    for each in won:
        if each.lease_id:
            (name,) = (name for name, lease_id in leases.items() if lease_id == each.lease_id)
            lease = await house.person(name).lease(each.lease_id)
            over = lease.state != lease_pb2.LEASE_STATE_ACTIVE
            assert over == (each.verdict == _REVOKED)
    assert len(await told(house, events_pb2.CampaignItemReviewed)) == len(items)


async def test_who_may_do_and_see_what(house: House) -> None:
    """Nobody learns of a campaign who is not a part of it; who tries what is not theirs to say is
    refused and on record; who reviews now is asked of the catalog, and kept."""
    _town(house)
    for name in ("Ada", "Dee", "Ben"):
        house.catalog.grant(uid(name))
    olga, otto, max_ = (house.person(each) for each in ("Olga", "Otto", "Max"))
    refusal = await refused(_start(max_))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "CALLER_NOT_ALLOWED",
    )
    campaign = await _start(olga, reviewers=pb.CAMPAIGN_REVIEWERS_MANAGERS)
    everything = await _items(olga, campaign)
    mine = await _items(max_, campaign)
    assert {it.subject.user_id for it in mine} == {uid("Ada"), uid("Dee")}
    assert [it.subject.user_id for it in await _items(otto, campaign)] == [uid("Ben")]
    assert await _items(house.person("Auditor", [AUDITOR]), campaign) == everything
    for who in (olga, otto, max_, house.person("Auditor", [AUDITOR])):
        assert await _listed(who) == [campaign.campaign_id]
        assert await _listed(who, state=_CLOSED) == []

    ada, stranger = house.person("Ada"), house.person("Nobody")
    item = _of(mine, "Ada")
    for who in (ada, stranger):
        assert await _listed(who) == []
        for call in (
            _get(who, campaign.campaign_id),
            _items(who, campaign),
            _close(who, campaign),
        ):
            assert (await refused(call)).reason == "CAMPAIGN_NOT_FOUND"
    assert (await refused(_review(stranger, item))).reason == "CAMPAIGN_ITEM_NOT_FOUND"
    refusal = await refused(_review(ada, item))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SELF_DECISION")
    ada_as_admin = house.person("Ada", [ADMIN])
    assert (await refused(_review(ada_as_admin, item, etag="77"))).reason == "SELF_DECISION"
    assert (await refused(_close(max_, campaign))).reason == "CALLER_NOT_ALLOWED"

    house.catalog.line[uid("Ada")] = [uid("Gil")]
    refusal = await refused(_review(max_, item))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "CALLER_NOT_ALLOWED",
    )
    gil = house.person("Gil")
    assert await _listed(gil) == [campaign.campaign_id]
    (his,) = await _items(gil, campaign)
    assert [it.display_name for it in his.reviewers] == ["Gil"]
    assert (await refused(_review(gil, item))).code is grpc.StatusCode.ABORTED
    house.catalog.refusal = NotAllowed("CALLER_NOT_ALLOWED", "No.")
    assert (await refused(_review(gil, his))).code is grpc.StatusCode.UNAVAILABLE
    assert (await refused(_start(house.person("Admin", [ADMIN])))).reason == (
        "DEPENDENCY_UNAVAILABLE"
    )
    house.catalog.refusal = None
    assert (await _review(gil, his)).verdict == _CERTIFIED
    assert await house.actions(item.campaign_item_id) == [
        *("campaign_item.self_decision_refused",) * 2,
        "campaign_item.review_refused",
        "campaign_item.certified",
    ]


async def test_lists_come_in_pages(house: House) -> None:
    """Newest campaigns first; items once each; tokens belong to their list and its filters."""
    _town(house)
    admin, olga = house.person("Admin", [ADMIN]), house.person("Olga")
    for number in range(5):
        house.catalog.grant(f"usr_{number}")
        house.catalog.grant(f"usr_{number}", VIEWER)
    started = [(await _start(admin)).campaign_id for _ in range(3)]
    await _close(admin, pb.Campaign(campaign_id=started[1]))
    for who in (admin, olga):
        assert await _listed(who, page_size=2) == started[::-1]
        assert await _listed(who, page_size=1, state=_OPEN) == [started[2], started[0]]
        assert await _listed(who, state=_CLOSED) == [started[1]]
        campaign = pb.Campaign(campaign_id=started[0])
        whole = await _items(who, campaign)
        assert await _items(who, campaign, page_size=3) == whole
        assert [it.entitlement_display_name for it in whole] == ["Editor"] * 5 + ["Viewer"] * 5
        assert await _items(who, campaign, page_size=3, open_only=True) == whole
    one = await _start(admin, entitlement_id=VIEWER)
    assert {it.entitlement_id for it in await _items(admin, one)} == {VIEWER}
    house.catalog.grants.clear()
    empty = await _start(admin)
    assert (empty.item_count, await _items(admin, empty)) == (0, [])
    assert (await _close(admin, empty)).state == _CLOSED
    request = pb.ListCampaignItemsRequest(campaign_id=started[0], page_size=2)
    token = (await admin.call(admin.campaigns.ListCampaignItems, request)).next_page_token
    for other in (
        pb.ListCampaignItemsRequest(campaign_id=started[1], page_token=token),
        pb.ListCampaignItemsRequest(campaign_id=started[0], page_token=token, open_only=True),
    ):
        refusal = await refused(admin.call(admin.campaigns.ListCampaignItems, other))
        assert refusal.reason == "PAGE_TOKEN_INVALID"


async def test_what_is_wrong_is_named(house: House) -> None:
    """Each field by its path, and nothing is kept."""
    _town(house)
    admin = house.person("Admin", [ADMIN])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"display_name": " "}, "campaign.display_name"),
        ({"display_name": "x" * 201}, "campaign.display_name"),
        ({"app_id": ""}, "campaign.app_id"),
        ({"app_id": "ent_1"}, "campaign.app_id"),
        ({"entitlement_id": "app_1"}, "campaign.entitlement_id"),
        ({"reviewers": 0}, "campaign.reviewers"),
        ({"reviewers": 9}, "campaign.reviewers"),
        ({"due_action": 0}, "campaign.due_action"),
        ({"due_action": 7}, "campaign.due_action"),
        ({"due_time": None}, "campaign.due_time"),
        ({"due_time": _in(seconds=30)}, "campaign.due_time"),
        ({"due_time": _in(days=366)}, "campaign.due_time"),
        ({"due_time": _in(days=-1)}, "campaign.due_time"),
        ({"idempotency_key": "k" * 201}, "idempotency_key"),
    ]
    for fields, path in wrong:
        refusal = await refused(_start(admin, **fields))
        assert (refusal.code, refusal.reason, refusal.fields) == (
            _INVALID,
            "FIELD_INVALID",
            [path],
        ), fields
    empty = await refused(admin.call(admin.campaigns.StartCampaign, pb.StartCampaignRequest()))
    assert set(empty.fields) == {
        f"campaign.{each}"
        for each in ("display_name", "app_id", "reviewers", "due_time", "due_action")
    }
    for fields in ({"app_id": "app_none"}, {"entitlement_id": "ent_none"}):
        refusal = await refused(_start(admin, **fields))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "ENTITLEMENT_NOT_FOUND",
        )
    assert await _listed(admin) == []

    house.catalog.grant(uid("Dee"))
    campaign = await _start(admin)
    (item,) = await _items(admin, campaign)
    for fields, path in (
        ({"campaign_item_id": "cam_1"}, "campaign_item_id"),
        ({"etag": ""}, "etag"),
        ({"verdict": 0}, "verdict"),
        ({"verdict": 3}, "verdict"),
        ({"verdict": 8}, "verdict"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
    ):
        refusal = await refused(_review(admin, item, **fields))
        assert (refusal.code, refusal.fields) == (_INVALID, [path]), fields
    refusal = await refused(_review(admin, item, campaign_item_id="cit_none"))
    assert refusal.reason == "CAMPAIGN_ITEM_NOT_FOUND"
    for call in (
        _get(admin, "lea_1"),
        _close(admin, pb.Campaign(campaign_id="cit_1")),
        _items(admin, pb.Campaign(campaign_id="x")),
    ):
        assert (await refused(call)).fields == ["campaign_id"]
    assert (await refused(_listed(admin, state=5))).fields == ["state"]
    assert (await refused(_listed(admin, page_size=501))).fields == ["page_size"]
    (same,) = await _items(admin, campaign)
    assert same == item
