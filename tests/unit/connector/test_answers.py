"""What Graph's refusals mean, row by row."""

from datetime import timedelta

import pytest

from services.connector.domain.verdict import Already, Refused, Retriable
from services.connector.entra.answers import Write, judge
from services.connector.entra.problems import Problem, retry_after, tidy

_PRINCIPAL = "22222222-2222-2222-2222-222222222222"
_GROUP = "44444444-4444-4444-4444-444444444444"
_ABSENT = (
    "Resource '{}' does not exist or one of its queried reference-property objects are not present."
)
_BAD = "Request_BadRequest"
_NOT_FOUND = "Request_ResourceNotFound"

_THERE = [
    (
        Write.ADD_MEMBER,
        Problem(
            400,
            _BAD,
            "One or more added object references already exist for the following modified "
            "properties: 'members'.",
        ),
    ),
    (
        Write.ADD_ASSIGNMENT,
        Problem(400, _BAD, "Permission being assigned already exists on the object"),
    ),
    *(
        (
            Write.ADD_ASSIGNMENT,
            Problem(
                status,
                "Request_MultipleObjectsWithSameKeyValue",
                "EntitlementGrant entry already exists.",
            ),
        )
        for status in (400, 409)
    ),
]
_GONE = [
    (Write.REMOVE_MEMBER, Problem(404, _NOT_FOUND, _ABSENT.format(_PRINCIPAL))),
    (
        Write.REMOVE_MEMBER,
        Problem(
            400,
            _BAD,
            "One or more removed object references do not exist for the following modified "
            "properties: 'members'.",
        ),
    ),
    (Write.REMOVE_ASSIGNMENT, Problem(404, _NOT_FOUND, _ABSENT.format("some"))),
    (
        Write.REMOVE_ASSIGNMENT,
        Problem(400, _BAD, "EntitlementGrant being updated or deleted is not found."),
    ),
]


@pytest.mark.parametrize(("write", "problem"), [*_THERE, *_GONE])
def test_the_wish_is_fulfilled_already(write: Write, problem: Problem) -> None:
    """Every known spelling of "already there" and "already gone" is success."""
    verdict = judge(write, problem, _PRINCIPAL)
    assert isinstance(verdict, Already)
    assert verdict.answer.startswith(f"{problem.status} {problem.code}: already ")


@pytest.mark.parametrize(
    ("write", "status", "code", "message", "reason"),
    [
        (Write.ADD_MEMBER, 403, "Authorization_RequestDenied", "Insufficient privileges",
         "permission_missing"),
        (Write.ADD_ASSIGNMENT, 403, "Authorization_RequestDenied", "Insufficient privileges",
         "permission_missing"),
        (Write.ADD_MEMBER, 400, _BAD,
         "Cannot Update a mail-enabled security groups and or distribution list.",
         "group_not_writable"),
        (Write.ADD_MEMBER, 400, _BAD,
         "Unable to update the specified properties for on-premises mastered Directory Sync "
         "objects or objects currently undergoing migration.", "group_not_writable"),
        (Write.REMOVE_MEMBER, 403, "Authorization_RequestDenied", "Insufficient privileges",
         "permission_missing"),
        (Write.ADD_MEMBER, 400, _BAD, "Only users can be members of a Microsoft 365 group.",
         "directory_refused"),
        (Write.ADD_ASSIGNMENT, 400, _BAD, "One or more properties are invalid.",
         "directory_refused"),
        (Write.ADD_ASSIGNMENT, 405, _BAD, "Specified HTTP method is not allowed",
         "directory_refused"),
        # Nothing unknown counts as success, however much it sounds like it.
        (Write.ADD_MEMBER, 400, "SomethingNew", "already exists", "directory_refused"),
    ],
)  # fmt: skip
def test_refused_for_good(write: Write, status: int, code: str, message: str, reason: str) -> None:
    """What somebody must change first, with the word for it and Graph's own sentence."""
    verdict = judge(write, Problem(status, code, message), _PRINCIPAL)
    assert isinstance(verdict, Refused)
    assert verdict.reason == reason and message in verdict.message


@pytest.mark.parametrize(
    ("write", "problem", "reason"),
    [
        (Write.ADD_MEMBER, Problem(404, _NOT_FOUND, _ABSENT.format(_PRINCIPAL)),
         "principal_not_found"),
        (Write.ADD_MEMBER, Problem(404, _NOT_FOUND, _ABSENT.format(_GROUP)), "target_not_found"),
        (Write.ADD_ASSIGNMENT, Problem(404, _NOT_FOUND, _ABSENT.format(_GROUP)),
         "target_not_found"),
        (Write.ADD_ASSIGNMENT,
         Problem(400, _BAD, "Permission being assigned was not found on application"),
         "app_role_not_found"),
        (Write.ADD_ASSIGNMENT, Problem(400, _BAD, "Not a valid reference update."),
         "principal_not_found"),
    ],
)  # fmt: skip
def test_may_be_a_matter_of_replication(write: Write, problem: Problem, reason: str) -> None:
    """A new object is unknown here and there for a while; only then it is refused."""
    verdict = judge(write, problem, _PRINCIPAL)
    assert isinstance(verdict, Retriable) and verdict.certain
    assert verdict.otherwise is not None and verdict.otherwise.reason == reason
    assert verdict.patience > timedelta(0)


@pytest.mark.parametrize("write", list(Write))
@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_no_answer_and_not_now_are_of_unknown_outcome(write: Write, status: int) -> None:
    """Even a 429 may have been carried out."""
    verdict = judge(write, Problem(status, "x", "later", timedelta(seconds=7)), _PRINCIPAL)
    assert isinstance(verdict, Retriable)
    assert not verdict.certain and verdict.otherwise is None
    assert verdict.delay == timedelta(seconds=7)


def test_what_was_never_sent_had_no_effect() -> None:
    """A connection that could not be made is certain to have changed nothing."""
    verdict = judge(Write.ADD_MEMBER, Problem(0, "ConnectError", "no", sent=False), _PRINCIPAL)
    assert isinstance(verdict, Retriable) and verdict.certain


@pytest.mark.parametrize("write", list(Write))
def test_signing_in_is_tried_for_a_while(write: Write) -> None:
    """A wrong secret is refused in the end; a login endpoint that does not answer is not."""
    wrong = Problem(401, "invalid_client", "AADSTS7000215", sent=False, signing_in=True)
    verdict = judge(write, wrong, _PRINCIPAL)
    assert isinstance(verdict, Retriable) and verdict.otherwise is not None
    assert verdict.otherwise.reason == "sign_in_refused"
    away = Problem(0, "ConnectError", "no answer", sent=False, signing_in=True)
    verdict = judge(write, away, _PRINCIPAL)
    assert isinstance(verdict, Retriable) and verdict.otherwise is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 0), ("-3", 0), ("1e9", 600), ("soon", None), ("nan", None), ("", None)],
)
def test_retry_after_is_read_with_care(header: str, seconds: float | None) -> None:
    """Seconds within bounds; anything else is no pause at all."""
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(header) == expected


def test_retry_after_may_be_a_date() -> None:
    """A date in the past asks for no pause."""
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == timedelta(0)


def test_texts_are_tidied() -> None:
    """No secret, no trace ids, one line, not too long."""
    text = "AADSTS7000215: Invalid\nclient s3cret. Trace ID: 1 Correlation ID: 2 Timestamp: 3"
    assert tidy(text, "s3cret") == "AADSTS7000215: Invalid client …."
    assert len(tidy("x" * 9999)) == 500
