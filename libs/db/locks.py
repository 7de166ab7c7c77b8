"""Locks that end with the process that holds them.

Replicas that share a database agree by them on who does what only one may do. PostgreSQL keeps
such a lock for as long as a session lives, SQLite's is a lock of the operating system on a file
beside the database: either way kill -9 frees it at once, and there is no time to be waited for.
A session can be lost while its process goes on: then its locks are lost, and whoever holds one
stops what it guards.
"""

import asyncio
import fcntl
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from sqlalchemy import make_url

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
# What a URL may set that is not for asyncpg.
_SQLALCHEMYS_OWN = frozenset(
    {"prepared_statement_cache_size", "prepared_statement_name_func", "async_creator_fn"}
)
_log = structlog.get_logger(__name__)

OnLost = Callable[[], None]


class Locks(ABC):
    """The locks that this process holds in one database, by name."""

    @staticmethod
    def of(url: str) -> "Locks":
        """The locks of the database behind the URL that `Database.open` takes."""
        if make_url(url).drivername == "sqlite":
            return _FileLocks(Path(make_url(url).database or ""))
        return _SessionLocks(url)

    def __init__(self) -> None:
        self._on_lost: dict[str, OnLost] = {}

    def holds(self, name: str) -> bool:
        """Whether this process has the lock, as far as it knows at this moment."""
        return name in self._on_lost

    async def acquire(self, name: str, on_lost: OnLost = lambda: None) -> bool:
        """Whether this process has the lock now; not while another has it, or the database is away.

        `on_lost` is called once if it is lost before it is released.
        """
        if self.holds(name):
            return True
        if not await self._acquire(name):
            return False
        self._on_lost[name] = on_lost
        return True

    async def release(self, name: str) -> None:
        """Lets others have it."""
        if self._on_lost.pop(name, None) is not None:
            await self._release(name)

    async def close(self) -> None:
        """Lets others have all of them."""
        for name in [*self._on_lost]:
            await self.release(name)

    def _lost(self) -> None:
        """All of them, with the session that had them."""
        lost, self._on_lost = self._on_lost, {}
        for on_lost in lost.values():
            on_lost()

    @abstractmethod
    async def _acquire(self, name: str) -> bool: ...

    @abstractmethod
    async def _release(self, name: str) -> None: ...


class _FileLocks(Locks):
    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database
        self._files: dict[str, int] = {}

    async def _acquire(self, name: str) -> bool:
        path = self._database.with_name(f"{self._database.name}.{_number(name):016x}.lock")
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._files[name] = file
        return True

    async def _release(self, name: str) -> None:
        os.close(self._files.pop(name))


class _SessionLocks(Locks):
    """One session has all locks of the process; one statement at a time runs in it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        parsed = make_url(url)
        # As SQLAlchemy understands the URL, so that what is set in it holds here too.
        _, options = parsed.get_dialect()().create_connect_args(parsed)
        self._options = {key: options[key] for key in options.keys() - _SQLALCHEMYS_OWN}
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        self._turn = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    async def close(self) -> None:
        await super().close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            try:
                await session.close(timeout=_ANSWER_SECONDS)
            except _FAILURES:
                session.terminate()

    async def _acquire(self, name: str) -> bool:
        return await self._asked("SELECT pg_try_advisory_lock($1)", name)

    async def _release(self, name: str) -> None:
        if self._session is not None:
            await self._asked("SELECT pg_advisory_unlock($1)", name)

    async def _asked(self, statement: str, name: str) -> bool:
        async with self._turn:
            try:
                if self._session is None:
                    self._session = await self._connect()
                    self._watching = asyncio.create_task(self._watch(), name="locks")
                return bool(await self._session.fetchval(statement, _number(name)))
            except _FAILURES as error:
                # The kind alone: texts of connection errors hold pieces of the URL.
                _log.warning("locks_unreachable", problem=type(error).__name__)
                self._end()
                return False

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        session = await asyncpg.connect(
            **self._options,
            timeout=_ANSWER_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            server_settings={
                "application_name": "latchkey locks",
                # A machine that is gone is found out within seconds, not hours.
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
            },
        )
        session.add_termination_listener(self._ended)
        return session

    def _ended(self, session: Any) -> None:
        """The server closed a session: whoever asks next has its locks."""
        if session is self._session:
            self._end()

    async def _watch(self) -> None:
        """Asks whether the session lives, since nothing tells of a server that went silent."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            async with self._turn:
                if self._session is None:
                    return
                try:
                    await self._session.fetchval("SELECT 1")
                except _FAILURES:
                    self._end()
                    return

    def _end(self) -> None:
        if self._session is not None:
            self._session.terminate()
            self._session = None
        self._lost()


def _number(name: str) -> int:
    """The name as the number that PostgreSQL wants: 63 bits, so that it has no sign."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1
