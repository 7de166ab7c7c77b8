"""Which tenants a process serves."""

import asyncio
import contextlib
from pathlib import Path
from typing import cast

from libs.db.locks import Locks
from libs.domain.paging import Page, PageRequest
from services.connector.domain.connection import Connection
from services.connector.loops.serving import Serving
from services.connector.ports import Connections
from tests.support.eventually import eventually


class _One:
    """There is one connection."""

    connection_id = "con_1"


class _Connections:
    async def page(self, request: PageRequest) -> Page[Connection]:
        return Page((cast(Connection, _One()),), "")


class _Preparing:
    """Takes as long as the test wants."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.begun: list[str] = []

    async def __call__(self, connection_id: str) -> None:
        self.begun.append(connection_id)
        await self.go_on.wait()


def _serving(folder: Path, prepare: _Preparing) -> Serving:
    locks = Locks.of(f"sqlite:///{folder / 'connector.db'}")
    return Serving(cast(Connections, _Connections()), locks, prepare)


async def test_nothing_calls_a_tenant_before_it_is_prepared(tmp_path: Path) -> None:
    """The lock is had, and the tenant is not served until its last pause is known."""
    prepare = _Preparing()
    changes: list[bool] = []
    serving = _serving(tmp_path, prepare)
    serving.on_change(lambda: changes.append(serving.serves("con_1")))
    async with serving:
        await eventually(lambda: prepare.begun == ["con_1"])
        assert not serving.serves("con_1") and not serving.connection_ids()
        prepare.go_on.set()
        await eventually(lambda: serving.serves("con_1"))
        assert changes == [True]


async def test_one_of_two_serves_and_the_other_takes_over(tmp_path: Path) -> None:
    """At its end, within about a second."""
    prepare = _Preparing()
    prepare.go_on.set()
    first, second = _serving(tmp_path, prepare), _serving(tmp_path, prepare)
    async with contextlib.AsyncExitStack() as outer:
        async with first:
            await eventually(lambda: first.serves("con_1"))
            await outer.enter_async_context(second)
            assert not second.serves("con_1")
        await eventually(lambda: second.serves("con_1"), 3)
        assert not first.serves("con_1")
