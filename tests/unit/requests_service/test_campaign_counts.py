"""Whatever happens to a campaign: its counts add up, and nothing is revoked for no reason."""

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.domain.errors import LatchkeyError
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.campaign import Campaign, CampaignState, DueAction, Verdict
from services.requests.domain.lease import EndCause, LeaseState
from tests.support.examples import examples
from tests.unit.requests_service.cast import BIG, DEE, GIL, MAX, OLA, OTO, ROOT, SUE
from tests.unit.requests_service.house import ADA
from tests.unit.requests_service.reviews import Reviews, thing

LEASED, STANDING = (ADA, SUE, BIG), (DEE, GIL, OLA)
WHO = (OLA, OTO, ROOT, MAX, ADA)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([Verdict.CERTIFIED, Verdict.REVOKED]),
            st.integers(0, 5),
            st.sampled_from(WHO),
        ),
        st.tuples(st.sampled_from(["loop", "close", "settle", "half", "expire", "back"])),
        st.tuples(st.just("wait"), st.integers(1, 10)),
    ),
    max_size=25,
)


def _adds_up(reviews: Reviews, campaign: Campaign) -> None:
    now, items = reviews.kept(campaign), reviews.items(campaign)
    said = [each.verdict for each in items]
    assert now.item_count == len(items) == 6
    assert now.certified_count == said.count(Verdict.CERTIFIED)
    assert now.revoked_count == said.count(Verdict.REVOKED)
    assert now.open_count == said.count(None) + said.count(Verdict.NOT_REVIEWED)
    if now.state is CampaignState.OPEN:
        assert Verdict.NOT_REVIEWED not in said
    if now.is_settled and now.due_action is DueAction.REVOKE:
        assert now.open_count == 0
    if now.is_settled:
        assert None not in said
    for each in items:
        if each.verdict is not Verdict.REVOKED:
            continue
        if each.reviewer == REQUESTS:
            assert now.state is CampaignState.CLOSED
            assert now.due_action is DueAction.REVOKE
        else:
            assert each.reviewer is not None
            assert each.reviewer in (OLA, OTO, ROOT)
            assert each.reviewer.user_id != each.subject.user_id
    revoked = {it.lease_id for it in items if it.verdict is Verdict.REVOKED and it.lease_id}
    leases = reviews.house.store.kept_leases
    assert all(leases[lease_id].is_over for lease_id in revoked)
    ended = {
        key
        for key, it in leases.items()
        if it.is_over and it.end_reason.startswith("access review")
    }
    assert ended <= revoked


@settings(max_examples=examples(120), deadline=None)
@given(STEPS, st.sampled_from(DueAction))
def test_counts_add_up_and_nothing_is_revoked_without_a_reason(
    steps: list[tuple[object, ...]], then: DueAction
) -> None:
    """Reviews by whoever, closes, a loop that stops in the middle, leases that end by themselves,
    in any order: what is revoked a reviewer revoked, or the due action after the close."""

    async def all_of_them() -> None:
        reviews = Reviews()
        house = reviews.house
        leases = [await house.active(each) for each in LEASED]
        house.catalog.things = [thing(each) for each in STANDING]
        campaign = await reviews.start(OLA, due=timedelta(minutes=30), then=then)
        items = reviews.items(campaign)
        for step in steps:
            try:
                match step:
                    case (Verdict() as verdict, int(number), who):
                        item = reviews.items(campaign)[number]
                        await reviews.review(item, who, verdict)  # type: ignore[arg-type]
                    case ("loop",):
                        await reviews.loop()
                    case ("close",):
                        await reviews.close(campaign, OLA)
                    case ("settle",):
                        house.keep(await reviews.completer.settle(campaign.campaign_id))
                    case ("half",):
                        house.keep(await reviews.completer.close(campaign.campaign_id))
                        for item in items[:2]:
                            house.keep(await reviews.completer.revoke(item.campaign_item_id))
                    case ("expire",):
                        await house.expire(leases[0].lease_id)
                    case ("back",):
                        await house.revoke(leases[1].lease_id, LEASED[1])
                    case ("wait", int(minutes)):
                        house.clock.advance(timedelta(minutes=minutes))
            except LatchkeyError:
                pass
            _adds_up(reviews, campaign)
        house.clock.advance(timedelta(hours=1))
        await reviews.loop()
        _adds_up(reviews, campaign)
        assert reviews.kept(campaign).is_settled
        certified = {it.lease_id for it in reviews.items(campaign) if it.verdict != "REVOKED"}
        for lease in leases:
            found = house.store.kept_leases[lease.lease_id]
            if lease.lease_id in certified and found.state is not LeaseState.ACTIVE:
                assert found.end_cause is EndCause.EXPIRED or found.end_reason == "not needed"

    asyncio.run(all_of_them())
