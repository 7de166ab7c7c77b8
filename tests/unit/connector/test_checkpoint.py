"""Positions and their text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.connector.domain.directory import DirectoryKind, Phase
from services.connector.entra.sync.checkpoint import (
    AssignmentsMark,
    OpenList,
    Position,
    StreamMark,
    fingerprint,
    position_of,
)

PRINT = fingerprint("a", "b")
_PHASES = st.sampled_from([Phase.USERS, Phase.GROUPS, Phase.SERVICE_PRINCIPALS])
_LINKS = st.text(min_size=1, max_size=30)
_MARKS = st.builds(
    StreamMark,
    st.integers(0, 10**9),
    _LINKS,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
_POSITIONS = st.builds(
    Position,
    st.just(PRINT),
    st.integers(0, 10**9),
    st.dictionaries(_PHASES, _MARKS),
    st.builds(
        AssignmentsMark,
        st.integers(0, 10**9),
        st.text(),
        st.dictionaries(st.text(), st.builds(OpenList, _LINKS, st.text())),
    ),
    st.dictionaries(st.sampled_from(list(DirectoryKind)), st.integers(1, 10**9)),
    st.booleans(),
    st.text(),
)


@given(position=_POSITIONS)
def test_what_is_written_is_read(position: Position) -> None:
    """All of it."""
    assert position_of(position.text(), PRINT) == position


def test_reading_otherwise_makes_a_checkpoint_useless() -> None:
    """Other properties, another tenant, another application."""
    text = Position(PRINT).text()
    assert position_of(text, PRINT) is not None
    assert position_of(text, fingerprint("a", "c")) is None
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def _changed(path: str, value: Any) -> str:
    position = Position(
        PRINT,
        3,
        {Phase.USERS: StreamMark(1, "l", tracking=True)},
        AssignmentsMark(2, "a", {"b": OpenList("l", "1:0")}),
        {DirectoryKind.USER: 1},
    )
    found = json.loads(position.text())
    *parents, name = path.split(".")
    place = found
    for parent in parents:
        place = place[parent]
    place[name] = value
    return json.dumps(found)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("round", -1),
        ("round", "1"),
        ("round", True),
        ("streams", []),
        ("streams.users.link", None),
        ("streams.users.link", ""),
        ("streams.users.state", "x"),
        ("streams.x", {"round": 1, "link": "l", "state": "initial", "aged": False}),
        ("streams.app_role_assignments", {"round": 1}),
        ("assignments.open", {"b": ["l"]}),
        ("assignments", None),
        ("sweeps", {"x": 1}),
        ("fingerprint", 1),
    ],
)
def test_a_text_that_is_not_quite_one_is_none(path: str, value: Any) -> None:
    """Rather than half a position: everything is read anew."""
    assert position_of(_changed(path, value), PRINT) is None


def test_ten_thousand_apps_do_not_make_it_longer() -> None:
    """The catalog takes 200,000 characters: only what is open is in it, twenty lists at most."""
    position = Position(
        PRINT,
        3,
        {phase: StreamMark(1, "x" * 4000, tracking=True) for phase in list(Phase)[:3]},
        AssignmentsMark(1, "a", {str(n): OpenList("x" * 4000, "9" * 60) for n in range(20)}),
    )
    assert len(position.text()) < 120_000
