"""Who sees what of a decision: approvers, those in their place, reviewers, and nobody else."""

from collections.abc import Awaitable
from typing import Any

import grpc

from latchkey.catalog.v1 import settings_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, HELPDESK, POLICY_ADMIN
from libs.domain.ids import derived_id, new_id
from tests.fakes.requests_peers import VIEWER
from tests.integration.requests_service.deciders import (
    GROUP,
    MEMBERS,
    OWNERS,
    approve,
    asked,
    asks,
    comment,
    delegate,
    deny,
    inbox,
    listed,
    named,
    reassign,
    restart,
    review,
    uid,
)
from tests.integration.requests_service.house import House, Person, refused

_NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "ACCESS_REQUEST_NOT_FOUND")


def _everything(person: Person, found: pb.AccessRequest) -> list[Awaitable[Any]]:
    return [
        person.get(found.access_request_id),
        anext(aiter(person.watch(found.access_request_id))),
        approve(person, found),
        deny(person, found),
        reassign(person, found, "Eve"),
        comment(person, found),
        restart(person, found),
        review(person, found),
    ]


async def test_a_stranger_gets_the_answer_of_an_unknown_id(house: House) -> None:
    """From every method, whatever roles they have but those that see all; and whatever state it is
    in. Another's requests and inbox are in none of their lists."""
    house.policy.steps = [asks(named("Ben"))]
    made = await house.person("Ada").create()
    house.policy.steps = [asks(named("Ada"))]
    nobody = await house.person("Ada").create(VIEWER)
    unknown = pb.AccessRequest(access_request_id=new_id("req"), etag="1")
    for roles in ([], [CONNECTOR_ADMIN, POLICY_ADMIN, HELPDESK]):
        mallory = house.person("Mallory", roles)
        answers = []
        for each in (made, nobody, unknown):
            refusals = [await refused(call) for call in _everything(mallory, each)]
            answers.append(
                [
                    (it.code, it.reason, it.message.replace(each.access_request_id, "…"))
                    for it in refusals
                ]
            )
        assert answers[0] == answers[1] == answers[2]
        assert {(code, reason) for code, reason, _ in answers[0]} == {_NOT_FOUND}
        assert await listed(mallory) == []
        assert await inbox(mallory, "Mallory") == []
    before = await house.actions()
    assert before == ["access_request.created"] * 2


async def test_who_is_or_was_asked_sees_it(house: House) -> None:
    """An approver sees it, watches it and comments on it, also when another has decided, it was
    handed on or it began anew; whoever decides in their place does as long as they do."""
    house.policy.steps = [asks(named("Ben", "Cleo"))]
    ada, ben, cleo, dora = (house.person(name) for name in ("Ada", "Ben", "Cleo", "Dora"))
    made = await ada.create()
    request_id = made.access_request_id
    assert await ben.get(request_id) == made
    assert (await anext(aiter(ben.watch(request_id)))).access_request == made
    assert not made.HasField("inputs")
    refusal = await refused(dora.get(request_id))
    assert (refusal.code, refusal.reason) == _NOT_FOUND
    await delegate(house, "Ben", "Dora")
    assert await dora.get(request_id) == made
    assert await inbox(dora, "Dora") == [request_id]
    # It is not among those that one asked for.
    assert await listed(ben) == await listed(dora) == []
    assert await listed(ada) == [request_id]
    handed = await reassign(ben, made, "Eve")
    await comment(cleo, handed)
    assert request_id not in await inbox(cleo, "Cleo")
    eve = house.person("Eve")
    done = await deny(eve, await eve.get(request_id), reason="no")
    for person in (ada, ben, cleo, dora, eve):
        assert await person.get(request_id) == done
        assert (await refused(approve(person, done))).reason in (
            "ACCESS_REQUEST_STATE",
            "SELF_DECISION",
        )


async def test_who_sees_all_and_what_policy_was_told(house: House) -> None:
    """Administrators and auditors; the facts that policy was told are for these. An auditor decides
    and changes nothing for that, though they decide what they are asked to."""
    house.policy.steps = [asks(named("Ben", "Aud"))]
    made = await house.person("Ada").create()
    admin, auditor = house.person("Root", [ADMIN]), house.person("Sid", [AUDITOR])
    for person in (admin, auditor):
        seen = await person.get(made.access_request_id)
        assert seen.inputs.subject.user_id == uid("Ada")
        assert await inbox(person, "Ben") == [made.access_request_id]
    for call in (approve, deny):
        for person in (admin, auditor):
            refusal = await refused(call(person, made))
            # That nobody of the two is an approver changes nothing, so the etag stays.
            assert (refusal.code, refusal.reason) == (
                grpc.StatusCode.PERMISSION_DENIED,
                "NOT_AN_APPROVER",
            )
    for person_call in (comment(auditor, made), restart(auditor, made)):
        assert (await refused(person_call)).reason == "CALLER_NOT_ALLOWED"
    assert (await refused(reassign(auditor, made, "Eve"))).reason == "NOT_AN_APPROVER"
    asked_auditor = house.person("Aud", [AUDITOR])
    done = await approve(asked_auditor, made)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED


async def test_who_is_in_a_group_is_kept_from_who_asks(house: House) -> None:
    """The requester learns how many of the group may decide, and not who, while it waits; members
    and administrators see who; a stranger of the group sees nothing."""
    house.catalog.groups[GROUP] = [uid("Gus"), uid("Gil")]
    house.policy.steps = [asks(MEMBERS)]
    made = await house.person("Ada").create()
    assert (asked(made), made.current_step.approver_count) == (set(), 2)
    opened = made.timeline[-1]
    assert (opened.WhichOneof("fact"), len(opened.step_opened.approvers)) == ("step_opened", 0)
    for person in (house.person("Gus"), house.person("Root", [ADMIN])):
        found = await person.get(made.access_request_id)
        assert asked(found) == {uid("Gus"), uid("Gil")}
    page = await house.person("Ada").call(
        house.person("Ada").access_requests.ListAccessRequests, pb.ListAccessRequestsRequest()
    )
    assert [asked(each) for each in page.access_requests] == [set()]


async def test_reviewers_see_what_they_review(house: House) -> None:
    """The app's owners see emergency access after it was approved, and not what was none."""
    house.catalog.owners = [uid("Olga")]
    house.catalog.emergency = settings_pb2.EmergencySettings(
        enabled=True, policy_id=derived_id("pol", "emergency")
    )
    ada, olga = house.person("Ada"), house.person("Olga")
    urgent = await ada.create(emergency=True)
    plain = await ada.create(VIEWER)
    assert (await olga.get(urgent.access_request_id)).emergency
    refusal = await refused(olga.get(plain.access_request_id))
    assert (refusal.code, refusal.reason) == _NOT_FOUND
    await comment(olga, urgent)
    assert (await refused(approve(olga, urgent))).reason in (
        "ACCESS_REQUEST_STATE",
        "ETAG_MISMATCH",
    )
    house.policy.steps = [asks(OWNERS)]
    owned = await house.person("Eve").create()
    assert asked(owned) == {uid("Olga")}
    assert (await olga.get(owned.access_request_id)) == owned
