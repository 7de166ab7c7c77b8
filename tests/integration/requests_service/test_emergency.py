"""Emergency access: where it is enabled, under its own policy, loud, and reviewed afterwards."""

import asyncio
import json

import grpc
from google.protobuf.duration_pb2 import Duration

from latchkey.catalog.v1 import events_pb2 as catalog_events_pb2
from latchkey.catalog.v1 import settings_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2
from libs.domain.callers import ADMIN, AUDITOR
from libs.domain.ids import derived_id
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.deciders import (
    ACCEPT,
    asks,
    deny,
    kinds,
    listed,
    named,
    records,
    review,
    told,
    uid,
)
from tests.integration.requests_service.house import House, Refusal, answer_of, refused
from tests.support.eventually import eventually

_WRONG, _DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED
_POLICY = derived_id("pol", "emergency")


def _enable(house: House) -> None:
    """At most an hour, approved at once; without it Ben decides."""
    house.catalog.emergency = settings_pb2.EmergencySettings(
        enabled=True, policy_id=_POLICY, max_duration=Duration(seconds=3600)
    )
    house.policy.others[_POLICY] = [ACCEPT]
    house.policy.steps = [asks(named("Ben"))]
    house.catalog.owners = [uid("Olga"), uid("Ada")]


async def test_it_is_loud_short_and_under_its_own_policy(house: House) -> None:
    """Only where it is enabled; the emergency policy decides, under the shorter limit; the audit,
    the timeline and the events say so, and so does the lease."""
    ada = house.person("Ada")
    refusal = await refused(ada.create(emergency=True))
    assert (refusal.code, refusal.reason) == (_WRONG, "EMERGENCY_NOT_ENABLED")
    assert await house.actions() == []
    _enable(house)
    longer = await refused(ada.create(emergency=True, requested_duration=Duration(seconds=3601)))
    assert (longer.reason, longer.facts) == ("DURATION_TOO_LONG", {"max_duration": "3600s"})
    made = await ada.create(emergency=True, justification="it burns")
    assert (made.state, made.emergency) == (pb.ACCESS_REQUEST_STATE_APPROVED, True)
    assert (made.plan.policy_id, made.requested_duration.seconds) == (_POLICY, 3600)
    assert made.emergency_review_state == pb.EMERGENCY_REVIEW_STATE_OPEN
    assert kinds(made) == [
        *("created", "emergency_requested", "evaluated", "approved", "lease_granted")
    ]
    assert made.timeline[1].emergency_requested.policy_id == _POLICY
    assert house.policy.asked[-1].facts.emergency
    (lease,) = (await ada.lease(made.lease_id),)
    assert (lease.emergency, lease.duration.seconds) == (True, 3600)
    (event,) = await told(house, events_pb2.EmergencyAccessRequested)
    assert (event.access_request_id, event.subject_user_id) == (made.access_request_id, uid("Ada"))
    assert (await house.event_types())[:2] == ["AccessRequestCreated", "EmergencyAccessRequested"]
    (record,) = await records(house, made.access_request_id)
    assert json.loads(record.details_json)["emergency"] is True
    # Without an emergency it is the other policy, with the longer limit, and Ben.
    plain = await ada.create(VIEWER)
    assert plain.state == pb.ACCESS_REQUEST_STATE_PENDING
    assert plain.requested_duration.seconds == 8 * 3600
    assert plain.emergency_review_state == pb.EMERGENCY_REVIEW_STATE_UNSPECIFIED


async def test_somebody_else_reviews_it_before_the_next(house: House) -> None:
    """Neither requester nor subject, though an owner or administrator: SELF_DECISION, recorded; an
    auditor only looks; nobody else knows of it. An owner closes it once, with the etag they saw;
    until then the subject's next emergency is refused, whoever asks, and others' are not."""
    _enable(house)
    house.catalog.line[uid("Ada")] = [uid("Max")]
    ada, admin = house.person("Ada"), house.person("Max", [ADMIN])
    made = await admin.create(emergency=True, subject_user_id=uid("Ada"))
    for who, role in ((admin, "the requester"), (ada, "the subject")):
        refusal = await refused(review(who, made))
        assert (refusal.code, refusal.reason) == (_DENIED, "SELF_DECISION")
        assert refusal.facts["role"] == role
    assert [it.action for it in await records(house, made.access_request_id)][1:] == [
        "access_request.self_decision_refused"
    ] * 2
    auditor = await refused(review(house.person("Aud", [AUDITOR]), made))
    assert (auditor.code, auditor.reason) == (_DENIED, "CALLER_NOT_ALLOWED")
    stranger = await refused(review(house.person("Mallory"), made))
    assert (stranger.code, stranger.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "ACCESS_REQUEST_NOT_FOUND",
    )
    for who in (ada, admin):
        for entitlement_id in (VIEWER,):
            blocked = await refused(
                who.create(entitlement_id, emergency=True, subject_user_id=uid("Ada"))
            )
            assert (blocked.code, blocked.reason) == (_WRONG, "EMERGENCY_REVIEW_OPEN")
            assert blocked.facts == {"access_request_id": made.access_request_id}
    # That the lease is over does not close it.
    await ada.revoke(made.lease_id)
    assert (await refused(ada.create(VIEWER, emergency=True))).reason == "EMERGENCY_REVIEW_OPEN"
    assert (await house.person("Eve").create(emergency=True)).emergency

    olga = house.person("Olga")
    seen = await olga.get(made.access_request_id)
    stale = await refused(review(olga, seen, etag="77"))
    assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    verdict = pb.EMERGENCY_REVIEW_STATE_NOT_JUSTIFIED
    done = await review(olga, seen, verdict=verdict, comment="it did not burn", idempotency_key="k")
    assert done.emergency_review_state == verdict
    assert done.timeline[-1].emergency_reviewed.comment == "it did not burn"
    assert not done.timeline[-1].emergency_reviewed.justified
    assert done == await review(
        olga, seen, verdict=verdict, comment="it did not burn", idempotency_key="k"
    )
    (event,) = await told(house, events_pb2.EmergencyAccessReviewed)
    assert not event.justified
    record = (await records(house, made.access_request_id))[-1]
    assert (record.action, record.reason) == (
        "access_request.emergency_reviewed",
        "it did not burn",
    )
    again = await refused(review(olga, done))
    assert (again.code, again.reason) == (_WRONG, "REVIEW_NOT_OPEN")
    assert (await ada.create(VIEWER, emergency=True)).emergency


async def test_of_two_emergencies_at_once_there_is_one(house: House) -> None:
    """For one subject and two entitlements at once: one is made, the other is refused for it; one
    that is denied leaves nothing to review, and blocks nothing."""
    _enable(house)
    for turn in range(4):
        person = house.person(f"Ada {turn}")
        answers = await asyncio.gather(
            *(answer_of(person.create(each, emergency=True)) for each in (EDITOR, VIEWER))
        )
        (made,) = [each for each in answers if not isinstance(each, Refusal)]
        (late,) = [each for each in answers if isinstance(each, Refusal)]
        assert (late.code, late.reason) == (_WRONG, "EMERGENCY_REVIEW_OPEN")
        assert late.facts == {"access_request_id": made.access_request_id}
    house.policy.others[_POLICY] = [asks(named("Ben"))]
    eve = house.person("Eve")
    made = await eve.create(emergency=True)
    assert made.state == pb.ACCESS_REQUEST_STATE_PENDING
    assert (await refused(eve.create(VIEWER, emergency=True))).reason == "EMERGENCY_REVIEW_OPEN"
    denied = await deny(house.person("Ben"), made)
    assert denied.emergency_review_state == pb.EMERGENCY_REVIEW_STATE_UNSPECIFIED
    assert (await refused(review(house.person("Root", [ADMIN]), denied))).reason == (
        "REVIEW_NOT_OPEN"
    )
    assert (await eve.create(VIEWER, emergency=True)).state == pb.ACCESS_REQUEST_STATE_PENDING


async def test_who_owns_the_app_no_longer_does_not_review_it(house: House) -> None:
    """Owners are asked for anew when somebody reviews; an administrator can in any case."""
    _enable(house)
    made = await house.person("Eve").create(emergency=True)
    house.catalog.owners = [uid("Otto")]
    gone = await refused(review(house.person("Olga"), made))
    assert (gone.code, gone.reason) == (_DENIED, "CALLER_NOT_ALLOWED")
    done = await review(house.person("Root", [ADMIN]), made)
    assert done.emergency_review_state == pb.EMERGENCY_REVIEW_STATE_JUSTIFIED


async def test_the_review_is_for_who_owns_the_app_now(house: House) -> None:
    """When an owner is deactivated, whoever owns the app then finds the review in their list, and
    closes it."""
    _enable(house)
    made = await house.person("Eve").create(emergency=True)
    otto = house.person("Otto")
    assert await listed(otto, emergency_review_open=True) == []
    house.catalog.owners = [uid("Otto")]
    house.catalog.disabled.add(uid("Olga"))
    await house.connector.publish(
        catalog_events_pb2.UserDeactivated(user_id=uid("Olga")), uid("Olga")
    )

    async def found() -> bool:
        return await listed(otto, emergency_review_open=True) == [made.access_request_id]

    await eventually(found, 10)
    seen = await otto.get(made.access_request_id)
    done = await review(otto, seen)
    assert done.emergency_review_state == pb.EMERGENCY_REVIEW_STATE_JUSTIFIED
    assert await listed(otto, emergency_review_open=True) == []
