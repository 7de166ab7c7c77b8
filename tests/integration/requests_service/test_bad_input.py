"""Bad input: each gets a clear error that names the field or the reason, and changes nothing."""

import base64
import hashlib
import json
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain import ids
from libs.domain.errors import LatchkeyError, NotAllowed, NotFound, WrongState
from libs.domain.ids import new_id
from tests.fakes.requests_peers import EDITOR
from tests.integration.requests_service.house import House, refused
from tests.support.issuer import TENANT, object_id

pytestmark = pytest.mark.either_database

_INVALID = grpc.StatusCode.INVALID_ARGUMENT


_WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"justification": ""}, "justification"),
    ({"justification": " \n\t "}, "justification"),
    ({"justification": "a\x00b"}, "justification"),
    ({"justification": "\x1b[2J"}, "justification"),
    ({"justification": "x" * 2001}, "justification"),
    ({"entitlement_id": ""}, "entitlement_id"),
    ({"entitlement_id": "app_0"}, "entitlement_id"),
    ({"entitlement_id": "ent_' or 1=1 --"}, "entitlement_id"),
    ({"entitlement_id": "ent_a\x00b"}, "entitlement_id"),
    ({"entitlement_id": "ent_" + "x" * 100000}, "entitlement_id"),
    ({"requested_duration": Duration(seconds=59)}, "requested_duration"),
    ({"requested_duration": Duration(seconds=-60)}, "requested_duration"),
    ({"requested_duration": Duration(seconds=1 << 62)}, "requested_duration"),
    ({"requested_duration": Duration(seconds=-(1 << 62))}, "requested_duration"),
    ({"idempotency_key": "k" * 201}, "idempotency_key"),
    ({"idempotency_key": "a\x00b"}, "idempotency_key"),
    ({"subject_user_id": "usr"}, "subject_user_id"),
    ({"subject_user_id": "app_0"}, "subject_user_id"),
    ({"subject_user_id": "usr_\x00"}, "subject_user_id"),
    ({"subject_user_id": "usr_" + "x" * 1000}, "subject_user_id"),
]


async def test_a_wrong_field_of_create_is_named(house: House) -> None:
    """FIELD_INVALID with the field's path; the catalog is not even asked."""
    for fields, path in _WRONG_FIELDS:
        refusal = await refused(house.person("Ada").create(**fields))
        assert (refusal.code, refusal.reason) == (_INVALID, "FIELD_INVALID"), fields
        assert refusal.fields == [path]
    assert house.catalog.calls == 0
    assert await house.actions() == []


async def test_all_wrong_fields_are_named_at_once(house: House) -> None:
    """One answer names every field that is wrong."""
    request = pb.CreateAccessRequestRequest(idempotency_key="\x00")
    ada = house.person("Ada")
    refusal = await refused(ada.call(ada.access_requests.CreateAccessRequest, request))
    assert refusal.fields == ["entitlement_id", "justification", "idempotency_key"]


async def test_a_duration_beyond_the_limit_is_refused_with_the_limit(house: House) -> None:
    """DURATION_TOO_LONG names the field and the most that can be asked for."""
    ada = house.person("Ada")
    longer = Duration(seconds=8 * 3600 + 1)
    refusal = await refused(ada.create(requested_duration=longer))
    assert (refusal.code, refusal.reason) == (_INVALID, "DURATION_TOO_LONG")
    assert refusal.fields == ["requested_duration"]
    assert refusal.facts == {"max_duration": "28800s"}
    assert await house.actions() == []
    made = await ada.create(requested_duration=Duration(seconds=60))
    assert made.requested_duration.seconds == 60


_REFUSALS: list[tuple[LatchkeyError, grpc.StatusCode, str]] = [
    (NotFound("ENTITLEMENT_NOT_FOUND", "none"), grpc.StatusCode.NOT_FOUND, ""),
    (NotAllowed("PERSON_NOT_IN_DIRECTORY", "no"), grpc.StatusCode.PERMISSION_DENIED, ""),
    (
        NotFound("USER_NOT_FOUND", "no"),
        grpc.StatusCode.PERMISSION_DENIED,
        "PERSON_NOT_IN_DIRECTORY",
    ),
    (WrongState("PERSON_DISABLED", "no"), grpc.StatusCode.FAILED_PRECONDITION, ""),
    (
        WrongState("GROUP_NOT_WRITABLE", "no", unwritable_reason="DYNAMIC"),
        grpc.StatusCode.FAILED_PRECONDITION,
        "",
    ),
    (WrongState("APP_REMOVED", "gone"), grpc.StatusCode.FAILED_PRECONDITION, ""),
    (
        WrongState("ENTITLEMENT_REMOVED", "gone", problem="the role is gone"),
        grpc.StatusCode.FAILED_PRECONDITION,
        "",
    ),
    (WrongState("NOT_PROVISIONABLE", "no group"), grpc.StatusCode.FAILED_PRECONDITION, ""),
    (
        WrongState("APP_NOT_MANAGED", "?"),
        grpc.StatusCode.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
    ),
]


async def test_what_the_catalog_refuses_is_refused(house: House) -> None:
    """The catalog's reason is passed on with its values, and nothing is made."""
    for refusal, code, reason in _REFUSALS:
        house.catalog.refusal = refusal
        found = await refused(house.person("Ada").create())
        assert (found.code, found.reason) == (code, reason or refusal.reason)
        if not reason:
            assert found.facts == refusal.facts
    assert await house.actions() == []
    assert house.policy.calls == 0


async def test_an_unknown_entitlement_is_not_found(house: House) -> None:
    """An id of the right form that nobody has."""
    unknown = new_id("ent")
    refusal = await refused(house.person("Ada").create(unknown))
    assert refusal.reason == "ENTITLEMENT_NOT_FOUND"
    assert refusal.facts == {"entitlement_id": unknown}


async def test_wrong_fields_of_every_other_method_are_named(house: House) -> None:
    """Ids, page sizes and tokens, states, etags and reasons, one by one."""
    ada = house.person("Ada")
    requests, leases = ada.access_requests, ada.leases
    req, lea = new_id("req"), new_id("lea")
    cases: list[tuple[Any, Any, list[str]]] = [
        (requests.GetAccessRequest, pb.GetAccessRequestRequest(), ["access_request_id"]),
        (
            requests.GetAccessRequest,
            pb.GetAccessRequestRequest(access_request_id=lea),
            ["access_request_id"],
        ),
        (requests.ListAccessRequests, pb.ListAccessRequestsRequest(page_size=-1), ["page_size"]),
        (requests.ListAccessRequests, pb.ListAccessRequestsRequest(page_size=501), ["page_size"]),
        (requests.ListAccessRequests, pb.ListAccessRequestsRequest(state=99), ["state"]),  # type: ignore[arg-type]
        (requests.ListAccessRequests, pb.ListAccessRequestsRequest(app_id="x"), ["app_id"]),
        (
            requests.ListAccessRequests,
            pb.ListAccessRequestsRequest(page_token="x" * 3000),
            ["page_token"],
        ),
        (
            requests.CancelAccessRequest,
            pb.CancelAccessRequestRequest(access_request_id=req, reason="a\x00", etag="\x00"),
            ["reason", "etag"],
        ),
        (
            requests.CancelAccessRequest,
            pb.CancelAccessRequestRequest(access_request_id=req, reason="x" * 2001),
            ["reason"],
        ),
        (
            requests.RetryAccessRequest,
            pb.RetryAccessRequestRequest(access_request_id="?", etag="x" * 101),
            ["access_request_id", "etag"],
        ),
        (leases.GetLease, lease_pb2.GetLeaseRequest(lease_id=req), ["lease_id"]),
        (leases.ListLeases, lease_pb2.ListLeasesRequest(state=99), ["state"]),  # type: ignore[arg-type]
        (leases.RevokeLease, lease_pb2.RevokeLeaseRequest(lease_id=lea), ["reason"]),
        (
            leases.RevokeLease,
            lease_pb2.RevokeLeaseRequest(lease_id=lea, reason="  ", idempotency_key="\x07"),
            ["reason", "idempotency_key"],
        ),
    ]
    connector = house.as_service("connector")
    wrong = lease_pb2.BatchGetLeasesRequest(lease_ids=[lea, req])
    refusal = await refused(connector.call(connector.leases.BatchGetLeases, wrong))
    assert (refusal.code, refusal.fields) == (_INVALID, ["lease_ids[1]"])
    for method, request, paths in cases:
        refusal = await refused(ada.call(method, request))
        assert (refusal.code, refusal.reason) == (_INVALID, "FIELD_INVALID"), request
        assert refusal.fields == paths
    request = pb.WatchAccessRequestRequest(access_request_id="nonsense")
    refusal = await refused(anext(aiter(ada.watch(request.access_request_id))))
    assert refusal.fields == ["access_request_id"]


def _token(key: str) -> str:
    """A page token for Ada's own list of access requests with any JSON as its key."""
    user_id = ids.user_id(TENANT, object_id("Ada"))
    scope = json.dumps([["access_requests", user_id, "", "", "", ""], json.loads(key)])
    raw = hashlib.sha256(scope.encode()).digest()[:8] + key.encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_made_up_page_token_is_refused(house: House) -> None:
    """PAGE_TOKEN_INVALID for what is no token of this list, however well it is forged."""
    ada = house.person("Ada")
    forged = [_token(key) for key in ('["\\ud800"]', '["\\u0000"]', "[1]", "{}", '["a", "b"]')]
    deep = base64.urlsafe_b64encode(b"x" * 8 + b"[" * 1400).rstrip(b"=").decode()
    for token in ("x", "====", "ü", "A" * 11, "A" * 1999, "W1siYSJdXQ", "\x00", deep, *forged):
        for method, request in (
            (
                ada.access_requests.ListAccessRequests,
                pb.ListAccessRequestsRequest(page_token=token),
            ),
            (ada.leases.ListLeases, lease_pb2.ListLeasesRequest(page_token=token)),
        ):
            refusal = await refused(ada.call(method, request))
            assert (refusal.code, refusal.reason) == (_INVALID, "PAGE_TOKEN_INVALID"), token
            assert refusal.fields == ["page_token"]
    # What is well forged is a place in one's own list, and no more.
    request = pb.ListAccessRequestsRequest(page_token=_token('["zzz"]'))
    await ada.call(ada.access_requests.ListAccessRequests, request)


async def test_a_stale_etag_changes_nothing(house: House) -> None:
    """ETAG_MISMATCH when the resource is not as it was seen."""
    ada = house.person("Ada")
    house.policy.steps = []
    made = await ada.create()
    stale = pb.CancelAccessRequestRequest(access_request_id=made.access_request_id, etag="77")
    refusal = await refused(ada.call(ada.access_requests.CancelAccessRequest, stale))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    current = pb.CancelAccessRequestRequest(
        access_request_id=made.access_request_id, etag=made.etag, reason="changed my mind"
    )
    answer = await ada.call(ada.access_requests.CancelAccessRequest, current)
    assert answer.access_request.state == pb.ACCESS_REQUEST_STATE_CANCELLED
    assert answer.access_request.timeline[-1].cancelled.reason == "changed my mind"


async def test_verbs_say_in_which_state_they_do_not_work(house: House) -> None:
    """ACCESS_REQUEST_STATE names the state it is in."""
    ada = house.person("Ada")
    made = await ada.create()
    for method, request in (
        (
            ada.access_requests.CancelAccessRequest,
            pb.CancelAccessRequestRequest(access_request_id=made.access_request_id),
        ),
        (
            ada.access_requests.RetryAccessRequest,
            pb.RetryAccessRequestRequest(access_request_id=made.access_request_id),
        ),
    ):
        refusal = await refused(ada.call(method, request))
        assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refusal.reason == "ACCESS_REQUEST_STATE"
        assert refusal.facts["state"] == "APPROVED"


async def test_a_revocation_with_a_stale_etag_changes_nothing(house: House) -> None:
    """ETAG_MISMATCH on a lease, which stays as it is."""
    ada = house.person("Ada")
    made = await ada.create(EDITOR)
    refusal = await refused(ada.revoke(made.lease_id, etag="9"))
    assert refusal.reason == "ETAG_MISMATCH"
    assert (await ada.lease(made.lease_id)).state == lease_pb2.LEASE_STATE_GRANTED
