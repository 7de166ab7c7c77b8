"""Takeovers over gRPC, on each kind of database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc

from latchkey.catalog.v1 import events_pb2 as catalog_events_pb2
from latchkey.catalog.v1 import settings_pb2
from latchkey.requests.v1 import access_request_pb2, events_pb2, lease_pb2
from latchkey.requests.v1 import takeover_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK
from libs.domain.ids import new_id
from libs.rpc.well_known import timestamp
from tests.fakes.requests_peers import APP, EDITOR, VIEWER
from tests.integration.requests_service.deciders import told, uid
from tests.integration.requests_service.house import House, Person, answer_of, refused
from tests.support.eventually import eventually
from tests.support.issuer import object_id

_ADOPT = settings_pb2.UNMANAGED_ACCESS_ACTION_ADOPT
_REMOVE = settings_pb2.UNMANAGED_ACCESS_ACTION_REMOVE
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


def _gives(house: House, *names: str, **fields: Any) -> None:
    """From now on people hold the group's membership, from outside where not said."""
    now = datetime.now(UTC)
    for name in names:
        house.catalog.people[uid(name)] = name
        given: dict[str, Any] = {
            "user_entra_object_id": object_id(name),
            "start_time": timestamp(now - timedelta(minutes=2)),
            "first_seen_time": timestamp(now),
        }
        house.catalog.grant(uid(name), **given | fields)


def _takes(house: House, name: str) -> None:
    """They hold nothing any more."""
    house.catalog.grants = [each for each in house.catalog.grants if each.user_id != uid(name)]


def _says(house: House, action: Any) -> None:
    """The app says it of access from outside, from now on."""
    house.catalog.app.unmanaged_access_action = action
    house.catalog.app.unmanaged_access_action_time.FromDatetime(datetime.now(UTC))


async def _start(who: Person, action: Any, entitlement_id: str = EDITOR, **f: Any) -> pb.Takeover:
    request = pb.StartTakeoverRequest(entitlement_id=entitlement_id, action=action, **f)
    found: pb.Takeover = (await who.call(who.takeovers.StartTakeover, request)).takeover
    return found


async def _get(who: Person, takeover_id: str) -> pb.Takeover:
    request = pb.GetTakeoverRequest(takeover_id=takeover_id)
    found: pb.Takeover = (await who.call(who.takeovers.GetTakeover, request)).takeover
    return found


async def _listed(who: Person, **fields: Any) -> list[pb.Takeover]:
    """All pages."""
    found: list[pb.Takeover] = []
    request = pb.ListTakeoversRequest(**fields)
    while True:
        answer = await who.call(who.takeovers.ListTakeovers, request)
        found += answer.takeovers
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


async def _reaches(who: Person, takeover_id: str, state: str) -> pb.Takeover:
    wanted = pb.TakeoverState.Value(f"TAKEOVER_STATE_{state}")

    async def look() -> pb.Takeover | None:
        found = await _get(who, takeover_id)
        return found if found.state == wanted else None

    found = await eventually(look, timeout=15)
    assert found is not None
    return found


async def _wishes(house: House, name: str) -> list[access_request_pb2.AccessRequest]:
    """Somebody's access requests, newest first."""
    who = house.person(name)
    request = access_request_pb2.ListAccessRequestsRequest()
    answer = await who.call(who.access_requests.ListAccessRequests, request)
    return list(answer.access_requests)


async def test_a_takeover_goes_on_where_it_was_stopped(house: House) -> None:
    """Those who were seen to before a restart are not again, and the others are; an administrator
    who says it twice starts it once. Who asks meanwhile is left alone."""
    root, ada = house.person("Root", [ADMIN]), house.person("Ada")
    _gives(house, "Ada", "Ben", "Cleo", "Dan", "Eve")
    house.catalog.unanswered = {uid("Cleo"), uid("Dan"), uid("Ada")}
    started = await _start(root, _ADOPT, idempotency_key="once")
    assert started.started_by.person.entra_object_id == object_id("Root")
    assert await _start(root, _ADOPT, idempotency_key="once") == started
    refusal = await refused(_start(root, _REMOVE))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "TAKEOVER_OPEN")
    assert refusal.facts["takeover_id"] == started.takeover_id

    async def half() -> bool:
        return (await _get(root, started.takeover_id)).taken_count == 2

    await eventually(half, timeout=15)
    await house.stop()
    house.catalog.unanswered = {uid("Dan")}
    _takes(house, "Cleo")
    _, port = await house.start()
    async with house.channel(port) as channel:
        house.use(channel)
        root, ada = house.person("Root", [ADMIN]), house.person("Ada")
        # Their own wish and the takeover's, at once: one of them is there.
        await answer_of(ada.create(takes_over=True))
        house.catalog.unanswered = set()
        done = await _reaches(root, started.takeover_id, "DONE")
        assert (done.found_count, done.holder_count) == (5, 5)
        assert done.taken_count + done.skipped_count == 5
        assert done.HasField("finish_time") and not done.HasField("confirmed_by")
        for name in ("Ada", "Ben", "Dan", "Eve"):
            (wish,) = await _wishes(house, name)
            assert wish.takes_over, name
        assert await _wishes(house, "Cleo") == []
        (bens,) = await _wishes(house, "Ben")
        bens = await house.person("Ben").get(bens.access_request_id)
        assert bens.timeline[0].actor.service == "requests"
        assert "found in Entra" in bens.justification
        assert (await house.person("Ben").lease(bens.lease_id)).takes_over
        actions = await house.actions(started.takeover_id)
        assert actions[:2] == ["takeover.started", "takeover.looked"]
        assert actions[-1] == "takeover.finished"
        (finished,) = await told(house, events_pb2.TakeoverFinished)
        assert finished.taken_count == done.taken_count


async def test_a_word_of_the_catalog_removes_what_the_app_says(sweeping: House) -> None:
    """Found in Entra, it goes: the record is denied, and its lease ends once the connector says so.
    A forged, a doubled and an earlier word do nothing, and what is unknown to the word neither."""
    house = sweeping
    root, ada = house.person("Root", [ADMIN]), house.person("Ada")
    found = catalog_events_pb2.UnmanagedAccessFound(app_id=APP, entitlement_id=EDITOR)
    _gives(house, "Ben")
    await house.connector.publish(found, EDITOR)
    _says(house, _REMOVE)
    await house.connector.publish(found, EDITOR)
    _gives(house, "Ben", entitlement_id=VIEWER)
    for entitlement_id in ("nonsense", new_id("ent")):
        forged = catalog_events_pb2.UnmanagedAccessFound(entitlement_id=entitlement_id)
        await house.connector.publish(forged, "x")
    _takes(house, "Ben")
    _gives(house, "Ada")
    event_id = await house.connector.publish(found, EDITOR)

    async def begun() -> pb.Takeover | None:
        return next(iter(await _listed(root)), None)

    takeover = await eventually(begun, timeout=15)
    assert takeover is not None and takeover.started_by.service == "requests"
    done = await _reaches(root, takeover.takeover_id, "DONE")
    assert (done.taken_count, done.action, done.app_id) == (1, _REMOVE, APP)
    (wish,) = await _wishes(house, "Ada")
    assert wish.state == access_request_pb2.ACCESS_REQUEST_STATE_DENIED
    lease = await ada.lease(wish.lease_id)
    assert (lease.state, lease.takes_over) == (lease_pb2.LEASE_STATE_ENDING, True)
    assert lease.end_cause == lease_pb2.LEASE_END_CAUSE_UNMANAGED
    assert [each.display_name for each in lease.targets] == ["member of Design Tool Editors"]
    await house.connector.publish(found, EDITOR, event_id=event_id)
    house.connector.removed(wish.lease_id)
    await ada.lease_reaches(wish.lease_id, "ENDED")
    names = [each for each in await house.event_types() if each.startswith(("Acc", "Lea", "Tak"))]
    assert names[:4] == [
        "TakeoverStarted",
        "AccessRequestCreated",
        "AccessRequestDenied",
        "LeaseEnded",
    ]
    assert names.count("TakeoverStarted") == names.count("LeaseRemoved") == 1
    assert [each.takeover_id for each in await _listed(root)] == [takeover.takeover_id]


async def test_many_wait_for_somebody(house: House) -> None:
    """21 of 21 are held: told, shown, and nobody loses anything until it is confirmed. One that was
    given up is over. Both are said once."""
    root, audrey = house.person("Root", [ADMIN]), house.person("Audrey", [AUDITOR])
    house.catalog.grants_at_once = 10
    names = [f"Somebody {number}" for number in range(21)]
    _gives(house, *names)
    made = await _start(root, _REMOVE)
    held = await _reaches(audrey, made.takeover_id, "HELD")
    assert (held.found_count, held.holder_count, held.taken_count) == (21, 21, 0)
    (event,) = await told(house, events_pb2.TakeoverHeld)
    assert (event.found_count, event.holder_count) == (21, 21)

    cancel = pb.CancelTakeoverRequest(takeover_id=made.takeover_id, idempotency_key="no")
    answers = [await root.call(root.takeovers.CancelTakeover, cancel) for _ in range(2)]
    assert answers[0] == answers[1]
    over = answers[0].takeover
    assert (over.state, over.skipped_count) == (pb.TAKEOVER_STATE_CANCELLED, 21)
    confirm = pb.ConfirmTakeoverRequest(takeover_id=made.takeover_id)
    refusal = await refused(root.call(root.takeovers.ConfirmTakeover, confirm))
    assert (refusal.reason, refusal.facts["state"]) == ("TAKEOVER_STATE", "CANCELLED")

    again = await _start(root, _REMOVE)
    await _reaches(root, again.takeover_id, "HELD")
    confirm = pb.ConfirmTakeoverRequest(takeover_id=again.takeover_id, idempotency_key="yes")
    both = await asyncio.gather(
        *(root.call(root.takeovers.ConfirmTakeover, confirm) for _ in range(2))
    )
    assert both[0] == both[1]
    assert both[0].takeover.confirmed_by.person.entra_object_id == object_id("Root")
    done = await _reaches(root, again.takeover_id, "DONE")
    assert (done.taken_count, done.skipped_count) == (21, 0)
    assert [(await _wishes(house, name))[0].state for name in names[:2]] == [
        access_request_pb2.ACCESS_REQUEST_STATE_DENIED
    ] * 2
    ids = [again.takeover_id, made.takeover_id]
    assert [each.takeover_id for each in await _listed(audrey, page_size=1)] == ids
    cancelled = await _listed(audrey, state=pb.TAKEOVER_STATE_CANCELLED)
    assert [each.takeover_id for each in cancelled] == ids[1:]


async def test_bad_input_and_who_may_not(house: House) -> None:
    """Every field by its name; people and owners start nothing, auditors only look."""
    root, audrey = house.person("Root", [ADMIN]), house.person("Audrey", [AUDITOR])
    takeovers = root.takeovers
    for request, method, fields in (
        (pb.StartTakeoverRequest(), takeovers.StartTakeover, ["action", "entitlement_id"]),
        (
            pb.StartTakeoverRequest(entitlement_id=EDITOR, action=1, idempotency_key="x" * 201),
            takeovers.StartTakeover,
            ["action", "idempotency_key"],
        ),
        (pb.GetTakeoverRequest(takeover_id="lea_1"), takeovers.GetTakeover, ["takeover_id"]),
        (
            pb.ListTakeoversRequest(state=9, page_size=501),  # type: ignore[arg-type]
            takeovers.ListTakeovers,
            ["state", "page_size"],
        ),
        (pb.ConfirmTakeoverRequest(), takeovers.ConfirmTakeover, ["takeover_id"]),
        (pb.CancelTakeoverRequest(), takeovers.CancelTakeover, ["takeover_id"]),
    ):
        refusal = await refused(root.call(method, request))
        assert (refusal.code, refusal.fields) == (_INVALID, fields)
    refusal = await refused(_start(root, _ADOPT, new_id("ent")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "ENTITLEMENT_NOT_FOUND")
    assert (await refused(_get(root, new_id("tko")))).reason == "TAKEOVER_NOT_FOUND"
    for who in (house.person("Ada"), house.person("Hal", [HELPDESK]), audrey):
        refusal = await refused(_start(who, _ADOPT))
        assert refusal.code == grpc.StatusCode.PERMISSION_DENIED

    ada = house.person("Ada")
    for call in (
        ada.create(takes_over=True, emergency=True),
        ada.call(
            ada.access_requests.PreviewAccessRequest,
            access_request_pb2.PreviewAccessRequestRequest(
                entitlement_id=EDITOR, takes_over=True, emergency=True
            ),
        ),
    ):
        assert (await refused(call)).fields == ["takes_over"]
    preview = access_request_pb2.PreviewAccessRequestRequest(entitlement_id=EDITOR, takes_over=True)
    for call in (
        ada.create(takes_over=True),
        ada.call(ada.access_requests.PreviewAccessRequest, preview),
    ):
        refusal = await refused(call)
        assert refusal.reason == "NOTHING_TO_TAKE_OVER"
        assert refusal.code == grpc.StatusCode.FAILED_PRECONDITION
    _gives(house, "Ada")
    await ada.call(ada.access_requests.PreviewAccessRequest, preview)
    assert (await ada.create(takes_over=True)).takes_over
    await house.catalog.stop()
    assert (await refused(_start(root, _ADOPT))).reason == "DEPENDENCY_UNAVAILABLE"
