"""What Graph's refusals mean, row by row."""

from datetime import timedelta

import pytest

from services.connector.domain.verdict import Already, Exchange, Refused, Remedy, Retriable
from services.connector.entra.answers import (
    REPLICATION_PATIENCE,
    TABLE,
    Write,
    judge,
    row_of,
    unread,
)
from services.connector.entra.problems import Problem, retry_after, tidy

_PRINCIPAL = "22222222-2222-2222-2222-222222222222"
_GROUP = "44444444-4444-4444-4444-444444444444"
_ABSENT = (
    "Resource '{}' does not exist or one of its queried reference-property objects are not present."
)
_BAD = "Request_BadRequest"
_NOT_FOUND = "Request_ResourceNotFound"

_ADD_MEMBER, _REMOVE_MEMBER = Write.ADD_MEMBER, Write.REMOVE_MEMBER
_ASSIGN, _UNASSIGN = Write.ADD_ASSIGNMENT, Write.REMOVE_ASSIGNMENT
_DENIED = "Authorization_RequestDenied"
_PRIVILEGES = "Insufficient privileges to complete the operation."
_SAME_KEY = "Request_MultipleObjectsWithSameKeyValue"
_ALREADY, _PERSON, _HOPELESS = "already", Remedy.NEEDS_PERSON, Remedy.HOPELESS


class _Later:
    """To be tried again, and hopeless in the end."""


# What was seen of Entra, and what it means: line by line.
_LINES: list[tuple[str, Write, int, str, str, object, str]] = [
    ("W2 a member already", _ADD_MEMBER, 400, _BAD,
     "One or more added object references already exist for the following modified properties: "
     "'members'.", _ALREADY, ""),
    ("W3 the person is unknown", _ADD_MEMBER, 404, _NOT_FOUND, _ABSENT.format(_PRINCIPAL), _Later,
     "principal_not_found"),
    ("W3 the group is unknown", _ADD_MEMBER, 404, _NOT_FOUND, _ABSENT.format(_GROUP), _Later,
     "target_not_found"),
    ("W4 no permission, or a dynamic group", _ADD_MEMBER, 403, _DENIED, _PRIVILEGES, _PERSON,
     "permission_missing"),
    ("W4 the same when removing", _REMOVE_MEMBER, 403, _DENIED, _PRIVILEGES, _PERSON,
     "permission_missing"),
    ("W4b a mail-enabled group", _ADD_MEMBER, 400, _BAD,
     "Cannot Update a mail-enabled security groups and or distribution list.", _HOPELESS,
     "group_not_writable"),
    ("W4b the same as 403", _REMOVE_MEMBER, 403, _DENIED,
     "Cannot Update a mail-enabled security groups and or distribution list.", _HOPELESS,
     "group_not_writable"),
    ("W5 a synced group", _ADD_MEMBER, 400, _BAD,
     "Unable to update the specified properties for on-premises mastered Directory Sync objects or "
     "objects currently undergoing migration.", _HOPELESS, "group_not_writable"),
    ("W6 no member, as usual", _REMOVE_MEMBER, 404, _NOT_FOUND, _ABSENT.format(_PRINCIPAL),
     _ALREADY, ""),
    ("W6 no member, by the other spelling", _REMOVE_MEMBER, 400, _BAD,
     "One or more removed object references do not exist for the following modified properties: "
     "'members'.", _ALREADY, ""),
    ("W8 too many at once", _ADD_MEMBER, 400, _BAD,
     "A resource cannot contain more than 20 link changes", _PERSON, "directory_refused"),
    ("W9 a patch of references", _ADD_MEMBER, 400, "BadRequest",
     "The request is currently not supported on the targeted entity set", _HOPELESS,
     "directory_refused"),
    ("W10 who can't be in a Microsoft 365 group", _ADD_MEMBER, 400, _BAD,
     "Only users can be members of a Microsoft 365 group.", _PERSON, "directory_refused"),
    ("W12 assigned already", _ASSIGN, 400, _BAD,
     "Permission being assigned already exists on the object", _ALREADY, ""),
    ("W12 assigned already, as a conflict", _ASSIGN, 409, _BAD,
     "Permission being assigned already exists on the object", _ALREADY, ""),
    ("W12b the other spelling", _ASSIGN, 400, _SAME_KEY, "EntitlementGrant entry already exists.",
     _ALREADY, ""),
    ("W12b the other spelling, as a conflict", _ASSIGN, 409, _SAME_KEY,
     "EntitlementGrant entry already exists.", _ALREADY, ""),
    ("W13 the role is unknown", _ASSIGN, 400, _BAD,
     "Permission being assigned was not found on application", _Later, "app_role_not_found"),
    ("W14 an end is unknown", _ASSIGN, 400, _BAD, "Not a valid reference update.", _Later,
     "principal_not_found"),
    ("W14 the person is unknown", _ASSIGN, 404, _NOT_FOUND, _ABSENT.format(_PRINCIPAL), _Later,
     "principal_not_found"),
    ("W14 the app is unknown", _ASSIGN, 404, _NOT_FOUND, _ABSENT.format(_GROUP), _Later,
     "target_not_found"),
    ("W14b something is wrong with it", _ASSIGN, 400, _BAD, "One or more properties are invalid.",
     _HOPELESS, "directory_refused"),
    ("W15 no such assignment", _UNASSIGN, 404, _NOT_FOUND, _ABSENT.format("some"), _ALREADY, ""),
    ("W15 the other spelling", _UNASSIGN, 400, _BAD,
     "EntitlementGrant being updated or deleted is not found.", _ALREADY, ""),
    ("W15 no id at all", _UNASSIGN, 400, _BAD, "Invalid resource identifier for EntitlementGrant.",
     _HOPELESS, "directory_refused"),
    ("A5 no permission to assign", _ASSIGN, 403, _DENIED, _PRIVILEGES, _PERSON,
     "permission_missing"),
    ("A5 no permission to unassign", _UNASSIGN, 403, _DENIED, _PRIVILEGES, _PERSON,
     "permission_missing"),
    ("R11 no such method", _ASSIGN, 405, _BAD,
     "Specified HTTP method is not allowed for the request target.", _HOPELESS,
     "directory_refused"),
    # Nothing unknown counts as success, however much it sounds like it.
    ("a new code", _ADD_MEMBER, 400, "SomethingNew", "added object references already exist",
     _PERSON, "directory_refused"),
    ("a new message", _ASSIGN, 400, _BAD, "It is there, already!", _PERSON, "directory_refused"),
    ("gone is no answer to adding", _ADD_MEMBER, 400, _BAD,
     "One or more removed object references do not exist", _PERSON, "directory_refused"),
    ("there is no answer to removing", _REMOVE_MEMBER, 400, _BAD,
     "One or more added object references already exist", _PERSON, "directory_refused"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "status", "code", "message", "meaning", "reason"),
    [line[1:] for line in _LINES],
    ids=[line[0] for line in _LINES],
)
def test_line_by_line(
    write: Write, status: int, code: str, message: str, meaning: object, reason: str
) -> None:
    """Success, retry, needs a person or hopeless; with the word for it and Graph's sentence."""
    verdict = judge(write, Problem(status, code, message), _PRINCIPAL)
    if meaning is _ALREADY:
        assert isinstance(verdict, Already)
        assert verdict.answer.startswith(f"{status} {code}: already ")
        return
    if meaning is _Later:
        assert isinstance(verdict, Retriable) and verdict.certain
        assert verdict.patience == REPLICATION_PATIENCE == timedelta(minutes=3)
        assert verdict.otherwise is not None
        verdict, meaning = verdict.otherwise, _HOPELESS
    assert isinstance(verdict, Refused)
    assert (verdict.reason, verdict.remedy) == (reason, meaning)
    assert message in verdict.message and verdict.answer == f"{status} {code}"


def test_every_row_of_the_table_is_met_by_a_line() -> None:
    """A row that nothing was seen of has no place there."""
    met = {row_of(line[1], Problem(*line[2:5])) for line in _LINES}
    assert met - {None} == set(TABLE)


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


@pytest.mark.parametrize("write", list(Write))
def test_a_token_that_is_not_accepted_is_tried_for_a_while(write: Write) -> None:
    """A1 to A4: one refresh has been tried already; after a minute somebody has to look."""
    problem = Problem(401, "InvalidAuthenticationToken", "Lifetime validation failed")
    verdict = judge(write, problem, _PRINCIPAL)
    assert isinstance(verdict, Retriable) and verdict.certain
    assert verdict.otherwise is not None and verdict.otherwise.remedy is Remedy.NEEDS_PERSON
    assert verdict.patience == timedelta(minutes=1)


@pytest.mark.parametrize("status", [0, 429, 503, 504])
def test_what_was_only_looked_up_had_no_effect(status: int) -> None:
    """The same answer to a read is certain to have changed nothing; Retry-After is kept."""
    problem = Problem(status, "x", "later", timedelta(seconds=7))
    exchange = Exchange("GET /x", status, "x", "later")
    verdict = unread(Write.ADD_MEMBER, problem, _PRINCIPAL, exchange)
    assert isinstance(verdict, Retriable) and verdict.certain
    assert verdict.delay == timedelta(seconds=7) and verdict.exchange == exchange
