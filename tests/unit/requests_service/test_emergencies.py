"""Emergency access: under its own policy and limit, one a subject, and looked at by others."""

from datetime import timedelta

from libs.domain.callers import Person
from services.requests.domain import decision_facts, facts, timeline
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.delivery import DeliveryState
from services.requests.domain.resolution import EmergencyTerms
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.states import EmergencyReview
from services.requests.domain.steps import Accept
from services.requests.handlers.wish import Wish
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.cast import (
    ADA,
    AUDREY,
    BY_OWNER,
    DEE,
    HAL,
    MAX,
    OLA,
    OTO,
    ROOT,
    SUE,
    happened,
    refused,
    some,
    suspend,
    told,
    town,
)
from tests.unit.requests_service.house import House

HOUR = timedelta(hours=1)


def _town() -> House:
    house = town(BY_OWNER, pol_emergency=(Accept(),))
    house.catalog.emergency = EmergencyTerms("pol_emergency", 2 * HOUR)
    return house


async def _ask(house: House, who: Person, subject: Person, length: timedelta) -> AccessRequest:
    return await house.ask(Wish(who, ENTITLEMENT, length, subject.user_id, emergency=True))


async def test_an_emergency_has_a_policy_and_a_limit_of_its_own() -> None:
    """Loud, and refused where it is not enabled or asked for longer than that."""
    house = _town()
    await refused(_ask(house, ADA, ADA, 3 * HOUR), "DURATION_TOO_LONG", max_duration="7200s")
    seen = await _ask(house, ADA, ADA, HOUR)
    assert (seen.state, seen.review) == (State.APPROVED, EmergencyReview.OPEN)
    assert seen.plan is not None
    assert seen.plan.policy_id == "pol_emergency"
    assert happened(seen, timeline.EmergencyRequested) == [
        timeline.EmergencyRequested("pol_emergency")
    ]
    assert [type(body) for body in told(house)] == [
        facts.AccessRequestCreated,
        decision_facts.EmergencyAccessRequested,
        facts.AccessRequestApproved,
        facts.LeaseGranted,
    ]
    assert seen.awaiting == some(OLA, OTO)
    house.catalog.emergency = None
    await refused(_ask(house, SUE, SUE, HOUR), "EMERGENCY_NOT_ENABLED")


async def test_the_next_emergency_waits_for_the_review_whoever_asks() -> None:
    """Also when what was delivered is over, and when the first was never delivered."""
    house = _town()
    seen = await _ask(house, MAX, SUE, HOUR)
    await house.revoke(seen.lease_id, ROOT)
    await house.settle(seen.lease_id, DeliveryState.REMOVED)
    for who in (SUE, HAL):
        await refused(
            _ask(house, who, SUE, HOUR),
            "EMERGENCY_REVIEW_OPEN",
            access_request_id=seen.access_request_id,
        )
    seen = house.kept(seen.access_request_id)
    for who in (MAX, SUE):
        await refused(house.review(seen, who), "SELF_DECISION")
        assert house.last.audit.action == "access_request.self_decision_refused"
    await refused(house.review(seen, DEE), "ACCESS_REQUEST_NOT_FOUND")
    await refused(house.review(seen, AUDREY), "CALLER_NOT_ALLOWED")
    done = await house.review(seen, OLA, EmergencyReview.NOT_JUSTIFIED)
    assert (done.review, done.awaiting) == (EmergencyReview.NOT_JUSTIFIED, some())
    assert told(house) == [
        decision_facts.EmergencyAccessReviewed(seen.access_request_id, justified=False, actor=OLA)
    ]
    await refused(house.review(done, ROOT), "REVIEW_NOT_OPEN")
    await refused(house.review(seen, ROOT), "ETAG_MISMATCH")
    assert (await _ask(house, SUE, SUE, HOUR)).state is State.APPROVED


async def test_the_review_is_for_those_who_own_the_app_now() -> None:
    """Looked at again, it is in their inboxes and nobody else's; nothing changes for the same."""
    house = _town()
    seen = await _ask(house, ADA, ADA, HOUR)
    suspend(house, OTO)
    house.catalog.owners = [each.user_id for each in (ADA, OTO, DEE)]
    await refused(house.review(seen, OLA), "CALLER_NOT_ALLOWED")
    assert await house.decide(seen.access_request_id)
    found = house.kept(seen.access_request_id)
    assert found.awaiting == some(DEE)
    assert house.last.audit.action == "access_request.reviewers_changed"
    count = len(house.store.changes)
    assert await house.decide(seen.access_request_id)
    assert len(house.store.changes) == count
    assert (await house.review(found, DEE)).review is EmergencyReview.JUSTIFIED
    assert await house.decide(seen.access_request_id)
    assert len(house.store.changes) == count + 1
