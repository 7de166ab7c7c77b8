"""A database around another one, for tests that hold up or count what passes."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from libs.db.engine import Database


class AroundDatabase(Database):
    """Passes everything on. Who made the inner one closes it."""

    def __init__(self, inner: Database) -> None:
        super().__init__()
        self.inner = inner

    async def _read(self, work: Callable[[Connection], Any], at_once: bool) -> Any:
        return await self.inner._read(work, at_once)

    async def _write(self, work: Callable[[Connection], Any], lasting: bool) -> Any:
        return await self.inner._write(work, lasting)

    async def _close(self) -> None:
        pass
