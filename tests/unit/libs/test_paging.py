"""Page tokens."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from libs.domain.errors import Invalid
from libs.domain.paging import PageRequest, time_key

SCOPE = ("apps", "managed", "")


def _after(token: str, scope: tuple[str, ...] = SCOPE, parts: int = 1) -> object:
    return PageRequest(2, token, scope).after(parts)


def _token(*key: str, scope: tuple[str, ...] = SCOPE) -> str:
    """The token that ends a page at a row with this key."""
    page = PageRequest(1, "", scope).page([0, 1], key=lambda _: key)
    return page.next_page_token


def _forged(text: str, scope: tuple[str, ...] = SCOPE, digested: object = None) -> str:
    """A token that somebody made who knows how they are made."""
    key = json.loads(text) if digested is None else digested
    digest = hashlib.sha256(json.dumps([list(scope), key]).encode()).digest()[:8]
    return base64.urlsafe_b64encode(digest + text.encode()).decode().rstrip("=")


def _refused(token: str, **more: object) -> None:
    with pytest.raises(Invalid) as raised:
        _after(token, **more)  # type: ignore[arg-type]
    assert raised.value.reason == "PAGE_TOKEN_INVALID"
    assert [violation.field for violation in raised.value.violations] == ["page_token"]


def test_token_leads_to_what_follows() -> None:
    """A page with more behind it has a token, which is the key of its last row."""
    page = PageRequest(2, "", SCOPE).page(["a", "b", "c"], key=lambda row: (row, "ü"))
    assert page.items == ("a", "b")
    assert _after(page.next_page_token, parts=2) == ("b", "ü")


def test_last_page_has_no_token() -> None:
    """Exactly as many rows as asked for, or fewer, are the end."""
    for rows in ([], ["a"], ["a", "b"]):
        page = PageRequest(2, "", SCOPE).page(rows, key=lambda row: (row,))
        assert (page.items, page.next_page_token) == (tuple(rows), "")


def test_no_token_is_the_first_page() -> None:
    """Without a token the list begins at its beginning."""
    assert _after("") is None
    assert PageRequest(2, "", SCOPE).after_number() is None
    assert PageRequest(2, "", SCOPE).after_time() is None


def test_token_is_bound_to_list_and_filters() -> None:
    """A token of another list, another filter, or another kind of key is refused."""
    token = _token("a")
    for scope in (("apps", "unmanaged", ""), ("users", "managed", ""), ("apps", "managed")):
        _refused(token, scope=scope)
    _refused(token, parts=2)


def test_tampered_token_is_refused() -> None:
    """No character of a token can be changed, left out or added."""
    token = _token("app_1")
    for position in range(len(token)):
        other = "A" if token[position] != "A" else "B"
        changed = token[:position] + other + token[position + 1 :]
        try:
            # The last character of base64 may hold bits that mean nothing.
            assert _after(changed) == ("app_1",) and position == len(token) - 1
        except Invalid as error:
            assert error.reason == "PAGE_TOKEN_INVALID"
        _refused(token[:position] or "x")
    _refused(token + "AAAA")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "é",
        "\0",
        "====",
        "AAAA AAAA",
        _forged('["a\\u0000"]'),
        _forged('["\\ud800"]'),
        _forged("[1]"),
        _forged("[null]"),
        _forged('{"a":1}'),
        _forged('"a"'),
        _forged("[" * 1400, digested=[]),
        _forged("1" * 1400, digested=[]),
    ],
)
def test_made_up_token_is_refused(token: str) -> None:
    """Whatever stands in a token, it is refused in words."""
    _refused(token)


def test_number_keys() -> None:
    """A list in the order of a number goes on behind it, and takes nothing else for a number."""
    assert PageRequest(2, _token("12"), SCOPE).after_number() == 12
    for made_up in ("x", "-1", "1.5", "", "٣", "1" * 19, " 1"):
        with pytest.raises(Invalid, match="page_token"):
            PageRequest(2, _token(made_up), SCOPE).after_number()


def test_time_keys() -> None:
    """A list in the order of time goes on behind a moment, and takes nothing else for one."""
    moment = datetime(2025, 11, 23, 9, 0, 0, 5, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5)))
    for time in (moment, elsewhere):
        token = _token(*time_key(time, "app_1"))
        assert PageRequest(2, token, SCOPE).after_time() == (moment, "app_1")
    for made_up in ("x", "", "2025-11-23", "2025-11-23T09:00:00", "2025-11-23T09:00:00+05:00"):
        with pytest.raises(Invalid, match="page_token"):
            PageRequest(2, _token(made_up, "app_1"), SCOPE).after_time()
