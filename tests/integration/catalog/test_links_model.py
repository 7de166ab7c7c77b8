"""Whatever is managed, chosen, taken back, used and synced, all is as a small model says."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.db.engine import Database
from services.catalog.store import MIGRATIONS
from tests.integration.catalog.links_model import GROUPS
from tests.integration.catalog.links_play import play
from tests.integration.catalog.links_steps import Step
from tests.support.examples import SAME_EACH_RUN, examples
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A database of each kind, which each play empties."""
    folder: Path = tmp_path_factory.mktemp("links")
    url = f"sqlite:///{folder / 'catalog.db'}"
    if request.param == "postgresql":
        url = postgres_server.url(postgres_server.create_database())

    async def migrate() -> None:
        database = Database.open(url)
        await MIGRATIONS.apply(database)
        await database.close()

    asyncio.run(migrate())
    return url


def one(kind: str, what: str = "", *how: str) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(kind), st.just(what), st.sampled_from(how or ("",)))


def of_a_group(*kinds: str, how: tuple[str, ...] = GROUPS) -> st.SearchStrategy[Step]:
    return st.tuples(st.sampled_from(kinds), st.sampled_from(GROUPS), st.sampled_from(how))


LINKS = of_a_group("VIRTUAL_ROLE", "PROVISION_ACCESS", "SKIPPED")
# One group or all, and what is used of a role that goes with them ends or is in the way.
UNLINKS = of_a_group("unlink", how=("", "end", "all", "all end"))
USES = of_a_group("ask", "over", how=("", "leased"))
MANAGES = st.sampled_from(("manage", "manage", "unmanage", "unmanage end")).map(
    lambda drawn: (drawn.partition(" ")[0], "", drawn.partition(" ")[2])
)
CHANGES = of_a_group("sync", how=("appear", "vanish", "unassign", "another name", "a third one"))
# Most of what is drawn is about links, and an app that is not there or not managed has none.
STEPS = st.one_of(
    *(LINKS, LINKS, LINKS, UNLINKS, UNLINKS, UNLINKS, USES, CHANGES, CHANGES, MANAGES),
    *(one("sync", "app", "vanish", "back", "back"), of_a_group("describe", how=("",))),
)


# What is seldom drawn: a role that is used, that owns, that goes with its last group, and an app
# that leaves the directory with all of this.
LIFE: list[Step] = [
    *(("VIRTUAL_ROLE", "red", ""), ("describe", "red", ""), ("ask", "red", "leased")),
    *(("PROVISION_ACCESS", "blue", "red"), ("unlink", "red", ""), ("unlink", "blue", "")),
    *(("unlink", "blue", "end"), ("unmanage", "", ""), ("over", "red", "")),
    *(("VIRTUAL_ROLE", "green", ""), ("describe", "green", ""), ("sync", "app", "vanish")),
    *(("unlink", "green", ""), ("ask", "green", ""), ("unmanage", "", ""), ("unmanage", "", "end")),
    *(("manage", "", ""), ("sync", "app", "back"), ("manage", "", ""), ("sync", "app", "vanish")),
    *(("sync", "green", "another name"), ("sync", "app", "back"), ("VIRTUAL_ROLE", "green", "")),
]


@settings(max_examples=examples(3), deadline=None, derandomize=SAME_EACH_RUN, database=None)
@example(True, LIFE)
@given(st.sampled_from((True, True, False)), st.lists(STEPS, min_size=8, max_size=18))
def test_any_order(migrated: str, managed: bool, steps: list[Step]) -> None:
    """Managing, choices, leases and syncs, taken back or not: each step is refused for the reason
    that the model gives or leaves all that is kept as the model has it."""
    asyncio.run(play(migrated, [*steps], managed=managed))


# A sync in which the app comes back is many commits, and in between the app has no groups; rules
# and owners are two calls.
BESIDE = st.one_of(LINKS, LINKS, UNLINKS, UNLINKS, USES, MANAGES)
RACES = st.tuples(BESIDE, st.one_of(BESIDE, BESIDE, CHANGES, one("sync", "app", "vanish")))


RED, BLUE = ("VIRTUAL_ROLE", "red", ""), ("PROVISION_ACCESS", "blue", "red")
MANAGE, UNMANAGE = ("manage", "", ""), ("unmanage", "", "end")
NOTHING = ("over", "red", "")
# Each of these changed what the other stands on.
RACED: list[tuple[Step, tuple[Step, Step]]] = [
    *((NOTHING, (RED, RED)), (NOTHING, (BLUE, ("unlink", "red", "")))),
    *((RED, (("unlink", "red", "all"), UNMANAGE)), (MANAGE, (RED, UNMANAGE))),
    *((UNMANAGE, (MANAGE, MANAGE)), (RED, (BLUE, UNMANAGE)), (MANAGE, (MANAGE, RED))),
    *((RED, (("unlink", "red", ""), ("sync", "red", "vanish"))), (NOTHING, (UNMANAGE, UNMANAGE))),
    *((MANAGE, (RED, ("sync", "app", "vanish"))), (NOTHING, (UNMANAGE, ("sync", "app", "vanish")))),
]


@settings(max_examples=examples(3), deadline=None, derandomize=SAME_EACH_RUN, database=None)
@example(RACED)
@given(st.lists(st.tuples(STEPS, RACES), min_size=4, max_size=9))
def test_two_at_once(migrated: str, steps: list[tuple[Step, tuple[Step, Step]]]) -> None:
    """Two calls beside each other, or one beside a sync, end as one after the other would."""
    asyncio.run(play(migrated, [each for pair in steps for each in pair], managed=True))
