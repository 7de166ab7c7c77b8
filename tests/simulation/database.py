"""SQLite without threads: the same order of everything in every run, and a tenth of the time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from libs.db.engine import Database

T = TypeVar("T")


class InlineSqlite(Database):
    """A file, read and written on the event loop. Others may go on before each piece of work, as
    they may while a thread does it. It does not wait for the disk: what is killed here is what
    serves, and not the machine."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._engine = create_engine(f"sqlite:///{file}", poolclass=StaticPool)

        @event.listens_for(self._engine, "connect")
        def on_connect(connection: Any, record: object) -> None:
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(self._engine, "begin")
        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        self._connection = self._engine.connect()

    async def read(self, work: Callable[[Connection], T], *, at_once: bool = False) -> T:
        await asyncio.sleep(0)
        return self._run(work)

    async def write(self, work: Callable[[Connection], T], *, lasting: bool = True) -> T:
        await asyncio.sleep(0)
        return self._run(work)

    async def _read(self, work: Callable[[Connection], T], at_once: bool) -> T:
        return self._run(work)

    async def _write(self, work: Callable[[Connection], T], lasting: bool) -> T:
        return self._run(work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self._connection.begin():
            return work(self._connection)

    async def _close(self) -> None:
        self._connection.close()
        self._engine.dispose()
