"""Writes of many changes, run together."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, insert
from sqlalchemy.exc import IntegrityError

from libs.db.engine import Database
from libs.db.guarded import Culprit, Guarded, Stale, Versioned, run_all
from libs.domain.changes import Change, Write
from tests.integration.libs.things import add, assert_numbered, change, committing, kept, things

_THINGS = Versioned(things, "thing_id")
_ADD = insert(things)


def _added(thing_id: str) -> Guarded:
    return Guarded(_ADD, parameters=({"thing_id": thing_id, "version": 1},))


def _bumped(thing_id: str, seen: int) -> Write:
    return _THINGS.changed(thing_id, seen=seen, values={"version": seen + 1})


@contextmanager
def _counted(connection: Connection) -> Iterator[list[str]]:
    told: list[str] = []

    def heard(_: Any, __: Any, statement: str, *___: Any) -> None:
        told.append(statement)

    event.listen(connection, "before_cursor_execute", heard)
    yield told
    event.remove(connection, "before_cursor_execute", heard)


def _run(changes: list[list[Write]], connection: Connection) -> None:
    run_all(connection, changes)


async def test_statements_do_not_grow_with_the_changes(database: Database) -> None:
    """Fifty changes, each of a row that it adds and one that it changes, are one look at the
    versions and two statements."""
    await database.write(
        lambda c: c.execute(_ADD, [{"thing_id": f"old{n}", "version": 7} for n in range(50)])
    )
    changes = [[_added(f"new{n}"), _bumped(f"old{n}", 7)] for n in range(50)]

    def work(connection: Connection) -> list[str]:
        with _counted(connection) as told:
            run_all(connection, changes)
        return told

    assert len(await database.write(work)) == 3
    assert await kept(database) == {
        **{f"new{n}": 1 for n in range(50)},
        **{f"old{n}": 8 for n in range(50)},
    }


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([_bumped("a", 3)], id="an old version"),
        pytest.param([_bumped("absent", 1)], id="not there"),
        pytest.param([_THINGS.unchanged("b", seen=2)], id="not as it was"),
        pytest.param([_added("late"), _bumped("b", 1), _bumped("b", 1)], id="twice from one"),
    ],
)
async def test_who_is_stale_is_named(database: Database, bad: list[Write]) -> None:
    """Alone as among others, a change from an old state is the one that fails."""
    await database.write(
        lambda c: c.execute(_ADD, [{"thing_id": each, "version": 1} for each in "abcd"])
    )
    for changes, at in (([bad], 0), ([[_bumped("c", 1)], bad, [_bumped("d", 1)]], 1)):
        with pytest.raises(Culprit) as raised:
            await database.write(partial(_run, changes))
        assert raised.value.at == at
        assert isinstance(raised.value.error, Stale)
    assert await kept(database) == dict.fromkeys("abcd", 1)


async def test_own_order_is_kept(database: Database) -> None:
    """What a change frees it can use again, whatever the others of its group write; a row can go
    through two versions in it."""
    await database.write(
        lambda c: c.execute(_ADD, [{"thing_id": each, "version": 5} for each in "ab"])
    )
    gone = delete(things).where(things.c.thing_id == "a")
    frees = Guarded(gone, parameters=({},))
    changes: list[list[Write]] = [
        [_added("c")],
        [frees, _added("a")],
        [_bumped("b", 5), _bumped("b", 6), _THINGS.unchanged("b", seen=7)],
    ]
    await database.write(lambda c: run_all(c, changes))
    assert await kept(database) == {"a": 1, "b": 7, "c": 1}


async def test_broken_unique_key_of_one_of_many(database: Database) -> None:
    """Which of many broke it is not known, and is found when each goes alone: the others are
    kept."""
    with pytest.raises(IntegrityError):
        await database.write(lambda c: run_all(c, [[_added("x")], [_added("y")], [_added("x")]]))
    assert await kept(database) == {}
    async with committing(database) as committer:
        answers = await asyncio.gather(
            *(committer.commit(change(_added(each))) for each in "xyx"), return_exceptions=True
        )
    assert [type(each) for each in answers] == [type(None), type(None), Stale]
    assert await kept(database) == {"x": 1, "y": 1}
    await assert_numbered(database)


async def test_as_one_by_one(database: Database) -> None:
    """Random changes by many at once come to what they come to one after another: of those from
    one version one is kept, and each version is written once."""
    random = Random(8)
    names = [f"t{n}" for n in range(6)]
    makers: list[Callable[[str, int], Change]] = [
        lambda name, seen: change(_bumped(name, seen), _added(f"{name}-{seen}")),
        lambda name, seen: change(_added(f"{name}-{seen}"), _bumped(name, seen)),
        # One that can't be run together with others.
        lambda name, seen: change(
            _bumped(name, seen),
            Guarded(insert(things).values(thing_id=f"{name}-{seen}", version=1)),
        ),
    ]
    async with committing(database) as committer:
        await asyncio.gather(*(committer.commit(add(name)) for name in names))
        done = dict.fromkeys(names, 0)

        async def one() -> None:
            name = random.choice(names)
            seen = done[name] + 1
            try:
                await committer.commit(random.choice(makers)(name, seen))
            except Stale:
                return
            done[name] += 1
            assert done[name] == seen

        for _ in range(12):
            await asyncio.gather(*(one() for _ in range(12)))
    assert await kept(database) == {
        **{name: count + 1 for name, count in done.items()},
        **{f"{name}-{seen + 1}": 1 for name, count in done.items() for seen in range(count)},
    }
    await assert_numbered(database)
