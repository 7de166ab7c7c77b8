"""Nobody can decide, or nobody can any more: never an approval."""

import grpc
import pytest

from latchkey.catalog.v1 import events_pb2 as catalog_events_pb2
from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2
from libs.domain.callers import ADMIN
from libs.domain.errors import WrongState
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.deciders import (
    ACCEPT,
    GROUP,
    MANAGER,
    MEMBERS,
    OWNERS,
    approve,
    asked,
    asks,
    inbox,
    kinds,
    named,
    told,
    uid,
)
from tests.integration.requests_service.house import House, refused
from tests.support.eventually import eventually

pytestmark = pytest.mark.either_database

_NO_APPROVER = pb.ACCESS_REQUEST_STATE_NO_APPROVER


async def test_it_says_why_and_goes_on_when_there_is_somebody(house: House) -> None:
    """NO_APPROVER with the reason on the access request and the timeline, and one event, however
    often it is looked at; it becomes PENDING by itself when there is somebody; the fallback comes
    first, and too few are nobody."""
    ada = house.person("Ada")
    house.policy.steps = [asks(MANAGER), ACCEPT]
    made = await ada.create()
    assert (made.state, asked(made)) == (_NO_APPROVER, set())
    assert "the subject's manager: nobody can" in made.current_step.problem
    assert kinds(made) == ["created", "evaluated", "no_approver"]
    assert made.timeline[-1].no_approver.problem == made.current_step.problem
    refusal = await refused(approve(house.person("Root", [ADMIN]), made))
    assert refusal.facts["state"] == "NO_APPROVER"

    house.policy.steps = [asks(OWNERS, needed=2)]
    house.catalog.owners = [uid("Olga")]
    few = await ada.create(VIEWER)
    assert few.state == _NO_APPROVER
    assert "2 must approve, and 1 can" in few.current_step.problem
    assert await inbox(house.person("Olga"), "Olga") == []
    house.policy.steps = [asks(MANAGER, fallback=OWNERS)]
    second = await house.person("Ben").create(EDITOR)
    assert (second.state, asked(second)) == (pb.ACCESS_REQUEST_STATE_PENDING, {uid("Olga")})
    assert second.current_step.origin == pb.APPROVER_ORIGIN_FALLBACK
    house.policy.steps = [asks(MEMBERS)]
    empty = await house.person("Ben").create(VIEWER)
    assert (empty.state, "the members of" in empty.current_step.problem) == (_NO_APPROVER, True)

    calls = house.catalog.calls
    await eventually(lambda: house.catalog.calls > calls + 3, 15)
    assert (await ada.get(made.access_request_id)).etag == made.etag
    told_of = [it.access_request_id for it in await told(house, events_pb2.NoApproverFound)]
    assert told_of == [each.access_request_id for each in (made, few, empty)]

    house.catalog.line[uid("Ada")] = [uid("Max")]
    house.catalog.owners.append(uid("Otto"))
    house.catalog.groups[GROUP] = [uid("Gus")]
    found = await ada.reaches(made.access_request_id, "PENDING")
    assert (asked(found), found.current_step.problem) == ({uid("Max")}, "")
    assert kinds(found)[3:] == ["step_opened"]
    done = await approve(house.person("Max"), found)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
    await ada.reaches(few.access_request_id, "PENDING")
    await house.person("Ben").reaches(empty.access_request_id, "PENDING")


async def test_an_approver_who_is_deactivated_is_replaced_at_once(house: House) -> None:
    """UserDeactivated, once it is true: another of those who may decide is left, or the fallback,
    or nobody; nothing waits for the next round, and inboxes follow."""
    house.catalog.line[uid("Ada")] = [uid("Max")]
    house.catalog.owners = [uid("Olga")]
    ada, admin = house.person("Ada"), house.person("Root", [ADMIN])
    house.policy.steps = [asks(MANAGER, fallback=OWNERS)]
    first = await ada.create(EDITOR)
    house.policy.steps = [asks(named("Max", "Ben"))]
    second = await ada.create(VIEWER)
    house.policy.steps = [asks(named("Max"))]
    third = await house.person("Eve").create(EDITOR)
    ids = [each.access_request_id for each in (third, second, first)]
    assert await inbox(admin, "Max") == ids
    deactivated = catalog_events_pb2.UserDeactivated(user_id=uid("Max"))
    house.catalog.disabled.add(uid("Max"))
    await house.connector.publish(deactivated, uid("Max"))

    async def replaced() -> bool:
        return await inbox(admin, "Max") == []

    await eventually(replaced, 10)
    first = await ada.get(first.access_request_id)
    assert (asked(first), first.current_step.origin) == (
        {uid("Olga")},
        pb.APPROVER_ORIGIN_FALLBACK,
    )
    assert asked(await ada.get(second.access_request_id)) == {uid("Ben")}
    third = await admin.get(third.access_request_id)
    assert third.state == _NO_APPROVER
    assert kinds(third)[2:] == ["step_opened", "no_approver"]
    assert await inbox(admin, "Olga") == ids[2:]
    assert await house.actions(ids[0]) == ["access_request.created", "access_request.no_approver"]


async def test_what_is_not_understood_is_not_approved(house: House) -> None:
    """Approvers or a step of an unknown kind, a plan without an end, no plan at all: nobody can
    decide it or policy is asked again, and an acceptance behind it counts for nothing."""
    house.policy.steps = [asks(policy_pb2.Approvers()), ACCEPT]
    made = await house.person("Ada").create()
    assert made.state == _NO_APPROVER
    for number, steps in enumerate(
        ([policy_pb2.Step(), ACCEPT], [asks(named("Ben")), policy_pb2.Step()], [])
    ):
        house.policy.steps = steps
        made = await house.person(f"Person {number}").create()
        assert made.state == pb.ACCESS_REQUEST_STATE_EVALUATING, steps
        assert made.timeline[-1].policy_unavailable.problem
    assert "LeaseGranted" not in await house.event_types()


async def test_what_can_not_be_had_any_more_is_not_approved(house: House) -> None:
    """Removed while people decide: the last approval is refused with the catalog's reason and
    changes nothing; and what waits for policy is denied with it, rather than tried for ever."""
    house.policy.steps = [asks(named("Ben"))]
    ada, ben = house.person("Ada"), house.person("Ben")
    made = await ada.create()
    house.policy.steps = []
    waiting = await ada.create(VIEWER)
    resolve = house.catalog.refusals
    resolve["ResolveEntitlement"] = WrongState("ENTITLEMENT_REMOVED", "It is gone.", problem="role")
    refusal = await refused(approve(ben, made))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ENTITLEMENT_REMOVED",
    )
    assert await ben.get(made.access_request_id) == made
    denied = await ada.reaches(waiting.access_request_id, "DENIED")
    assert denied.timeline[-1].denied.message == "It is gone."
    resolve.clear()
    assert (await approve(ben, made)).state == pb.ACCESS_REQUEST_STATE_APPROVED
