"""From a wish to access in Entra, and out of it again."""

from datetime import timedelta

import grpc

from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain.callers import ADMIN
from tests.fakes.requests_peers import ANSWER_TIME, APP, EDITOR
from tests.integration.requests_service.house import House, Person, refused


def _kinds(found: pb.AccessRequest) -> list[str | None]:
    return [entry.WhichOneof("fact") for entry in found.timeline]


async def test_an_accepted_wish_is_fulfilled_after_the_connectors_word(house: House) -> None:
    """Create, approve, lease, and FULFILLED only once the connector says that Entra has it."""
    ada = house.person("Ada")
    made = await ada.create()

    assert made.state == pb.ACCESS_REQUEST_STATE_APPROVED
    assert (made.app_id, made.entitlement_id) == (APP, EDITOR)
    assert made.plan.rule == "designers"
    assert made.plan.policy_digest == "abc"
    assert made.requested_duration.seconds == 8 * 3600
    assert _kinds(made) == ["created", "evaluated", "approved", "lease_granted"]
    lease = await ada.lease(made.lease_id)
    assert lease.state == lease_pb2.LEASE_STATE_GRANTED
    assert not lease.HasField("start_time")
    assert len(lease.targets) == 2

    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    done = await ada.reaches(made.access_request_id, "FULFILLED")

    assert _kinds(done)[4:] == ["target_delivered", "target_delivered", "fulfilled"]
    answers = [entry for entry in done.timeline if entry.HasField("target_delivered")]
    assert answers[0].entry_time.ToDatetime() == ANSWER_TIME.replace(tzinfo=None)
    assert answers[0].actor.service == "connector"
    assert answers[1].target_delivered.preexisting
    lease = await ada.lease(made.lease_id)
    assert lease.state == lease_pb2.LEASE_STATE_ACTIVE
    length = lease.end_time.ToDatetime() - lease.start_time.ToDatetime()
    assert length.total_seconds() == 8 * 3600
    assert await house.actions() == ["access_request.created", "access_request.fulfilled"]
    assert await house.event_types() == [
        "AccessRequestCreated",
        "AccessRequestApproved",
        "LeaseGranted",
        "AccessRequestFulfilled",
    ]


async def test_a_watcher_sees_every_change_until_the_end(house: House) -> None:
    """WatchAccessRequest gives the access request as it is, then each change, then ends."""
    ada = house.person("Ada")
    made = await ada.create()
    seen: list[pb.AccessRequest] = []
    async for answer in ada.watch(made.access_request_id):
        if not seen:
            house.connector.delivered(made.lease_id)
            await house.connector.say_provisioned(made.lease_id)
        seen.append(answer.access_request)

    assert seen[0] == made
    assert [found.state for found in seen[1:]] == [pb.ACCESS_REQUEST_STATE_FULFILLED]


async def test_a_watcher_sees_what_another_replica_changed(house: House) -> None:
    """A change by another replica reaches a watcher too, a moment later."""
    ada = house.person("Ada")
    house.policy.steps = []
    made = await ada.create()
    _, port = await house.start()
    async with house.channel(port) as channel:
        elsewhere = house.person("Ada", channel=channel)
        states: list[int] = []
        async for answer in ada.watch(made.access_request_id):
            if not states:
                request = pb.CancelAccessRequestRequest(access_request_id=made.access_request_id)
                await elsewhere.call(elsewhere.access_requests.CancelAccessRequest, request)
            states.append(answer.access_request.state)

    assert states == [pb.ACCESS_REQUEST_STATE_EVALUATING, pb.ACCESS_REQUEST_STATE_CANCELLED]


async def test_a_rejected_wish_is_denied_with_the_policys_words(house: House) -> None:
    """DENIED carries the plan and the message of the rule, and brings no lease."""
    house.policy.reject("Ask your manager.")
    ada = house.person("Ada")
    made = await ada.create()

    assert made.state == pb.ACCESS_REQUEST_STATE_DENIED
    assert _kinds(made) == ["created", "evaluated", "denied"]
    assert made.timeline[-1].denied.message == "Ask your manager."
    assert made.plan.steps[0].reject.message == "Ask your manager."
    assert not made.lease_id
    assert await house.event_types() == ["AccessRequestCreated", "AccessRequestDenied"]
    assert await house.actions() == ["access_request.created"]
    house.policy.steps = [policy_pb2.Step(accept=policy_pb2.Step.Accept())]
    assert (await ada.create()).state == pb.ACCESS_REQUEST_STATE_APPROVED


async def test_a_lease_ends_when_its_time_is_over(house: House) -> None:
    """ACTIVE becomes ENDING by itself, and ENDED after the connector has taken the access out."""
    house.catalog.max_duration = timedelta(seconds=1)
    ada = house.person("Ada")
    made = await _fulfilled(house, ada)
    ending = await ada.lease_reaches(made.lease_id, "ENDING")
    assert ending.end_cause == lease_pb2.LEASE_END_CAUSE_EXPIRED

    house.connector.removed(made.lease_id)
    await house.connector.say_deprovisioned(made.lease_id)
    await ada.lease_reaches(made.lease_id, "ENDED")

    found = await ada.get(made.access_request_id)
    assert found.state == pb.ACCESS_REQUEST_STATE_FULFILLED
    assert _kinds(found)[-2:] == ["lease_ending", "lease_ended"]
    assert found.timeline[-2].lease_ending.cause == "expired"
    assert (await house.event_types())[-2:] == ["LeaseEnded", "LeaseRemoved"]
    assert await house.actions(made.lease_id) == ["lease.expired", "lease.ended"]


async def test_a_lease_without_a_limit_has_no_end(house: House) -> None:
    """Where the entitlement has no limit and none is asked for, the lease has no end time."""
    house.catalog.max_duration = None
    ada = house.person("Ada")
    made = await _fulfilled(house, ada)
    lease = await ada.lease(made.lease_id)
    assert not made.HasField("requested_duration")
    assert not lease.HasField("duration")
    assert lease.HasField("start_time")
    assert not lease.HasField("end_time")
    assert not made.timeline[-1].fulfilled.HasField("end_time")


async def test_an_active_lease_is_given_back(house: House) -> None:
    """RevokeLease of one's own lease ends it at once; repeated, it answers the same lease."""
    ada = house.person("Ada")
    made = await _fulfilled(house, ada)
    ending = await ada.revoke(made.lease_id)
    assert ending.state == lease_pb2.LEASE_STATE_ENDING
    assert ending.end_cause == lease_pb2.LEASE_END_CAUSE_REVOKED
    assert ending.end_reason == "not needed"
    assert await ada.revoke(made.lease_id) == ending

    house.connector.removed(made.lease_id)
    await house.connector.say_deprovisioned(made.lease_id)
    ended = await ada.lease_reaches(made.lease_id, "ENDED")
    assert await ada.revoke(made.lease_id, reason="again") == ended
    assert (await ada.create()).state == pb.ACCESS_REQUEST_STATE_APPROVED


async def test_a_lease_revoked_on_its_way_cancels_its_access_request(house: House) -> None:
    """Revoked before delivery: the access request is CANCELLED, and late good news do nothing."""
    ada = house.person("Ada")
    made = await ada.create()
    admin = house.person("Admin", [ADMIN])
    await admin.revoke(made.lease_id, reason="mistaken")
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)

    found = await ada.get(made.access_request_id)
    assert found.state == pb.ACCESS_REQUEST_STATE_CANCELLED
    assert _kinds(found)[-2:] == ["lease_ending", "cancelled"]
    assert found.timeline[-1].cancelled.reason == "mistaken"
    assert (await house.event_types())[-2:] == ["LeaseEnded", "AccessRequestCancelled"]
    house.connector.removed(made.lease_id)
    await house.connector.say_deprovisioned(made.lease_id)
    await ada.lease_reaches(made.lease_id, "ENDED")
    found = await ada.get(made.access_request_id)
    assert found.state == pb.ACCESS_REQUEST_STATE_CANCELLED


async def test_a_failed_delivery_is_retried_without_a_new_approval(house: House) -> None:
    """FAILED says why; a retry is a new round, and the word of the old round does nothing."""
    ada = house.person("Ada")
    made = await ada.create()
    house.connector.failed(made.lease_id)
    await house.connector.say_failed(made.lease_id)
    failed = await ada.reaches(made.access_request_id, "FAILED")
    assert failed.failure_reason == "group_not_writable"
    assert failed.failure_message == "The group's members can't be changed."
    assert failed.timeline[-2].delivery_failed.failure_reason == "group_not_writable"
    asked = len(house.policy.asked)

    request = pb.RetryAccessRequestRequest(access_request_id=made.access_request_id)
    answer = await ada.call(ada.access_requests.RetryAccessRequest, request)
    retried = answer.access_request
    assert retried.state == pb.ACCESS_REQUEST_STATE_APPROVED
    assert not retried.failure_reason
    assert _kinds(retried)[-2:] == ["retried", "lease_granted"]
    lease = await ada.lease(made.lease_id)
    assert (lease.state, lease.round) == (lease_pb2.LEASE_STATE_GRANTED, 2)

    await house.connector.say_failed(made.lease_id, round=1)
    house.connector.delivered(made.lease_id, round=2)
    await house.connector.say_provisioned(made.lease_id, round=2)
    done = await ada.reaches(made.access_request_id, "FULFILLED")
    assert _kinds(done).count("delivery_failed") == 1
    assert len(house.policy.asked) == asked


async def test_a_failed_wish_does_not_stand_in_the_way_of_a_new_one(house: House) -> None:
    """After FAILED one may ask again. The failed lease, which may hold a part of what it was to
    bring, then ends, and its wish can be retried no longer."""
    ada = house.person("Ada")
    first = await ada.create()
    house.connector.failed(first.lease_id)
    await house.connector.say_failed(first.lease_id)
    await ada.reaches(first.access_request_id, "FAILED")
    second = await ada.create()
    assert second.state == pb.ACCESS_REQUEST_STATE_APPROVED
    assert (await ada.lease(first.lease_id)).state == lease_pb2.LEASE_STATE_ENDING

    request = pb.RetryAccessRequestRequest(access_request_id=first.access_request_id)
    refusal = await refused(ada.call(ada.access_requests.RetryAccessRequest, request))
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refusal.reason == "LEASE_STATE"
    assert refusal.facts == {"lease_id": first.lease_id, "state": "ENDING"}
    found = await ada.get(first.access_request_id)
    assert found.state == pb.ACCESS_REQUEST_STATE_FAILED


async def _fulfilled(house: House, person: Person) -> pb.AccessRequest:
    made = await person.create()
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    return await person.reaches(made.access_request_id, "FULFILLED")
