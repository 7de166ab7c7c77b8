"""What waits for somebody: the inbox, and the reviews that are open."""

import grpc

from latchkey.catalog.v1 import settings_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK
from libs.domain.ids import derived_id
from tests.fakes.requests_peers import APP, EDITOR, VIEWER
from tests.integration.requests_service.deciders import (
    approve,
    asks,
    delegate,
    deny,
    inbox,
    listed,
    named,
    reassign,
    review,
    uid,
)
from tests.integration.requests_service.house import House, refused

PENDING = pb.ACCESS_REQUEST_STATE_PENDING


async def test_what_waits_for_one_and_for_those_they_decide_for(house: House) -> None:
    """Newest first and page by page: what one may decide oneself, and what in another's place
    unless the step keeps it with those it names; never one's own, not what one has approved, and
    nothing that is decided."""
    ben, cleo, dora = (house.person(name) for name in ("Ben", "Cleo", "Dora"))
    house.policy.steps = [asks(named("Ben"), no_delegation=True)]
    kept = await house.person("Ada").create()
    house.policy.steps = [asks(named("Ben", "Dora"))]
    lent = await house.person("Eve").create()
    house.policy.steps = [asks(named("Ben", "Cleo"), needed=2)]
    both = await house.person("Fay").create()
    doras = await dora.create()
    ids = [each.access_request_id for each in (doras, both, lent, kept)]
    assert await inbox(ben, "Ben") == ids
    for size in (1, 3):
        assert await inbox(ben, "Ben", page_size=size) == ids
    assert await inbox(ben, "Ben", state=PENDING, app_id=APP) == ids
    assert await inbox(ben, "Ben", app_id=derived_id("app", "other")) == []
    assert await inbox(cleo, "Cleo") == ids[:2]
    assert await inbox(dora, "Dora") == ids[2:3]

    await delegate(house, "Ben", "Dora")
    # In Ben's place all but her own, and what nobody decides in another's place.
    assert await inbox(dora, "Dora", page_size=1) == ids[1:3]
    refusal = await refused(approve(dora, kept))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_AN_APPROVER")
    seen = await approve(dora, both)
    assert seen.current_step.approvals[0].on_behalf_of.user_id == uid("Ben")
    assert (await refused(approve(ben, seen))).reason == "ALREADY_DECIDED"
    assert await inbox(ben, "Ben") == [ids[0], *ids[2:]]
    assert await inbox(dora, "Dora") == ids[2:3]
    await approve(cleo, seen)
    assert await inbox(cleo, "Cleo") == ids[:1]
    await deny(cleo, doras)
    assert await inbox(cleo, "Cleo") == []
    lent = await reassign(house.person("Admin", [ADMIN]), lent, "Cleo")
    assert await inbox(cleo, "Cleo") == ids[2:3]
    assert await inbox(ben, "Ben") == ids[3:]


async def test_a_delegate_who_has_decided_is_not_asked_for_another(house: House) -> None:
    """Who has approved a step, or an earlier one of two with distinct people, does not find it in
    their inbox for somebody in whose place they decide."""
    house.policy.steps = [
        asks(named("Dora", "Ben"), needed=2),
        asks(named("Ben", "Cleo"), distinct=True),
    ]
    dora, cleo = house.person("Dora"), house.person("Cleo")
    await delegate(house, "Cleo", "Dora")
    await delegate(house, "Ben", "Dora")
    made = await house.person("Ada").create()
    assert await inbox(dora, "Dora") == [made.access_request_id]
    made = await approve(dora, made)
    assert await inbox(dora, "Dora") == []
    assert (await refused(approve(dora, made))).reason == "ALREADY_DECIDED"
    made = await approve(house.person("Ben"), made)
    assert await inbox(cleo, "Cleo") == [made.access_request_id]
    assert await inbox(dora, "Dora") == []
    assert (await refused(approve(dora, made))).reason == "NOT_AN_APPROVER"


async def test_anothers_inbox_is_for_administrators_and_auditors(house: House) -> None:
    """Others are refused, whatever role they have; and the inbox is of one state, so that another
    is a wrong question."""
    house.policy.steps = [asks(named("Ben"))]
    made = await house.person("Ada").create()
    for name, roles in (("Ada", []), ("Cleo", [HELPDESK]), ("Dora", [])):
        refusal = await refused(inbox(house.person(name, roles), "Ben"))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "CALLER_NOT_ALLOWED",
        )
    for role in (ADMIN, AUDITOR):
        assert await inbox(house.person("Admin", [role]), "Ben") == [made.access_request_id]
        assert await inbox(house.person("Admin", [role]), "Admin") == []
    ben = house.person("Ben")
    wrong = await refused(inbox(ben, "Ben", state=pb.ACCESS_REQUEST_STATE_APPROVED))
    assert wrong.fields == ["state"]
    wrong = await refused(inbox(ben, "Ben", emergency_review_open=True))
    assert wrong.fields == ["emergency_review_open"]


async def test_open_reviews_are_listed_for_who_may_close_them(house: House) -> None:
    """For owners but those whose own it is, for administrators and auditors all; for nobody else;
    until they are closed."""
    house.catalog.emergency = settings_pb2.EmergencySettings(
        enabled=True, policy_id=derived_id("pol", "emergency")
    )
    house.catalog.owners = [uid("Olga"), uid("Otto")]
    olga, otto, ada = (house.person(name) for name in ("Olga", "Otto", "Ada"))
    first = await ada.create(EDITOR, emergency=True)
    second = await olga.create(EDITOR, emergency=True)
    await ada.create(VIEWER)
    both = [second.access_request_id, first.access_request_id]
    assert await listed(otto, emergency_review_open=True, page_size=1) == both
    assert await listed(olga, emergency_review_open=True) == both[1:]
    for person in (ada, house.person("Mallory")):
        assert await listed(person, emergency_review_open=True) == []
    admin = house.person("Admin", [ADMIN])
    assert await listed(admin, emergency_review_open=True) == both
    assert await listed(admin, emergency_review_open=True, app_id=APP) == both
    await review(otto, first)
    assert await listed(admin, emergency_review_open=True) == both[:1]
    assert await listed(olga, emergency_review_open=True) == []
