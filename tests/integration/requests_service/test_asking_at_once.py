"""Asking for the same thing several times, also at once."""

import asyncio
import contextlib

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.house import House, Person, Refusal, answer_of, refused


async def _all(person: Person) -> list[pb.AccessRequest]:
    answer = await person.call(
        person.access_requests.ListAccessRequests, pb.ListAccessRequestsRequest()
    )
    return list(answer.access_requests)


async def test_eight_at_once_make_one(house: House) -> None:
    """Of eight equal creates one makes the access request, and the others are told its id."""
    ada = house.person("Ada")

    answers = await asyncio.gather(*(answer_of(ada.create()) for _ in range(8)))

    made = [answer for answer in answers if isinstance(answer, pb.AccessRequest)]
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(made) == 1
    for refusal in refusals:
        assert refusal.code is grpc.StatusCode.ALREADY_EXISTS
        assert refusal.reason == "ACCESS_REQUEST_OPEN"
        assert refusal.facts == {"access_request_id": made[0].access_request_id}
    assert len(await _all(ada)) == 1
    assert await house.actions() == ["access_request.created"]
    assert (await house.event_types()).count("LeaseGranted") == 1


async def test_eight_at_once_with_one_key_get_one_answer(house: House) -> None:
    """With the same idempotency key, all eight are answered with the one access request."""
    ada = house.person("Ada")
    answers = await asyncio.gather(*(ada.create(idempotency_key="k1") for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert len(await _all(ada)) == 1
    assert await house.actions() == ["access_request.created"]
    # Later too, when the access request has long moved on.
    house.connector.delivered(answers[0].lease_id)
    await house.connector.say_provisioned(answers[0].lease_id)
    await ada.reaches(answers[0].access_request_id, "FULFILLED")
    assert await ada.create(idempotency_key="k1") == answers[0]


async def test_a_key_is_for_one_body_one_person_and_one_method(house: House) -> None:
    """The same key with another body is refused; of another person it is another key."""
    ada, ben = house.person("Ada"), house.person("Ben")
    await ada.create(idempotency_key="k1")
    refusal = await refused(ada.create(VIEWER, idempotency_key="k1"))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"
    assert refusal.fields == ["idempotency_key"]
    await ben.create(VIEWER, idempotency_key="k1")
    assert len(await _all(ada)) == 1


async def test_an_open_one_then_a_lease_stand_in_the_way(house: House) -> None:
    """While it is open: ACCESS_REQUEST_OPEN. Once it is fulfilled: ALREADY_LEASED."""
    ada = house.person("Ada")
    made = await ada.create()
    refusal = await refused(ada.create(justification="another reason"))
    assert refusal.reason == "ACCESS_REQUEST_OPEN"
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    await ada.reaches(made.access_request_id, "FULFILLED")

    refusal = await refused(ada.create())
    assert refusal.code is grpc.StatusCode.ALREADY_EXISTS
    assert refusal.reason == "ALREADY_LEASED"
    assert refusal.facts == {"lease_id": made.lease_id}
    await ada.create(VIEWER)
    await house.person("Ben").create(EDITOR)


async def test_eight_revocations_at_once_end_a_lease_once(house: House) -> None:
    """Eight revocations all get the ending lease; one change is on record."""
    ada = house.person("Ada")
    made = await ada.create()
    answers = await asyncio.gather(*(ada.revoke(made.lease_id) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert await house.actions(made.lease_id) == ["lease.revoked"]


async def test_one_retry_of_many_wins(house: House) -> None:
    """Of retries with the same etag one is done; the others are told that they are late."""
    ada = house.person("Ada")
    made = await ada.create()
    house.connector.failed(made.lease_id)
    await house.connector.say_failed(made.lease_id)
    failed = await ada.reaches(made.access_request_id, "FAILED")
    request = pb.RetryAccessRequestRequest(
        access_request_id=made.access_request_id, etag=failed.etag
    )
    calls = (ada.call(ada.access_requests.RetryAccessRequest, request) for _ in range(4))
    answers = await asyncio.gather(*(answer_of(call) for call in calls))
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert [refusal.reason for refusal in refusals] == ["ETAG_MISMATCH"] * 3
    assert (await ada.lease(made.lease_id)).round == 2


async def test_a_create_whose_caller_gave_up_is_kept_once(house: House) -> None:
    """A caller that gives up at any moment asks again with the same key, and there is one."""
    admin = house.person("Admin", [ADMIN])
    for number in range(12):
        person = house.person(f"Person {number}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(number * 0.002):
                await person.create(idempotency_key="once")
        made = await person.create(idempotency_key="once")
        newest = (await _all(admin))[0]
        assert newest.access_request_id == made.access_request_id

    assert len(await _all(admin)) == 12
    assert await house.actions() == ["access_request.created"] * 12
