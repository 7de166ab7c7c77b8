"""Access reviews: who holds what, who says whether it stays, and what comes of it."""

from datetime import timedelta

import pytest

from libs.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable, WrongState
from libs.domain.ids import derived_id
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.campaign import (
    MOST_ITEMS,
    CampaignState,
    DueAction,
    ReviewedBy,
    Verdict,
)
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.lease import EndCause, LeaseState
from services.requests.handlers.show_campaigns import ListCampaignItems, ListCampaigns
from tests.fakes.requests_delegations import Taken
from tests.fakes.requests_neighbours import APP, ENTITLEMENT, TARGET
from tests.unit.requests_service.cast import (
    AUDREY,
    BIG,
    DEE,
    GIL,
    MAX,
    OLA,
    OTO,
    ROOT,
    SUE,
    ids,
    refused,
    suspend,
    told,
)
from tests.unit.requests_service.house import ADA, person
from tests.unit.requests_service.reviews import DAY, EDITORS, OTHER, Reviews, thing

VIEWER = derived_id("ent", "viewer")


async def test_everybody_who_holds_something_is_one_item() -> None:
    """By a lease or from outside, once for each entitlement however many things it is made of; also
    a lease that the last sync has not seen, and one that failed. Who only has the things since a
    lease of something else brings them, or has just lost their lease, is none."""
    reviews = Reviews()
    house = reviews.house
    leased = await house.active(ADA)
    unseen = await house.active(SUE)
    failed = await house.create(GIL)
    await house.settle(failed.lease_id, DeliveryState.FAILED)
    gone = await house.active(OTO)
    await house.revoke(gone.lease_id, OTO)
    house.catalog.things = [
        thing(ADA, unmanaged=False),
        thing(ADA, what=OTHER, through=EDITORS),
        thing(ADA, unmanaged=False, entitlement_id=VIEWER),
        thing(DEE),
        thing(DEE, what=OTHER, through="grp_everyone"),
        thing(DEE, entitlement_id=VIEWER),
        thing(OTO, unmanaged=False),
        thing(MAX, what=OTHER, through="grp_everyone"),
    ]
    campaign = await reviews.start()
    found = [
        (it.subject.user_id, it.entitlement_id, it.lease_id, it.ways)
        for it in reviews.items(campaign)
    ]
    direct, through = "member of Editors", "member of Editors, through the group Everyone"
    assert sorted(found) == sorted(
        [
            (ADA.user_id, ENTITLEMENT, leased.lease_id, ()),
            (SUE.user_id, ENTITLEMENT, unseen.lease_id, ()),
            (GIL.user_id, ENTITLEMENT, failed.lease_id, ()),
            (DEE.user_id, ENTITLEMENT, "", (direct, through)),
            (DEE.user_id, VIEWER, "", (direct,)),
            (MAX.user_id, ENTITLEMENT, "", (through,)),
        ]
    )
    assert (campaign.item_count, campaign.open_count, campaign.state) == (6, 6, "OPEN")
    assert told(house) == [
        facts.CampaignStarted(campaign.campaign_id, campaign.app_id, "", 6, campaign.due_time, ROOT)
    ]
    assert house.last.audit.details["items_without_reviewer"] == 0
    # A campaign over one entitlement is blind for others, and knows what a lease of those brings.
    house.catalog.things = [it for it in house.catalog.things if it.subject.user_id != DEE.user_id]
    one = await reviews.start(entitlement_id=ENTITLEMENT)
    assert {it.subject.user_id for it in reviews.items(one)} == set(ids(ADA, SUE, GIL, MAX))


async def test_owners_or_managers_review_and_never_who_holds_it() -> None:
    """Managers of who holds it, owners where there is none; nobody where only the holder is left,
    and then administrators alone can say."""
    reviews = Reviews()
    house = reviews.house
    house.catalog.things = [thing(each) for each in (ADA, OLA, DEE)]

    async def asked(by: ReviewedBy) -> dict[str, set[str]]:
        items = reviews.items(await reviews.start(by=by))
        return {it.subject.user_id: {each.user_id for each in it.reviewers} for it in items}

    owners = set(ids(OLA, OTO))
    assert await asked(ReviewedBy.APP_OWNERS) == {
        ADA.user_id: owners,
        OLA.user_id: {OTO.user_id},
        DEE.user_id: owners,
    }
    house.catalog.line[DEE.user_id] = [DEE.user_id]
    assert await asked(ReviewedBy.MANAGERS) == {
        ADA.user_id: {MAX.user_id},
        OLA.user_id: {OTO.user_id},
        DEE.user_id: owners,
    }
    house.catalog.owners = [OLA.user_id]
    suspend(house, MAX)
    campaign = await reviews.start(by=ReviewedBy.MANAGERS)
    assert reviews.item_of(campaign, OLA).reviewers == ()
    assert {it.user_id for it in reviews.item_of(campaign, ADA).reviewers} == {OLA.user_id}
    await refused(reviews.review(reviews.item_of(campaign, OLA), OLA), "SELF_DECISION")
    done = await reviews.review(reviews.item_of(campaign, OLA), ROOT)
    assert (done.verdict, done.reviewer) == (Verdict.CERTIFIED, ROOT)


async def test_who_starts_one() -> None:
    """Administrators and the app's owners; others do not learn what there is. Not without the
    catalog, not due at once or in two years, not over what is not there, not over too many."""
    reviews = Reviews()
    catalog = reviews.house.catalog
    catalog.things = [thing(ADA)]
    assert (await reviews.start(OLA)).starter == OLA
    for app_id in (derived_id("app", "none"), APP):
        with pytest.raises(NotAllowed):
            await reviews.start(ADA, app_id=app_id)
    with pytest.raises(NotFound, match="no such entitlement"):
        await reviews.start(app_id=derived_id("app", "none"))
    with pytest.raises(NotFound):
        await reviews.start(entitlement_id=VIEWER)
    for due in (timedelta(seconds=59), -DAY, 366 * DAY):
        with pytest.raises(Invalid, match=r"campaign\.due_time"):
            await reviews.start(due=due)
    catalog.things = [
        thing(ADA, entitlement_id=f"ent_{number}") for number in range(MOST_ITEMS + 1)
    ]
    with pytest.raises(WrongState) as refusal:
        await reviews.start()
    assert refusal.value.reason == "CAMPAIGN_TOO_LARGE"
    catalog.away = True
    for who in (ROOT, OLA):
        with pytest.raises(Unavailable):
            await reviews.start(who)


async def test_what_a_reviewer_revokes_ends_by_the_one_way_in_one_change() -> None:
    """Verdict, lease and access request together, with their audit and their facts."""
    reviews = Reviews()
    house = reviews.house
    lease = await house.active(ADA)
    house.catalog.things = [thing(ADA, unmanaged=False), thing(ADA, what=OTHER, through="grp_all")]
    campaign = await reviews.start(OLA)
    done = await reviews.revoke(reviews.item_of(campaign, ADA), OTO)
    ended = house.store.kept_leases[lease.lease_id]
    assert (ended.state, ended.end_cause) == (LeaseState.ENDING, EndCause.REVOKED)
    assert ended.end_reason == f"access review {campaign.campaign_id}: I looked."
    reviewed = facts.CampaignItemReviewed(
        done.campaign_item_id,
        campaign.campaign_id,
        ENTITLEMENT,
        ADA.user_id,
        lease.lease_id,
        "REVOKED",
        OTO,
    )
    assert told(house) == [reviewed, facts.LeaseEnded(lease.lease_id)]
    assert house.last.audit.action == "campaign_item.revoked"
    assert house.last.audit.details["lease_ended"] is True
    assert [(it.action, it.actor) for it in house.last.also] == [("lease.revoked", OTO)]
    # A part of it came otherwise, and is for somebody to take away by hand.
    assert "through the group Everyone" in done.instructions
    assert (reviews.kept(campaign).revoked_count, reviews.kept(campaign).open_count) == (1, 0)


async def test_access_without_a_lease_is_not_removed_but_told_of() -> None:
    """Nothing is written but the verdict; the words say who loses what."""
    reviews = Reviews()
    reviews.house.catalog.things = [thing(DEE)]
    campaign = await reviews.start()
    done = await reviews.revoke(reviews.item_of(campaign, DEE), OLA)
    assert told(reviews.house) == [
        facts.CampaignItemReviewed(
            done.campaign_item_id,
            campaign.campaign_id,
            ENTITLEMENT,
            DEE.user_id,
            "",
            "REVOKED",
            OLA,
        )
    ]
    assert done.instructions == (
        "Latchkey has not brought this, and does not remove it. Take it from Dee in Entra: "
        "member of Editors."
    )
    assert reviews.house.store.kept_leases == {}


async def test_a_lease_that_ended_meanwhile_says_so_and_a_new_one_goes_on() -> None:
    """The verdict is taken; what was granted since was not what was reviewed."""
    reviews = Reviews()
    house = reviews.house
    lease = await house.active(ADA)
    campaign = await reviews.start()
    house.clock.advance(timedelta(hours=8))
    await house.expire(lease.lease_id)
    await house.settle(lease.lease_id, DeliveryState.REMOVED)
    since = await house.active(ADA)
    done = await reviews.revoke(reviews.item_of(campaign, ADA))
    assert f"Its lease {lease.lease_id} had ended already, by its time" in done.instructions
    assert f"The lease {since.lease_id} was granted since" in done.instructions
    assert house.store.kept_leases[since.lease_id].state is LeaseState.ACTIVE
    assert done.verdict is Verdict.REVOKED


async def test_what_was_there_before_the_lease_is_said_to_stay() -> None:
    """The lease ends; the connector leaves what it found."""
    reviews = Reviews()
    house = reviews.house
    made = await house.create(ADA)
    house.connector.deliveries[made.lease_id] = Delivery(
        DeliveryState.DELIVERED, 1, (TargetAnswer(TARGET, "400", True, house.clock.now()),)
    )
    await house.settle(made.lease_id)
    campaign = await reviews.start()
    done = await reviews.revoke(reviews.item_of(campaign, ADA))
    assert "member of Editors, which was there before the lease" in done.instructions


async def test_who_may_say_it_is_asked_again_each_time() -> None:
    """Who reviewed it when it was started and does not now is refused, on record, and whoever does
    now is kept; a stranger does not learn that it is there; nothing is said of one's own."""
    reviews = Reviews()
    house = reviews.house
    house.catalog.things = [thing(each) for each in (ADA, DEE)]
    campaign = await reviews.start(by=ReviewedBy.MANAGERS)
    item = reviews.item_of(campaign, ADA)
    for stranger in (GIL, MAX):
        with pytest.raises(NotFound):
            await reviews.review(reviews.item_of(campaign, DEE), stranger)
    await refused(
        reviews.review(item, ADA), "SELF_DECISION", campaign_item_id=item.campaign_item_id
    )
    assert house.last.audit.action == "campaign_item.self_decision_refused"
    before = house.last
    with pytest.raises(NotFound):
        await reviews.review(item, BIG)
    assert house.last is before

    house.catalog.line[ADA.user_id] = [BIG.user_id]
    await refused(reviews.review(item, MAX), "CALLER_NOT_ALLOWED")
    assert (house.last.audit.action, house.last.audit.actor) == (
        "campaign_item.review_refused",
        MAX,
    )
    fresh = reviews.item_of(campaign, ADA)
    assert [it.user_id for it in fresh.reviewers] == [BIG.user_id]
    # Who sees all of it may not say it for that.
    await refused(reviews.review(fresh, AUDREY), "CALLER_NOT_ALLOWED")
    house.catalog.away = True
    with pytest.raises(Unavailable):
        await reviews.review(fresh, BIG)
    house.catalog.away = False
    with pytest.raises(Conflict):
        await reviews.review(item, BIG)
    assert (await reviews.review(fresh, BIG)).reviewer == BIG
    # Administrators do not wait for the catalog.
    house.catalog.away = True
    assert (await reviews.review(reviews.item_of(campaign, DEE))).verdict is Verdict.CERTIFIED


async def test_who_has_come_to_review_it_finds_it() -> None:
    """In rounds, without anybody having tried; not of what has its verdict, nor once it is due, and
    nothing is written where they are who they were, or while the catalog is away."""
    reviews = Reviews()
    house = reviews.house
    house.catalog.things = [thing(each) for each in (ADA, SUE, DEE)]
    campaign = await reviews.start(by=ReviewedBy.MANAGERS)
    await reviews.review(reviews.item_of(campaign, SUE), MAX)
    changes = len(house.store.changes)
    await reviews.ask_again()
    assert len(house.store.changes) == changes
    house.catalog.line = {each.user_id: [BIG.user_id] for each in (ADA, SUE)}
    house.catalog.away = True
    await reviews.ask_again()
    assert len(house.store.changes) == changes
    house.catalog.away = False
    await reviews.ask_again()
    assert len(house.store.changes) == changes + 1
    assert house.last.audit.action == "campaign_item.reviewers_changed"
    assert [it.user_id for it in reviews.item_of(campaign, ADA).reviewers] == [BIG.user_id]
    assert [it.user_id for it in reviews.item_of(campaign, SUE).reviewers] == [MAX.user_id]
    command = ListCampaignItems(BIG, campaign.campaign_id, 10, "")
    assert len((await reviews.shower.items(command)).items) == 1
    house.clock.advance(DAY)
    house.catalog.line = {}
    await reviews.ask_again()
    assert len(house.store.changes) == changes + 1


async def test_a_verdict_is_not_taken_back() -> None:
    """Not by its reviewer either; who saw the item before is told that it has changed."""
    reviews = Reviews()
    reviews.house.catalog.things = [thing(DEE)]
    campaign = await reviews.start()
    item = reviews.item_of(campaign, DEE)
    done = await reviews.review(item, OLA)
    with pytest.raises(Conflict):
        await reviews.revoke(item, OTO)
    for verdict in (Verdict.REVOKED, Verdict.CERTIFIED):
        await refused(reviews.review(done, OTO, verdict), "CAMPAIGN_STATE", state="CERTIFIED")
    assert reviews.item_of(campaign, DEE) == done


async def test_what_nobody_looked_at_stays_where_that_is_said() -> None:
    """When it is due, with the report that nobody looked; from then on nothing can be said, also
    before the loop has come by."""
    reviews = Reviews()
    house = reviews.house
    lease = await house.active(ADA)
    house.catalog.things = [thing(DEE)]
    campaign = await reviews.start(due=timedelta(hours=1))
    await reviews.review(reviews.item_of(campaign, DEE), OLA)
    await reviews.loop()
    assert reviews.kept(campaign).state is CampaignState.OPEN
    house.clock.advance(timedelta(hours=1))
    await refused(reviews.review(reviews.item_of(campaign, ADA)), "CAMPAIGN_STATE", state="OPEN")
    await reviews.loop()
    over = reviews.kept(campaign)
    assert (over.state, over.close_time, over.open_count) == ("CLOSED", house.clock.now(), 1)
    assert told(house) == [
        facts.CampaignClosed(campaign.campaign_id, campaign.app_id, 1, "KEEP", REQUESTS)
    ]
    assert reviews.item_of(campaign, ADA).verdict is Verdict.NOT_REVIEWED
    assert reviews.item_of(campaign, DEE).verdict is Verdict.CERTIFIED
    assert house.store.kept_leases[lease.lease_id].state is LeaseState.ACTIVE
    changes = len(house.store.changes)
    await reviews.loop()
    assert len(house.store.changes) == changes
    await refused(reviews.close(campaign), "CAMPAIGN_STATE", state="CLOSED")


async def test_what_nobody_looked_at_is_revoked_where_that_is_said() -> None:
    """After it is closed, item by item: who stops in the middle goes on later, and only then is it
    settled."""
    reviews = Reviews()
    house = reviews.house
    leases = [await house.active(each) for each in (ADA, SUE)]
    house.catalog.things = [thing(DEE), thing(GIL)]
    campaign = await reviews.start(OLA, then=DueAction.REVOKE)
    await reviews.review(reviews.item_of(campaign, GIL), OTO)
    with pytest.raises(NotAllowed):
        await reviews.close(campaign, OTO)
    closed = await reviews.close(campaign, OLA)
    assert (closed.state, closed.open_count, closed.is_settled) == ("CLOSED", 3, False)
    await refused(reviews.review(reviews.item_of(campaign, ADA)), "CAMPAIGN_STATE")

    one = reviews.item_of(campaign, ADA)
    house.keep(await reviews.completer.revoke(one.campaign_item_id))
    assert not reviews.kept(campaign).is_settled
    house.keep(await reviews.completer.settle(campaign.campaign_id))
    assert not reviews.kept(campaign).is_settled
    await reviews.loop()
    over = reviews.kept(campaign)
    assert (over.certified_count, over.revoked_count, over.open_count) == (1, 3, 0)
    assert over.is_settled
    assert {house.store.kept_leases[it.lease_id].state for it in leases} == {LeaseState.ENDING}
    dee = reviews.item_of(campaign, DEE)
    assert (dee.verdict, dee.reviewer) == (Verdict.REVOKED, REQUESTS)
    assert "Nobody reviewed it" in dee.reason
    assert "Take it from Dee" in dee.instructions
    assert house.last.audit.action == "campaign.settled"
    changes = len(house.store.changes)
    await reviews.loop()
    house.keep(await reviews.completer.revoke(dee.campaign_item_id))
    assert len(house.store.changes) == changes


async def test_a_campaign_with_very_many_to_revoke_keeps_no_other_waiting() -> None:
    """Each round revokes some of it and does everything of the other; in the end all is done."""
    reviews = Reviews()
    house = reviews.house
    house.catalog.things = [thing(person(f"P{number}")) for number in range(1100)]
    large = await reviews.start(then=DueAction.REVOKE)
    house.catalog.things = [thing(DEE)]
    small = await reviews.start(then=DueAction.REVOKE)
    house.clock.advance(DAY)
    counts = []
    for _ in range(3):
        await reviews.loop()
        counts.append(reviews.kept(large).open_count)
        assert reviews.kept(small).is_settled
    assert counts == [600, 100, 0]
    assert reviews.kept(large).is_settled


async def test_of_a_review_and_the_close_at_once_one_counts() -> None:
    """What was decided from an old state is not kept; counted is what was."""
    reviews = Reviews()
    house = reviews.house
    house.catalog.things = [thing(each) for each in (ADA, DEE)]
    campaign = await reviews.start()
    late = reviews.revoker, reviews.kept(campaign), reviews.item_of(campaign, ADA)
    await reviews.review(reviews.item_of(campaign, DEE), OLA)
    # Another item's verdict stands in nobody's way,
    _, change = await late[0](late[1], late[2], ROOT, "late")
    await reviews.close(campaign)
    with pytest.raises(Taken):  # and the close does.
        house.store.commit(change)
    counts = reviews.kept(campaign)
    assert (counts.certified_count, counts.revoked_count, counts.open_count) == (1, 0, 1)


async def test_who_sees_what() -> None:
    """Reviewers what is theirs, who started it and auditors everything, others nothing."""
    reviews = Reviews()
    house = reviews.house
    house.catalog.things = [thing(each) for each in (ADA, DEE, SUE)]
    campaign = await reviews.start(OLA, by=ReviewedBy.MANAGERS)
    await reviews.review(reviews.item_of(campaign, SUE), MAX)
    shower = reviews.shower

    async def sees(who: object, *, open_only: bool = False) -> set[str]:
        command = ListCampaignItems(who, campaign.campaign_id, 10, "", open_only)  # type: ignore[arg-type]
        return {it.subject.user_id for it in (await shower.items(command)).items}

    assert await sees(MAX) == set(ids(ADA, SUE))
    assert await sees(MAX, open_only=True) == {ADA.user_id}
    assert await sees(OTO) == {DEE.user_id}
    for who in (OLA, AUDREY, ROOT):
        assert await sees(who) == set(ids(ADA, DEE, SUE))
    for who in (ADA, GIL):
        with pytest.raises(NotFound):
            await sees(who)
        with pytest.raises(NotFound):
            await shower.get(who, campaign.campaign_id)
        assert (await shower.page(ListCampaigns(who, 10, ""))).items == ()
    for who in (MAX, OTO, OLA, AUDREY):
        (listed,) = (await shower.page(ListCampaigns(who, 10, "", CampaignState.OPEN))).items
        assert listed.campaign_id == campaign.campaign_id
        assert (await shower.page(ListCampaigns(who, 10, "", CampaignState.CLOSED))).items == ()
    await refused(reviews.close(campaign, AUDREY), "CALLER_NOT_ALLOWED")
