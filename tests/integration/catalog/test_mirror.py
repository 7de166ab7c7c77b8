"""Whatever messages come, the mirror is what the model says, and only completions remove."""

import asyncio
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.db.engine import Database
from services.catalog.store import MIGRATIONS
from tests.integration.catalog.mirror_model import KINDS, Content
from tests.integration.catalog.mirror_play import (
    APPS,
    ASSIGNMENTS,
    GROUPS,
    MEMBERSHIPS,
    USERS,
    Complete,
    play,
)
from tests.support.examples import examples


def some(names: tuple[Any, ...]) -> st.SearchStrategy[frozenset[Any]]:
    """None of them, a few, or all but a few."""
    few = st.frozensets(st.sampled_from(names), max_size=3)
    return st.one_of(st.just(frozenset()), few, few.map(lambda left: frozenset(names) - left))


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """A page, which does not say of a thing both that it is there and that it is gone."""
    users, groups, apps = draw(some(USERS)), draw(some(GROUPS)), draw(some(APPS))
    memberships = draw(some(MEMBERSHIPS))
    return Content(
        users,
        groups,
        memberships,
        apps,
        draw(some(ASSIGNMENTS)),
        draw(some(USERS)) - users,
        draw(some(GROUPS)) - groups,
        draw(some(MEMBERSHIPS)) - memberships,
        draw(some(APPS)) - apps,
        draw(some(APPS)),
    )


EVERYTHING = Content(
    frozenset(USERS),
    frozenset(GROUPS),
    frozenset(MEMBERSHIPS),
    frozenset(APPS),
    frozenset(ASSIGNMENTS),
    read=frozenset(APPS),
)
COMPLETIONS = st.builds(
    Complete,
    st.dictionaries(st.sampled_from(KINDS), st.integers(0, 1), max_size=5),
    st.booleans(),
)
MANAGED = ("manage", "tool")
ALL = dict.fromkeys(KINDS, 0)
STEPS = st.one_of(
    contents().map(lambda page: [page]),
    contents().map(lambda page: [page]),
    # As syncs come: a page or two of a new round, and the end.
    st.tuples(contents(), COMPLETIONS).map(lambda ends: ["new sync", "new round", *ends]),
    st.tuples(contents(), contents(), COMPLETIONS).map(lambda ends: ["new round", *ends]),
    # As after an expired link: everything is read anew, and much of it may be gone.
    contents().map(
        lambda page: ["new sync", "new round", page, Complete(ALL, False), Complete(ALL, True)]
    ),
    contents().map(lambda page: ["new run", "again", page, "late"]),
    COMPLETIONS.map(lambda completion: [completion]),
    st.sampled_from(["new round", "new sync", "new run", "again", "late", "skip", "back"]).map(
        lambda step: [step]
    ),
    st.sampled_from(APPS).map(lambda name: [("manage", name)]),
)


@pytest.fixture(scope="module")
def database_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all plays: each has a connection and a tenant of its own in it."""
    file: Path = tmp_path_factory.mktemp("mirror") / "catalog.db"
    url = f"sqlite:///{file}"

    async def migrate() -> None:
        database = Database.open(url)
        await MIGRATIONS.apply(database)
        await database.close()

    asyncio.run(migrate())
    return url


@settings(max_examples=examples(8), deadline=None)
@given(st.lists(STEPS, min_size=3, max_size=15))
def test_any_messages(database_file: str, steps: list[list[object]]) -> None:
    """Pages, removals, re-reads, sweeps, held and confirmed completions, new runs and syncs."""
    asyncio.run(play(database_file, [EVERYTHING, MANAGED, *chain.from_iterable(steps)]))
