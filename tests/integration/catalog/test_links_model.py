"""Whatever is managed, chosen, taken back, used and synced, all is as a small model says."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.db.engine import Database
from services.catalog.store import MIGRATIONS
from tests.integration.catalog.links_model import GROUPS
from tests.integration.catalog.links_play import Step, play
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
# One group or two, and what is used of a role that goes with them ends or is in the way.
UNLINKS = of_a_group("unlink", how=(*GROUPS, *(f"{group} end" for group in GROUPS)))
USES = of_a_group("ask", "over", how=("", "leased"))
MANAGES = st.one_of(one("manage"), one("unmanage", "", "", "end"))
CHANGES = of_a_group("sync", how=("appear", "vanish", "unassign", "another name", "a third one"))
STEPS = st.one_of(
    *(LINKS, LINKS, UNLINKS, USES, MANAGES, CHANGES),
    *(one("sync", "app", "vanish", "back"), of_a_group("describe", how=("",))),
)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(st.booleans(), st.lists(STEPS, min_size=8, max_size=20))
def test_any_order(migrated: str, managed: bool, steps: list[Step]) -> None:
    """Managing, choices, leases and syncs, taken back or not: each step is refused for the reason
    that the model gives or leaves all that is kept as the model has it."""
    asyncio.run(play(migrated, [*steps], managed=managed))


# A sync in which the app comes back is many commits, and in between the app has no groups; rules
# and owners are two calls.
BESIDE = st.one_of(LINKS, UNLINKS, UNLINKS, USES, MANAGES, MANAGES)
RACES = st.tuples(BESIDE, st.one_of(BESIDE, BESIDE, CHANGES, one("sync", "app", "vanish")))


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(STEPS, RACES), min_size=4, max_size=12))
def test_two_at_once(migrated: str, steps: list[tuple[Step, tuple[Step, Step]]]) -> None:
    """Two calls beside each other, or one beside a sync, end as one after the other would."""
    asyncio.run(play(migrated, [each for pair in steps for each in pair], managed=True))
