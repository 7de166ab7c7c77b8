"""Rules of faults: which calls they strike, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from tools.entra_simulator.fault_kinds import KINDS, Connection, Moment
from tools.entra_simulator.faults import Faults
from tools.entra_simulator.fields import FieldError

GROUP = "c0bd383a-9649-47ee-a9e1-226228e60e1b"
USER = "6fe5e73b-7a84-4b03-b866-fcd69f3fd6d7"


def struck(faults: Faults, method: str, path: str, *, in_batch: bool = False) -> str | None:
    strike = faults.strike(method, path, in_batch=in_batch)
    return strike.kind if strike else None


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/users", "/users", True),
        ("/users", "/users?$top=999", True),
        ("/users", "/users/delta", False),
        ("/groups/*/members/$ref", f"/groups/{GROUP}/members/$ref", True),
        ("/groups/*", f"/groups/{GROUP}/members", False),
        ("/groups/**", f"/groups/{GROUP}/members", True),
        ("**", "/organization", True),
        ("/USERS/DELTA", "/users/delta", True),
        ("/users/delta?*skiptoken*", "/users/delta?$skiptoken=abc", True),
        ("/users/delta?*skiptoken*", "/users/delta?$select=id", False),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    """`*` stays in its segment, `**` does not, and a query counts where the pattern has one."""
    faults = Faults()
    faults.add("bad-gateway", path=pattern)
    assert (struck(faults, "GET", path) is not None) == fits


def test_a_rule_strikes_the_calls_it_names() -> None:
    """Method, path and batch items narrow a rule down; the first rule that strikes decides."""
    faults = Faults()
    faults.add("unavailable", method="POST", path="/groups/**", batchItems="only")
    faults.add("throttle", batchItems="never")
    assert struck(faults, "POST", "/groups/x/members/$ref", in_batch=True) == "unavailable"
    assert struck(faults, "GET", "/groups/x", in_batch=True) is None
    assert struck(faults, "POST", "/groups/x/members/$ref") == "throttle"


def test_times_and_skip() -> None:
    """A rule lets the first calls pass, strikes so often, and is spent; it still counts."""
    faults = Faults()
    rule = faults.add("reset", skip=1, times=2)
    assert [struck(faults, "GET", "/users") for _ in range(5)] == [
        None,
        "reset",
        "reset",
        None,
        None,
    ]
    assert (rule.matched, rule.struck) == (3, 2)


def test_chance_is_seeded() -> None:
    """The same seed strikes the same calls, and about as many as the chance says."""

    def pattern(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add("reset", chance=0.25)
        return [struck(faults, "GET", "/users") is not None for _ in range(400)]

    assert pattern(7) == pattern(7)
    assert pattern(7) != pattern(8)
    assert 60 <= sum(pattern(7)) <= 140


@pytest.mark.parametrize(
    ("kind", "moment", "connection", "status"),
    [
        ("throttle", Moment.INSTEAD, Connection.ANSWER, 429),
        ("throttle-silent", Moment.INSTEAD, Connection.ANSWER, 429),
        ("throttle-done", Moment.AFTER, Connection.ANSWER, 429),
        ("unavailable", Moment.INSTEAD, Connection.ANSWER, 503),
        ("bad-gateway", Moment.INSTEAD, Connection.ANSWER, 502),
        ("gateway-timeout", Moment.INSTEAD, Connection.ANSWER, 504),
        ("gateway-timeout-done", Moment.AFTER, Connection.ANSWER, 504),
        ("internal-error", Moment.INSTEAD, Connection.ANSWER, 500),
        ("reset", Moment.INSTEAD, Connection.RESET, None),
        ("reset-done", Moment.AFTER, Connection.RESET, None),
        ("hang", Moment.INSTEAD, Connection.HANG, None),
        ("timeout-done", Moment.AFTER, Connection.HANG, None),
        ("slow", Moment.AFTER, Connection.OWN, None),
        ("token-expired", Moment.INSTEAD, Connection.ANSWER, 401),
        ("forbidden", Moment.INSTEAD, Connection.ANSWER, 403),
        ("not-found-yet", Moment.INSTEAD, Connection.ANSWER, 404),
        ("delta-reset", Moment.INSTEAD, Connection.ANSWER, 410),
        ("delta-expired", Moment.INSTEAD, Connection.ANSWER, 400),
        ("page-token-expired", Moment.INSTEAD, Connection.ANSWER, 400),
        ("same-next-link", Moment.AFTER, Connection.OWN, None),
    ],
)
def test_kinds(kind: str, moment: Moment, connection: Connection, status: int | None) -> None:
    """Each kind is a switch by name: before or after the effect, answer or connection, status."""
    faults = Faults()
    faults.add(kind)
    strike = faults.strike("GET", "/users/delta?$skiptoken=x", in_batch=False)
    assert strike is not None
    assert (strike.moment, strike.connection) == (moment, connection)
    assert status is None or strike.status == status
    assert ("Retry-After" in strike.headers) == (kind in ("throttle", "throttle-done"))


def test_every_kind_is_tested() -> None:
    """The table above and the error of one's own are all there are."""
    marks = test_kinds.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in marks[0].args[1]} | {"error"} == set(KINDS)


def test_an_error_of_ones_own() -> None:
    """Status, code, message and headers are the rule's; `done` carries the call out first."""
    faults = Faults()
    faults.add("error", status=409, code="Conflict", message="No.", headers={"X": "1"}, done=True)
    strike = faults.strike("POST", "/groups", in_batch=False)
    assert strike is not None
    assert (strike.status, strike.code, strike.message) == (409, "Conflict", "No.")
    assert (strike.headers, strike.moment) == ({"X": "1"}, Moment.AFTER)


def test_not_found_yet_names_the_object() -> None:
    """The message carries the last id of the path, as Microsoft's does."""
    faults = Faults()
    faults.add("not-found-yet")
    strike = faults.strike("DELETE", f"/groups/{GROUP}/members/{USER}/$ref", in_batch=False)
    assert strike is not None
    assert strike.message.startswith(f"Resource '{USER}' does not exist")


def test_faults_of_links_strike_links_only() -> None:
    """A delta reset never strikes an initial request, nor page expiry a call without a token."""
    faults = Faults()
    faults.add("delta-reset")
    faults.add("page-token-expired")
    assert struck(faults, "GET", "/users/delta?$select=id") is None
    assert struck(faults, "GET", "/users?$top=5") is None
    assert struck(faults, "GET", "/users?$skiptoken=x") == "page-token-expired"
    strike = faults.strike("GET", "/users/delta()?$deltatoken=x", in_batch=False)
    assert strike is not None
    assert strike.kind == "delta-reset"
    assert strike.headers == {"Location": "/users/delta()?$deltatoken="}


def test_connections_break_for_a_whole_batch_only() -> None:
    """An item of a batch has no connection of its own to lose."""
    faults = Faults()
    faults.add("reset")
    assert struck(faults, "GET", "/users", in_batch=True) is None
    assert struck(faults, "POST", "/$batch") == "reset"
    with pytest.raises(FieldError, match="batchItems"):
        faults.add("reset", batchItems="only")


def test_login_has_faults_of_its_own() -> None:
    """A rule for the login endpoint leaves Graph alone, and Graph's errors do not fit it."""
    faults = Faults()
    faults.add("throttle", service="login", retryAfter=7)
    assert struck(faults, "POST", "/t/oauth2/v2.0/token") is None
    strike = faults.strike("POST", "/t/oauth2/v2.0/token", in_batch=False, service="login")
    assert strike is not None
    assert strike.headers["Retry-After"] == "7"
    with pytest.raises(FieldError, match="service"):
        faults.add("delta-reset", service="login")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"kind": "nonsense"}, "kind"),
        ({}, "kind"),
        ({"kind": "reset", "chance": 2}, "chance"),
        ({"kind": "reset", "chance": "often"}, "chance"),
        ({"kind": "reset", "times": 0}, "times"),
        ({"kind": "reset", "method": "get"}, "method"),
        ({"kind": "reset", "path": "users"}, "path"),
        ({"kind": "throttle-silent", "retryAfter": 3}, "retryAfter"),
        ({"kind": "reset", "retryAfter": 3}, "retryAfter"),
        ({"kind": "error", "status": 503, "retryAfter": 3}, "retryAfter"),
        ({"kind": "error"}, "status"),
        ({"kind": "error", "status": 200}, "status"),
        ({"kind": "reset", "color": "red"}, "color"),
        ([], "body"),
    ],
)
def test_wrong_rules_are_refused_by_field(rule: Any, field: str) -> None:
    """A rule that cannot be meant changes nothing, and its error says where it is wrong."""
    faults = Faults()
    with pytest.raises(FieldError) as refused:
        faults.add_json(rule)
    assert refused.value.field == field
    assert faults.rules == ()


def test_rules_end() -> None:
    """One by its id, or all of them."""
    faults = Faults()
    first, second = faults.add("reset"), faults.add("throttle")
    faults.remove(first.id)
    assert faults.rules == (second,)
    with pytest.raises(KeyError):
        faults.remove(first.id)
    faults.clear()
    assert struck(faults, "GET", "/users") is None
