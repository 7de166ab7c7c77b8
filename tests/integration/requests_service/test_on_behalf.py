"""Asking for somebody else."""

import json

import grpc
import pytest

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK, POLICY_ADMIN
from libs.domain.ids import new_id
from tests.fakes.requests_peers import VIEWER
from tests.integration.requests_service.deciders import listed, records, uid
from tests.integration.requests_service.house import House, Person, refused
from tests.support.issuer import object_id

pytestmark = pytest.mark.either_database

_DENIED = grpc.StatusCode.PERMISSION_DENIED


async def test_managers_helpdesk_and_administrators_ask_for_others(house: House) -> None:
    """It is for the subject: their lease, their list, their open access request that stands in the
    way; and on record is who asked. Both see it, and it is the requester's to cancel."""
    house.catalog.line[uid("Sue")] = [uid("Max"), uid("Mia")]
    sue = house.person("Sue")
    for name, roles in (("Max", []), ("Hal", [HELPDESK]), ("Root", [ADMIN])):
        who = house.person(name, roles)
        made = await who.create(subject_user_id=uid("Sue"))
        assert made.state == pb.ACCESS_REQUEST_STATE_APPROVED
        assert (made.requester.user_id, made.subject.user_id) == (uid(name), uid("Sue"))
        assert house.policy.asked[-1].facts.subject.user_id == uid("Sue")
        assert house.policy.asked[-1].facts.requester.user_id == uid(name)
        assert (await sue.get(made.access_request_id)).subject == made.subject
        assert (await sue.lease(made.lease_id)).subject.user_id == uid("Sue")
        open_one = await refused(sue.create())
        assert open_one.reason == "ACCESS_REQUEST_OPEN"
        assert made.access_request_id in await listed(sue)
        assert made.access_request_id in await listed(who)
        (record,) = await records(house, made.access_request_id)
        assert record.actor.person.entra_object_id == object_id(name)
        assert json.loads(record.details_json)["subject_user_id"] == uid("Sue")
        await sue.revoke(made.lease_id)
        house.connector.removed(made.lease_id)
        await house.connector.say_deprovisioned(made.lease_id)
        await sue.lease_reaches(made.lease_id, "ENDED")
    # With one's own id it is for oneself, and needs no role.
    own = await sue.create(VIEWER, subject_user_id=uid("Sue"))
    assert own.requester.user_id == own.subject.user_id == uid("Sue")
    house.policy.steps = []
    made = await house.person("Max").create(subject_user_id=uid("Sue"))
    request = pb.CancelAccessRequestRequest(access_request_id=made.access_request_id)
    refusal = await refused(sue.call(sue.access_requests.CancelAccessRequest, request))
    assert (refusal.code, refusal.reason) == (_DENIED, "CALLER_NOT_ALLOWED")


async def test_a_stranger_learns_nothing(house: House) -> None:
    """Whether there is such a person, such an entitlement, or an open access request for them: the
    answer is the same, for a preview too, to everybody but the manager, the helpdesk and
    administrators; the manager's manager is none of them. Nothing is made."""
    house.catalog.line[uid("Sue")] = [uid("Max"), uid("Mia")]
    await house.person("Sue").create()
    house.catalog.strangers.add(uid("Nobody"))
    before = await house.actions()

    async def answers(who: Person, subject: str, entitlement_id: str) -> list[tuple[object, ...]]:
        preview = pb.PreviewAccessRequestRequest(
            entitlement_id=entitlement_id, subject_user_id=subject
        )
        calls = (
            who.create(entitlement_id, subject_user_id=subject),
            who.create(entitlement_id, subject_user_id=subject, emergency=True),
            who.call(who.access_requests.PreviewAccessRequest, preview),
        )
        found = [await refused(call) for call in calls]
        return [
            (each.code, each.reason, sorted(each.facts), each.message.replace(subject, "…"))
            for each in found
        ]

    for name, roles in (("Mallory", []), ("Mia", []), ("Aud", [AUDITOR, POLICY_ADMIN])):
        who = house.person(name, roles)
        open_one = await answers(who, uid("Sue"), VIEWER)
        assert {(code, reason) for code, reason, *_ in open_one} == {
            (_DENIED, "ON_BEHALF_NOT_ALLOWED")
        }
        for subject in (uid("Sue"), uid("Nobody"), new_id("usr")):
            for entitlement_id in (VIEWER, new_id("ent")):
                assert await answers(who, subject, entitlement_id) == open_one
    assert await house.actions() == before


async def test_a_subject_that_is_not_there(house: House) -> None:
    """SUBJECT_NOT_FOUND to those who may ask, for somebody unknown and for somebody of another
    tenant alike; while the catalog does not answer whose manager somebody is, nothing is made."""
    house.catalog.strangers.add(uid("Nobody"))
    house.catalog.tenants[uid("Far")] = "99999999-2222-3333-4444-555555555555"
    helpdesk = house.person("Hal", [HELPDESK])
    for name in ("Nobody", "Far"):
        refusal = await refused(helpdesk.create(subject_user_id=uid(name)))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "SUBJECT_NOT_FOUND",
        )
        assert refusal.facts == {"subject_user_id": uid(name)}
    wrong = await refused(helpdesk.create(subject_user_id="usr_?"))
    assert (wrong.reason, wrong.fields) == ("FIELD_INVALID", ["subject_user_id"])
    await house.catalog.stop()
    away = await refused(house.person("Max").create(subject_user_id=uid("Sue")))
    assert (away.code, away.reason) == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    assert await house.actions() == []
