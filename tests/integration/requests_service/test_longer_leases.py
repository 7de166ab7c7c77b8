"""Leases that last longer, over the wire: asked for, decided, and against their end."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK
from libs.domain.ids import new_id
from tests.integration.requests_service.deciders import (
    ACCEPT,
    MANAGER,
    approve,
    asks,
    deny,
    kinds,
    named,
    records,
    told,
    uid,
)
from tests.integration.requests_service.house import House, Refusal, answer_of, refused
from tests.support.eventually import eventually
from tests.support.issuer import object_id

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_FULFILLED = pb.ACCESS_REQUEST_STATE_FULFILLED
_HOUR = timedelta(hours=1)


def _end(lease: lease_pb2.Lease) -> datetime:
    return lease.end_time.ToDatetime(UTC)


async def test_policy_lets_a_lease_last_longer_at_once(house: House) -> None:
    """The end moves, and nothing else: no round, no word to the connector. A repeated key gets the
    first answer; what goes beyond the limit from now on is cut, or refused with the limit."""
    ada = house.person("Ada")
    lease = await house.leased(ada)
    looked = house.connector.calls
    made = await ada.extend(lease.lease_id, idempotency_key="k")
    assert (made.state, made.lease_id) == (_FULFILLED, lease.lease_id)
    assert made.extends_lease_id == lease.lease_id
    assert kinds(made) == ["created", "evaluated", "approved", "lease_extended", "fulfilled"]
    assert made.timeline[3].lease_extended.end_time == made.timeline[4].fulfilled.end_time
    assert house.policy.asked[-1].facts.requested_duration.seconds == 3600
    longer = await ada.lease(lease.lease_id)
    assert _end(longer) == _end(lease) + _HOUR
    assert longer.duration.seconds == 2 * 3600
    assert (longer.state, longer.round) == (lease.state, lease.round)
    assert _end(longer) - longer.remind_time.ToDatetime(UTC) == timedelta(minutes=15)
    assert longer.access_request_id == lease.access_request_id
    first = (await ada.get(lease.access_request_id)).timeline[-1]
    assert first.lease_extended == made.timeline[3].lease_extended

    assert await ada.extend(lease.lease_id, idempotency_key="k") == made
    assert await ada.lease(lease.lease_id) == longer
    refusal = await refused(ada.extend(lease.lease_id, 60, idempotency_key="k"))
    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"
    assert (await house.event_types())[-4:] == [
        "AccessRequestCreated",
        "AccessRequestApproved",
        "LeaseExtended",
        "AccessRequestFulfilled",
    ]
    (event,) = await told(house, events_pb2.LeaseExtended)
    assert (event.lease_id, event.access_request_id) == (lease.lease_id, made.access_request_id)
    assert event.end_time == longer.end_time
    assert (await told(house, events_pb2.AccessRequestApproved))[-1].lease_id == ""
    (record,) = await records(house, lease.lease_id)
    assert (record.action, record.actor.service) == ("lease.extended", "requests")
    assert json.loads(record.details_json)["access_request_id"] == made.access_request_id
    assert [each.action for each in await records(house, made.access_request_id)] == [
        "access_request.created"
    ]
    states = [answer.access_request.state async for answer in ada.watch(made.access_request_id)]
    assert states == [_FULFILLED]

    before = datetime.now(UTC)
    await ada.extend(lease.lease_id, 8 * 3600)
    cut = _end(await ada.lease(lease.lease_id)) - timedelta(hours=8)
    assert before - timedelta(seconds=5) <= cut <= datetime.now(UTC) + timedelta(seconds=5)
    house.catalog.max_duration = timedelta(days=30)
    refusal = await refused(ada.extend(lease.lease_id, 30 * 86400 + 1))
    assert (refusal.code, refusal.reason) == (_INVALID, "DURATION_TOO_LONG")
    assert (refusal.fields, refusal.facts) == (["duration"], {"max_duration": "2592000s"})
    house.catalog.max_duration = _HOUR
    refusal = await refused(ada.extend(lease.lease_id, 60))
    assert (refusal.reason, refusal.fields) == ("DURATION_TOO_LONG", ["duration"])
    assert refusal.facts == {"max_duration": "3600s"}
    assert house.connector.calls == looked


async def test_people_decide_whether_it_lasts_longer(house: House) -> None:
    """While they have not, and when they deny or it is withdrawn, the first end holds; who approves
    may shorten. One wish is open at a time, whoever else asks and for whatever."""
    house.catalog.line[uid("Ada")] = [uid("Ben")]
    ada, ben = house.person("Ada"), house.person("Ben")
    lease = await house.leased(ada)
    house.policy.steps = [asks(MANAGER)]
    answers = await asyncio.gather(*(answer_of(ada.extend(lease.lease_id)) for _ in range(6)))
    (made,) = [each for each in answers if isinstance(each, pb.AccessRequest)]
    for each in answers:
        if isinstance(each, Refusal):
            assert each.code is grpc.StatusCode.ALREADY_EXISTS
            assert each.reason == "ACCESS_REQUEST_OPEN"
            assert each.facts == {"access_request_id": made.access_request_id}
    assert made.state == pb.ACCESS_REQUEST_STATE_PENDING
    assert (await refused(ada.create())).reason == "ACCESS_REQUEST_OPEN"
    seen = await ben.get(made.access_request_id)
    assert seen.extends_lease_id == lease.lease_id
    assert (await deny(ben, seen)).state == pb.ACCESS_REQUEST_STATE_DENIED
    assert await ada.lease(lease.lease_id) == lease
    assert (await refused(ada.create())).reason == "ALREADY_LEASED"

    again = await ada.extend(lease.lease_id)
    cancel = pb.CancelAccessRequestRequest(access_request_id=again.access_request_id)
    await ada.call(ada.access_requests.CancelAccessRequest, cancel)
    assert (await refused(approve(ben, again))).code in (
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.FAILED_PRECONDITION,
    )
    assert await ada.lease(lease.lease_id) == lease

    keyed = await asyncio.gather(
        *(ada.extend(lease.lease_id, 3 * 3600, idempotency_key="k") for _ in range(4))
    )
    assert all(each == keyed[0] for each in keyed)
    done = await approve(ben, keyed[0], duration=Duration(seconds=3600))
    assert (done.state, done.requested_duration.seconds) == (_FULFILLED, 3600)
    assert _end(await ada.lease(lease.lease_id)) == _end(lease) + _HOUR
    (_, last) = await records(house, done.access_request_id)
    assert last.action == "access_request.approved"
    assert last.actor.person.entra_object_id == object_id("Ben")
    assert json.loads(last.details_json)["lease_id"] == lease.lease_id
    types = await house.event_types()
    assert (types.count("LeaseGranted"), types.count("LeaseEnded")) == (1, 0)


async def test_an_extension_and_the_end_at_the_same_moment(house: House) -> None:
    """Whichever is kept first holds, and lease, access request, events and what the approver was
    told agree; a revocation always ends it."""
    names = [f"Person {number}" for number in range(10)]
    people = [house.person(name) for name in names]
    ben = house.person("Ben")
    leases = [await house.leased(each) for each in people]
    house.policy.steps = [asks(named("Ben"))]
    made = [await who.extend(it.lease_id) for who, it in zip(people, leases, strict=True)]
    revoked = set(range(0, 10, 2))
    for number, it in enumerate(leases):
        if number not in revoked:
            soon = datetime.now(UTC) + timedelta(milliseconds=60 * number)
            await house.shape(it.lease_id, end_time=soon)

    async def one(number: int) -> Any:
        calls: list[Any] = [answer_of(approve(ben, made[number]))]
        if number in revoked:
            calls.append(people[number].revoke(leases[number].lease_id))
        return (await asyncio.gather(*calls))[0]

    answers = await asyncio.gather(*map(one, range(10)))
    for number, answer in enumerate(answers):
        who, lease_id = people[number], leases[number].lease_id
        if isinstance(answer, Refusal):
            assert answer.code in (
                grpc.StatusCode.ABORTED,
                grpc.StatusCode.FAILED_PRECONDITION,
            ), answer
        longer = not isinstance(answer, Refusal)
        ends = number in revoked or not longer
        lease = await who.lease_reaches(lease_id, "ENDING" if ends else "ACTIVE")
        state = "FULFILLED" if longer else "CANCELLED"
        found = await who.reaches(made[number].access_request_id, state)
        assert found.lease_id == (lease_id if longer else "")
        if not longer:
            assert found.timeline[-1].actor.service == "requests"
        if longer and not ends:
            assert _end(lease) > datetime.now(UTC) + timedelta(minutes=50)
    extended = {event.lease_id for event in await told(house, events_pb2.LeaseExtended)}
    assert extended == {
        lease.lease_id
        for lease, answer in zip(leases, answers, strict=True)
        if not isinstance(answer, Refusal)
    }
    actions = await house.actions()
    assert actions.count("lease.extended") == len(extended)


async def test_who_may_extend_and_who_learns_nothing(house: House) -> None:
    """The subject, their manager, the helpdesk and administrators; of everybody else a lease is as
    unknown as one that there never was, and who may see it is told who may."""
    house.catalog.line[uid("Ada")] = [uid("Ben"), uid("Boss")]
    house.catalog.owners = [uid("Olga")]
    ada = house.person("Ada")
    lease = await house.leased(ada)
    unknown = new_id("lea")
    for name in ("Eve", "Boss"):
        for lease_id in (lease.lease_id, unknown):
            refusal = await refused(house.person(name).extend(lease_id))
            assert refusal.code is grpc.StatusCode.NOT_FOUND
            assert (refusal.reason, refusal.facts) == ("LEASE_NOT_FOUND", {"lease_id": lease_id})
            assert refusal.message == f"There is no lease {lease_id}."
    for name, role in (("Aud", AUDITOR), ("Olga", "")):
        refusal = await refused(house.person(name, [role]).extend(lease.lease_id))
        assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
        assert refusal.reason == "ON_BEHALF_NOT_ALLOWED"
    refusal = await refused(house.as_service("connector").extend(lease.lease_id))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert await ada.lease(lease.lease_id) == lease

    for number, (name, roles) in enumerate(
        [("Ben", []), ("Hana", [HELPDESK]), ("Root", [ADMIN])], start=1
    ):
        made = await house.person(name, roles).extend(lease.lease_id, 600)
        assert (made.requester.user_id, made.subject.user_id) == (uid(name), uid("Ada"))
        assert _end(await ada.lease(lease.lease_id)) == _end(lease) + timedelta(minutes=10 * number)
    # Who asks does not decide it, be it for another.
    house.policy.steps = [asks(MANAGER)]
    made = await house.person("Ben").extend(lease.lease_id, 600)
    assert made.state == pb.ACCESS_REQUEST_STATE_NO_APPROVER


async def test_what_can_not_be_extended(house: House) -> None:
    """LEASE_STATE on its way, when it ends and when it has ended; LEASE_WITHOUT_END; nothing is
    made of it."""
    ada = house.person("Ada")
    made = await ada.create()
    states = []
    for word in ("", "delivered", "revoked", "removed"):
        if word == "delivered":
            house.connector.delivered(made.lease_id)
            await house.connector.say_provisioned(made.lease_id)
            await ada.lease_reaches(made.lease_id, "ACTIVE")
            continue
        if word == "revoked":
            await ada.revoke(made.lease_id)
        if word == "removed":
            house.connector.removed(made.lease_id)
            await house.connector.say_deprovisioned(made.lease_id)
            await ada.lease_reaches(made.lease_id, "ENDED")
        refusal = await refused(ada.extend(made.lease_id))
        assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refusal.reason == "LEASE_STATE"
        states.append(refusal.facts["state"])
    assert states == ["GRANTED", "ENDING", "ENDED"]
    house.catalog.max_duration = None
    endless = await ada.create()
    house.connector.delivered(endless.lease_id)
    await house.connector.say_provisioned(endless.lease_id)
    await ada.lease_reaches(endless.lease_id, "ACTIVE")
    refusal = await refused(ada.extend(endless.lease_id))
    assert refusal.reason == "LEASE_WITHOUT_END"
    assert refusal.facts == {"lease_id": endless.lease_id}
    assert "lease.extended" not in await house.actions()


_WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"lease_id": ""}, ["lease_id"]),
    ({"lease_id": "req_x"}, ["lease_id"]),
    ({"lease_id": "lea_' or 1=1 --"}, ["lease_id"]),
    ({"lease_id": "lea_" + "x" * 100_000}, ["lease_id"]),
    ({"justification": ""}, ["justification"]),
    ({"justification": " \n\t"}, ["justification"]),
    ({"justification": "a\x00b"}, ["justification"]),
    ({"justification": "x" * 2001}, ["justification"]),
    ({"duration": None}, ["duration"]),
    ({"duration": Duration()}, ["duration"]),
    ({"duration": Duration(seconds=59, nanos=999_999_999)}, ["duration"]),
    ({"duration": Duration(seconds=-3600)}, ["duration"]),
    ({"duration": Duration(seconds=3600, nanos=-1)}, ["duration"]),
    ({"duration": Duration(seconds=3650 * 86400 + 1)}, ["duration"]),
    ({"duration": Duration(seconds=(9999 - 1970) * 365 * 86400)}, ["duration"]),
    ({"duration": Duration(seconds=1 << 62)}, ["duration"]),
    ({"duration": Duration(seconds=-(1 << 62))}, ["duration"]),
    ({"idempotency_key": "k" * 201}, ["idempotency_key"]),
    ({"idempotency_key": "a\x00b"}, ["idempotency_key"]),
    (
        {"lease_id": "?", "justification": "", "duration": None, "idempotency_key": "\x07"},
        ["duration", "lease_id", "justification", "idempotency_key"],
    ),
]


@pytest.mark.parametrize("limit", [timedelta(hours=8), None])
async def test_bad_input_of_an_extension(house: House, limit: timedelta | None) -> None:
    """Every wrong field is named, with the bounds of a duration; where there is no limit the lease
    still ends within ten years. Nothing is changed by any of it."""
    ada = house.person("Ada")
    lease = await house.leased(ada)
    house.catalog.max_duration = limit
    for fields, paths in _WRONG:
        refusal = await refused(ada.extend(**{"lease_id": lease.lease_id} | fields))
        assert (refusal.code, refusal.reason) == (_INVALID, "FIELD_INVALID"), fields
        assert refusal.fields == paths
    refusal = await refused(ada.extend(lease.lease_id, 0))
    assert "must be between 60s and 3650 days" in refusal.message
    year = 365 * 86400
    if limit is not None:
        refusal = await refused(ada.extend(lease.lease_id, year))
        assert (refusal.reason, refusal.facts) == ("DURATION_TOO_LONG", {"max_duration": "28800s"})
        assert await ada.lease(lease.lease_id) == lease
        return
    for _ in range(2):
        assert (await ada.extend(lease.lease_id, 3650 * 86400)).state == _FULFILLED
    assert _end(await ada.lease(lease.lease_id)) < datetime.now(UTC) + timedelta(days=3651)


async def test_a_wish_for_more_waits_for_policy_and_ends_with_the_lease(sweeping: House) -> None:
    """While policy is away it is not decided; with policy back it is; and one that is undecided
    when the lease ends is cancelled with it."""
    house, ada = sweeping, sweeping.person("Ada")
    lease = await house.leased(ada)
    await house.policy.stop()
    made = await ada.extend(lease.lease_id)
    assert made.state == pb.ACCESS_REQUEST_STATE_EVALUATING
    house.policy.steps = [ACCEPT]
    await house.policy.start()
    await ada.reaches(made.access_request_id, "FULFILLED")
    assert [each.action for each in await records(house, made.access_request_id)] == [
        "access_request.created",
        "access_request.approved",
    ]
    house.policy.steps = [asks(named("Ben"))]
    waiting = await ada.extend(lease.lease_id)
    await house.shape(lease.lease_id, end_time=datetime.now(UTC))
    found = await ada.reaches(waiting.access_request_id, "CANCELLED")
    assert found.timeline[-1].cancelled.reason == "The lease that was to last longer has ended."
    assert (await ada.lease(lease.lease_id)).state == lease_pb2.LEASE_STATE_ENDING
    assert (await house.event_types())[-2:] == ["LeaseEnded", "AccessRequestCancelled"]

    async def nothing_waits() -> bool:
        ben = house.person("Ben")
        request = pb.ListAccessRequestsRequest(approver_user_id=uid("Ben"))
        answer = await ben.call(ben.access_requests.ListAccessRequests, request)
        return not answer.access_requests

    await eventually(nothing_waits)
