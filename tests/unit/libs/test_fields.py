"""The checks of a request's fields."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from libs.domain.errors import Invalid
from libs.domain.fields import Fields

Check = Callable[[Fields], object]


def _problems(*checks: Check, path: str = "") -> list[tuple[str, str]]:
    try:
        with Fields(path) as fields:
            for check in checks:
                check(fields)
    except Invalid as error:
        assert error.reason == "FIELD_INVALID"
        return [(violation.field, violation.problem) for violation in error.violations]
    return []


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda f: f.text("x", "", most=5), "is required"),
        (lambda f: f.text("x", "  \u2003 ", most=5), "must not be blank"),
        (lambda f: f.text("x", "\u200b\u200d", most=5), "must not be blank"),
        (lambda f: f.text("x", "ab", least=3, most=5), "must not be blank"),
        (lambda f: f.text("x", "abcdef", most=5), "has 6 characters, at most 5 are taken"),
        (lambda f: f.text("x", "a\0b", most=5), "holds the control character U+0000"),
        (lambda f: f.text("x", "a\x7f", most=5), "holds the control character U+007F"),
        (lambda f: f.text("x", "a\nb", most=5), "holds the control character U+000A"),
        (lambda f: f.text("x", "a\x1b", most=5, lines=True), "holds the control character U+001B"),
        (lambda f: f.id("x", "", "app"), "is required, an id that begins with app_"),
        (lambda f: f.id("x", "req_1", "app"), "must be an id that begins with app_"),
        (lambda f: f.id("x", "app_", "app"), "must be an id that begins with app_"),
        (lambda f: f.id("x", "app_A", "app"), "must be an id that begins with app_"),
        (lambda f: f.id("x", "app_1\n", "app"), "must be an id that begins with app_"),
        (lambda f: f.id("x", "app_\0", "app"), "must be an id that begins with app_"),
        (lambda f: f.id("x", "app_" + "1" * 65, "app"), "must be an id that begins with app_"),
        (lambda f: f.id("x", "nonsense", "app", required=False), "must be an id that begins with"),
        (lambda f: f.guid("x", ""), "must be a GUID"),
        (lambda f: f.guid("x", "1234"), "must be a GUID"),
        (lambda f: f.guid("x", "g" * 8 + "-1111-1111-1111-" + "1" * 12), "must be a GUID"),
        (lambda f: f.matches("x", "abc\n", "[a-z]+", "must be letters"), "must be letters"),
        (lambda f: f.duration("x", timedelta(0)), "must be between 60s and 3650 days"),
        (lambda f: f.duration("x", timedelta(seconds=-1)), "must be between 60s and 3650 days"),
        (lambda f: f.duration("x", timedelta(days=3651)), "must be between 60s and 3650 days"),
        (lambda f: f.page_size(-1, "x"), "must be between 1 and 500, or 0 for 50"),
        (lambda f: f.page_size(501, "x"), "must be between 1 and 500, or 0 for 50"),
        (lambda f: f.page_token("t" * 2001, "x"), "is not a page token of this list"),
        (lambda f: f.idempotency_key("k" * 201, "x"), "has 201 characters, at most 200 are taken"),
        (lambda f: f.idempotency_key("k\0", "x"), "holds the control character U+0000"),
    ],
)
def test_names_what_is_wrong(check: Check, problem: str) -> None:
    """A field that can't be meant as it was sent is named with what is wrong."""
    ((field, found),) = _problems(check)
    assert field == "x"
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (lambda f: f.text("x", "  Ünïcode ☂ ", most=50), "Ünïcode ☂"),
        (lambda f: f.text("x", "", least=0, most=5), ""),
        (lambda f: f.text("x", "a\n\tb", most=5, lines=True), "a\n\tb"),
        (lambda f: f.id("x", "app_01k9abc", "app"), "app_01k9abc"),
        (lambda f: f.id("x", "pol_auto_approve", "pol"), "pol_auto_approve"),
        (lambda f: f.id("x", "", "app", required=False), ""),
        (
            lambda f: f.guid("x", "AAAAAAAA-bbbb-CCCC-dddd-eeeeeeeeeeee"),
            "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        ),
        (lambda f: f.guid("x", "", required=False), ""),
        (lambda f: f.matches("x", "abc", "[a-z]+", "must be letters"), "abc"),
        (lambda f: f.duration("x", None), None),
        (lambda f: f.duration("x", timedelta(minutes=1)), timedelta(minutes=1)),
        (lambda f: f.duration("x", timedelta(days=3650)), timedelta(days=3650)),
        (lambda f: f.page_size(0), 50),
        (lambda f: f.page_size(500), 500),
        (lambda f: f.page_token("abc"), "abc"),
        (lambda f: f.idempotency_key(""), ""),
        (lambda f: f.idempotency_key(" key "), "key"),
    ],
)
def test_takes_what_can_be_meant(check: Check, value: object) -> None:
    """A field that is as it must be is taken, in its one form."""
    with Fields() as fields:
        assert check(fields) == value


def test_names_everything_at_once() -> None:
    """All that is wrong is named in one answer, under the path of the message."""
    found = _problems(
        lambda f: f.text("name", "", most=5),
        lambda f: f.text("fine", "fine", most=5),
        lambda f: f.wrong("kind", "is not known"),
        path="app.",
    )
    assert found == [("app.name", "is required"), ("app.kind", "is not known")]


def test_a_mask_names_what_can_be_changed() -> None:
    """Each path once; anything else is named with what can be, a path that is too long to show or
    no text is not repeated, and of too many none is read."""
    with Fields() as fields:
        assert fields.update_mask(["b", "a", "b"], ("a", "b")) == ("b", "a")
    words = "which can't be changed; what can is a, b"
    for paths, problems in (
        ([], ["is required: which fields to change"]),
        (["x", "a", "a.b", "*"], [f"names {each}, {words}" for each in ("x", "a.b", "*")]),
        (["x" * 101], [f"names a path, {words}"]),
        (["\0"], [f"names a path, {words}"]),
        ([str(each) for each in range(21)], ["has 21 paths, at most 20 are taken"]),
    ):
        found = _problems(partial(Fields.update_mask, paths=paths, changeable=("a", "b")))
        assert found == [("update_mask", each) for each in problems]


def test_an_error_inside_is_not_hidden() -> None:
    """What fails for another reason is that failure, not a list of fields."""
    with pytest.raises(ZeroDivisionError), Fields() as fields:
        fields.wrong("x", "is wrong")
        raise ZeroDivisionError
