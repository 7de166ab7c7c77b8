"""Bad input to what people decide: each field is named, and nothing happens."""

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.ids import new_id
from tests.integration.requests_service.deciders import asks, named
from tests.integration.requests_service.house import House, Person, refused

pytestmark = pytest.mark.either_database

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_REQ, _USR = new_id("req"), new_id("usr")
_IDS: list[tuple[dict[str, Any], list[str]]] = [
    ({"access_request_id": each}, ["access_request_id"])
    for each in ("", "req", "req_", "lea_0", "req_' or 1=1 --", "req_a\x00b", "req_" + "x" * 9999)
]
_ETAGS: list[tuple[dict[str, Any], list[str]]] = [
    ({"etag": each}, ["etag"]) for each in ("", " ", "\x00", "x" * 101)
]
_KEYS: list[tuple[dict[str, Any], list[str]]] = [
    ({"idempotency_key": each}, ["idempotency_key"]) for each in ("a\x07", "k" * 201)
]
_NOT_TEXT = ("\x00", "\x1b[2J", "x" * 2001)
_BLANK = ("", " \n\t ", "\u200b")
_DECISION = [*_IDS, *_ETAGS, *_KEYS, *(({"reason": each}, ["reason"]) for each in _NOT_TEXT)]
_DURATIONS = (
    Duration(),
    Duration(seconds=59),
    Duration(seconds=-60),
    Duration(seconds=1 << 62),
    Duration(seconds=60, nanos=-1),
    Duration(seconds=60, nanos=1_000_000_000),
)


def _texts(field: str) -> list[tuple[dict[str, Any], list[str]]]:
    return [({field: each}, [field]) for each in (*_NOT_TEXT, *_BLANK)]


_WRONG: dict[str, tuple[dict[str, Any], list[tuple[dict[str, Any], list[str]]]]] = {
    "ApproveAccessRequest": (
        {"access_request_id": _REQ, "etag": "1"},
        [*_DECISION, *(({"duration": each}, ["duration"]) for each in _DURATIONS)],
    ),
    "DenyAccessRequest": ({"access_request_id": _REQ, "etag": "1"}, _DECISION),
    "ReassignAccessRequest": (
        {"access_request_id": _REQ, "etag": "1", "approver_user_ids": [_USR], "reason": "why"},
        [
            *(*_IDS, *_ETAGS, *_KEYS, *_texts("reason")),
            ({"approver_user_ids": []}, ["approver_user_ids"]),
            ({"approver_user_ids": [_USR] * 21}, ["approver_user_ids"]),
            ({"approver_user_ids": ["", _USR]}, ["approver_user_ids[0]"]),
            (
                {"approver_user_ids": [_USR, "grp_1", "usr_\x00"]},
                ["approver_user_ids[1]", "approver_user_ids[2]"],
            ),
        ],
    ),
    "CommentOnAccessRequest": (
        {"access_request_id": _REQ, "comment": "what"},
        [*_IDS, *_KEYS, *_texts("comment")],
    ),
    "RestartAccessRequest": (
        {"access_request_id": _REQ, "reason": "why"},
        [*_IDS, *_KEYS, *_texts("reason"), *_ETAGS[2:]],
    ),
    "ReviewEmergencyAccess": (
        {
            "access_request_id": _REQ,
            "etag": "1",
            "verdict": pb.EMERGENCY_REVIEW_STATE_JUSTIFIED,
            "comment": "why",
        },
        [
            *(*_IDS, *_ETAGS, *_KEYS, *_texts("comment")),
            *(({"verdict": each}, ["verdict"]) for each in (0, 1, 99, -1)),
        ],
    ),
    "PreviewAccessRequest": (
        {"entitlement_id": new_id("ent")},
        [
            ({"entitlement_id": ""}, ["entitlement_id"]),
            ({"entitlement_id": "app_0"}, ["entitlement_id"]),
            ({"subject_user_id": "usr"}, ["subject_user_id"]),
            *(({"requested_duration": each}, ["requested_duration"]) for each in _DURATIONS),
        ],
    ),
    "ListAccessRequests": (
        {},
        [
            ({"approver_user_id": "x"}, ["approver_user_id"]),
            ({"approver_user_id": "app_0"}, ["approver_user_id"]),
        ],
    ),
}
_ALL_WRONG = {
    "ApproveAccessRequest": ["access_request_id", "etag"],
    "DenyAccessRequest": ["access_request_id", "etag"],
    "ReassignAccessRequest": ["approver_user_ids", "access_request_id", "etag", "reason"],
    "CommentOnAccessRequest": ["access_request_id", "comment"],
    "RestartAccessRequest": ["access_request_id", "reason"],
    "ReviewEmergencyAccess": ["verdict", "access_request_id", "etag", "comment"],
    "PreviewAccessRequest": ["entitlement_id"],
    "BatchCreateAccessRequests": ["requests"],
    "BatchDecideAccessRequests": ["items"],
}


def _call(person: Person, method: str, fields: dict[str, Any]) -> Any:
    request = getattr(pb, f"{method}Request")(**fields)
    return person.call(getattr(person.access_requests, method), request)


async def test_each_wrong_field_is_named(house: House) -> None:
    """FIELD_INVALID with the field's path, before anything is looked up; an empty message names
    all that it lacks."""
    ada = house.person("Ada")
    for method, (right, cases) in _WRONG.items():
        for fields, paths in cases:
            refusal = await refused(_call(ada, method, right | fields))
            assert (refusal.code, refusal.reason) == (_INVALID, "FIELD_INVALID"), (method, fields)
            assert refusal.fields == paths, (method, fields)
    for method, paths in _ALL_WRONG.items():
        refusal = await refused(_call(ada, method, {}))
        assert (refusal.reason, refusal.fields) == ("FIELD_INVALID", paths), method
    assert house.catalog.calls == 0
    assert await house.actions() == []


async def test_what_is_right_but_not_there(house: House) -> None:
    """An id of the right form that nobody has: ACCESS_REQUEST_NOT_FOUND from every method, with the
    id; and inside a batch by itself, while the others are done."""
    ada = house.person("Ada")
    for method, (right, _) in _WRONG.items():
        if "access_request_id" in right:
            refusal = await refused(_call(ada, method, right))
            assert (refusal.code, refusal.reason) == (
                grpc.StatusCode.NOT_FOUND,
                "ACCESS_REQUEST_NOT_FOUND",
            )
            assert refusal.facts == {"access_request_id": _REQ}
    assert await house.actions() == []


async def test_texts_of_all_scripts_are_kept_as_they_are(house: House) -> None:
    """Reasons and comments of the longest length, with line breaks, in any script."""
    house.policy.steps = [asks(named("Ben"))]
    ada, ben = house.person("Ada"), house.person("Ben")
    text = ("Ä ☂ 人 \U0001f511 'quoted' \\ % \n\tline " * 60)[:2000].strip()
    made = await ada.create()
    said = await _call(
        ada,
        "CommentOnAccessRequest",
        {"access_request_id": made.access_request_id, "comment": text},
    )
    assert said.access_request.timeline[-1].commented.comment == text
    fields = {
        "access_request_id": made.access_request_id,
        "etag": said.access_request.etag,
        "reason": text,
    }
    done = await _call(ben, "ApproveAccessRequest", fields)
    given = next(e for e in done.access_request.timeline if e.HasField("step_approved"))
    assert given.step_approved.reason == text
    assert (await ada.get(made.access_request_id)).state == pb.ACCESS_REQUEST_STATE_APPROVED
