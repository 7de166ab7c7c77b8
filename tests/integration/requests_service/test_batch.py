"""Several in one call, each with a result of its own."""

from collections.abc import Sequence
from typing import Any

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.ids import new_id
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.deciders import asks, named
from tests.integration.requests_service.house import House, Person, refused
from tests.support.issuer import TestIssuer

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
Item = pb.BatchDecideAccessRequestsRequest.Item


def _wish(entitlement_id: str = EDITOR, **fields: Any) -> pb.CreateAccessRequestRequest:
    return pb.CreateAccessRequestRequest(
        **{"entitlement_id": entitlement_id, "justification": "I draw"} | fields
    )


async def _create(
    person: Person, *wishes: pb.CreateAccessRequestRequest
) -> Sequence[pb.BatchResult]:
    request = pb.BatchCreateAccessRequestsRequest(requests=wishes)
    answer = await person.call(person.access_requests.BatchCreateAccessRequests, request, 30)
    found: Sequence[pb.BatchResult] = answer.results
    return found


async def _decide(person: Person, *items: Item) -> Sequence[pb.BatchResult]:
    request = pb.BatchDecideAccessRequestsRequest(items=items)
    answer = await person.call(person.access_requests.BatchDecideAccessRequests, request, 30)
    found: Sequence[pb.BatchResult] = answer.results
    return found


def _approve(found: pb.AccessRequest, **fields: Any) -> Item:
    body = {"access_request_id": found.access_request_id, "etag": found.etag} | fields
    return Item(approve=pb.ApproveAccessRequestRequest(**body))


def _deny(found: pb.AccessRequest, **fields: Any) -> Item:
    body = {"access_request_id": found.access_request_id, "etag": found.etag} | fields
    return Item(deny=pb.DenyAccessRequestRequest(**body))


def _said(results: Sequence[pb.BatchResult]) -> list[tuple[str, str]]:
    """The code and reason of those that failed, or the state of those that did not."""
    codes = {code.value[0]: code.name for code in grpc.StatusCode}
    return [
        (codes[each.failure.code], each.failure.reason)
        if each.HasField("failure")
        else ("OK", pb.AccessRequestState.Name(each.access_request.state)[21:])
        for each in results
    ]


async def test_each_wish_is_made_or_refused_by_itself(house: House) -> None:
    """In their order, as `CreateAccessRequest` does, with the values of each failure; those that
    have a key are made once however often they are sent, and the others go on after a failure."""
    ada = house.person("Ada")
    unknown = new_id("ent")
    wishes = [
        _wish(EDITOR, idempotency_key="editor"),
        _wish(unknown),
        _wish("", justification=" "),
        _wish(EDITOR),
        _wish(VIEWER, subject_user_id=new_id("usr")),
        _wish(VIEWER, idempotency_key="viewer"),
    ]
    results = await _create(ada, *wishes)
    assert _said(results) == [
        ("OK", "APPROVED"),
        ("NOT_FOUND", "ENTITLEMENT_NOT_FOUND"),
        ("INVALID_ARGUMENT", "FIELD_INVALID"),
        ("ALREADY_EXISTS", "ACCESS_REQUEST_OPEN"),
        ("PERMISSION_DENIED", "ON_BEHALF_NOT_ALLOWED"),
        ("OK", "APPROVED"),
    ]
    assert dict(results[1].failure.metadata) == {"entitlement_id": unknown}
    assert "entitlement_id" in results[2].failure.message
    assert "justification" in results[2].failure.message
    again = await _create(ada, *wishes)
    assert (again[0], again[5]) == (results[0], results[5])
    assert again[0].access_request == await ada.get(results[0].access_request.access_request_id)
    assert await house.actions() == ["access_request.created"] * 2


async def test_each_decision_is_made_or_refused_by_itself(house: House) -> None:
    """Approvals and denials, one's own, stale, unknown, decided twice in one call, incomplete: each
    as by itself, with its key."""
    house.policy.steps = [asks(named("Ben", "Cleo"))]
    ben = house.person("Ben")
    first, second, third = [await house.person(name).create() for name in ("Ada", "Dan", "Eve")]
    own = await ben.create()
    items = [
        _approve(first, idempotency_key="a"),
        _deny(second, reason="no", idempotency_key="d"),
        _approve(own),
        _approve(third, etag="77"),
        _deny(third, access_request_id=new_id("req")),
        _deny(first),
        _approve(third, etag=""),
        _approve(third),
        _deny(third),
    ]
    results = await _decide(ben, *items)
    assert _said(results) == [
        ("OK", "APPROVED"),
        ("OK", "DENIED"),
        ("PERMISSION_DENIED", "SELF_DECISION"),
        ("ABORTED", "ETAG_MISMATCH"),
        ("NOT_FOUND", "ACCESS_REQUEST_NOT_FOUND"),
        ("ABORTED", "ETAG_MISMATCH"),
        ("INVALID_ARGUMENT", "FIELD_INVALID"),
        ("OK", "APPROVED"),
        ("ABORTED", "ETAG_MISMATCH"),
    ]
    assert dict(results[2].failure.metadata)["role"] == "the requester"
    assert list(await _decide(ben, *items[:2])) == list(results[:2])
    actions = await house.actions()
    assert actions[4:] == [
        "access_request.approved",
        "access_request.denied",
        "access_request.self_decision_refused",
        "access_request.approved",
    ]


async def test_a_call_takes_one_to_fifty(house: House) -> None:
    """None or 51 are refused as a whole with the field, and so is an item that decides nothing;
    nothing of such a call is done. Fifty are done."""
    house.policy.steps = [asks(named("Ben"))]
    ada, ben = house.person("Ada"), house.person("Ben")
    made = await ada.create()
    for call, field in (
        (_create(ada), "requests"),
        (_create(ada, *[_wish(VIEWER)] * 51), "requests"),
        (_decide(ben), "items"),
        (_decide(ben, *[_deny(made)] * 51), "items"),
        (_decide(ben, _deny(made), Item()), "items[1]"),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (_INVALID, "FIELD_INVALID")
        assert refusal.fields == [field]
    assert await house.actions() == ["access_request.created"]
    said = _said(await _decide(ben, *[_approve(made, idempotency_key="k")] * 50))
    assert said == [("OK", "APPROVED")] * 50
    said = _said(await _create(ada, *[_wish(VIEWER, idempotency_key="k")] * 50))
    assert said == [("OK", "PENDING")] * 50
    assert len(await house.actions()) == 3


async def test_to_the_limits_each_is_a_call(
    issuer: TestIssuer, sqlite_url: str, nats_url: str
) -> None:
    """Who may make so many calls a second has no more done by sending them as one: what is too much
    fails by itself, says when to try again, and leaves nothing behind."""
    async with House(issuer, sqlite_url, nats_url, calls_per_second=0.5) as house:
        results = await _create(house.person("Ada"), _wish(EDITOR), _wish(VIEWER), _wish(VIEWER))
        limited = ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
        assert _said(results) == [("OK", "APPROVED"), limited, limited]
        assert 0 < float(results[1].failure.metadata["retry_seconds"]) <= 2
        assert _said(await _create(house.person("Ben"), _wish(VIEWER))) == [("OK", "APPROVED")]
        created = [each for each in await house.events() if each.type.endswith("RequestCreated")]
        assert len(created) == 2
