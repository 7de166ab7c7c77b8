"""A database, PostgreSQL or SQLite, behind two verbs, and a third one for changing its tables.

Work is written once, as a function of a SQLAlchemy `Connection`. PostgreSQL runs it through
asyncpg; SQLite runs it in threads, with one thread for all writing: a call of the asyncio driver
costs a thread hop for every statement, this one for every transaction.
"""

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import greenlet_spawn

from libs.domain.errors import Unavailable
from libs.domain.meanwhile import unheeded

if TYPE_CHECKING:
    import sqlite3

# What is raised when the server is away, ends, starts, or has no room; also without SQLAlchemy's
# wrapping, when there is no connection yet.
_LOST = (
    OSError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)

# Connections of a process: the committer writes over one, and few others write beside it.
_WRITING, _READING, _NOTING = 6, 10, 1

# One that gets no answer may not keep a service from ending.
_CLOSE_SECONDS = 10

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database(ABC):
    """One database."""

    def __init__(self) -> None:
        self._unfinished: set[asyncio.Task[Any]] = set()

    @staticmethod
    def open(url: str) -> "Database":
        """Opens `sqlite:///path` or `postgresql+asyncpg://…`. Connects when first used."""
        driver = make_url(url).drivername
        if driver == "sqlite":
            return _Sqlite(url)
        if driver == "postgresql+asyncpg":
            return _Postgresql(url)
        raise ValueError(
            f"database_url begins with {driver}://; it must begin with sqlite:/// or "
            "postgresql+asyncpg://"
        )

    async def read(self, work: Work[T], *, at_once: bool = False) -> T:
        """Runs reading work, beside all other.

        `at_once`: all its statements see the database as of one moment. Without it each may see
        what was committed before it, which is cheaper, and no matter to a single statement.

        It goes on when the caller is cancelled, as the thread of an SQLite database does anyway: to
        break it off costs PostgreSQL's connection, and a second one that says so.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._finish(self._read(work, at_once))

    async def write(self, work: Work[T], *, lasting: bool = True) -> T:
        """Runs writing work in one transaction of its own.

        The transaction goes on when the caller is cancelled: it may be half way through a commit.

        Without `lasting` it is a single statement, and nobody waits for the disk: the machine's
        end may undo it, whole, and leave everything lasting that came before. For notes that are
        made again without harm.

        Raises:
            Unavailable: the database does not answer; the work may have been committed.
            DBAPIError: the database refused the work.
        """
        return await self._finish(self._write(work, lasting))

    async def migrate(self, work: Work[T]) -> T:
        """Runs work that changes the tables, in one transaction of its own.

        To change a table SQLite makes it anew and drops the old one, which other tables refer to:
        there, what refers to what is looked at when all is done, and not on the way.

        Raises:
            Unavailable: the database does not answer; the work may have been committed.
            DBAPIError: the database refused the work.
        """
        return await self._finish(self._migrate(work))

    @abstractmethod
    async def _read(self, work: Work[T], at_once: bool) -> T: ...

    @abstractmethod
    async def _write(self, work: Work[T], lasting: bool) -> T: ...

    async def _migrate(self, work: Work[T]) -> T:
        return await self._write(work, True)

    async def close(self) -> None:
        """Lets go of every connection, when work that nobody waits for any more is done."""
        # A connection that is in use then would never be closed.
        if self._unfinished:
            await asyncio.wait(self._unfinished, timeout=_CLOSE_SECONDS)
        await self._close()

    @abstractmethod
    async def _close(self) -> None: ...

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Lets work finish though who waits for it may be cancelled."""
        task = asyncio.ensure_future(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            unheeded(task)
            raise
        except Exception as error:
            if (lost := _lost(error)) is not None:
                raise lost from error
            raise


def _lost(error: BaseException) -> Unavailable | None:
    """What to say of an error if it means that the database does not answer; none if it means
    that the database refused the work, or that the work itself failed."""
    invalidated = False
    if isinstance(error, DBAPIError):
        # What the driver said: SQLAlchemy's classes put our mistakes and a lost server together.
        invalidated = error.connection_invalidated
        error = getattr(error.orig, "__cause__", None) or error.orig or error
    # SQLite is loaded where there is one, and its errors are nowhere else: it is a megabyte.
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is not None and isinstance(error, sqlite3.OperationalError):
        # Locked, full, gone, … and, under one plain code, a statement that is wrong.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        invalidated = code != sqlite3.SQLITE_ERROR
    # asyncpg's own ValueErrors are about parameters and settings.
    if invalidated or (isinstance(error, _LOST) and not isinstance(error, ValueError)):
        return Unavailable("the database", type(error).__name__)
    return None


class _Postgresql(Database):
    """Work runs whole in one greenlet: SQLAlchemy's asyncio extension makes one for each step, to
    connect, to begin, to run, to commit, which costs as much as a statement does."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._writing = self._engine(url, _WRITING)
        # Most reads are single statements: without a transaction each costs one round trip, not
        # three, and leaves nothing behind that would have to be reset.
        self._reading = self._engine(
            url, _READING, isolation_level="AUTOCOMMIT", pool_reset_on_return=None
        )
        self._reading_at_once = self._writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._noting = self._engine(
            url,
            _NOTING,
            settings={"synchronous_commit": "off"},
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
        )

    @staticmethod
    def _engine(
        url: str, size: int, *, settings: Mapping[str, str] | None = None, **options: Any
    ) -> Engine:
        return create_engine(
            url,
            # Kept, all of them: to connect costs as much as fifty statements.
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=False,
            # The one used last has statements prepared and its memory warm.
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={
                "timeout": 5,
                "prepared_statement_cache_size": 300,
                "server_settings": {
                    "application_name": "latchkey",
                    # Whoever holds the head of the ledger and is heard of no more would keep all
                    # others from writing until TCP notices, which takes hours.
                    "idle_in_transaction_session_timeout": "30s",
                    # Compiling a statement takes longer than any of ours runs.
                    "jit": "off",
                    **(settings or {}),
                },
            },
            **options,
        )

    async def _read(self, work: Work[T], at_once: bool) -> T:
        engine = self._reading_at_once if at_once else self._reading

        def run() -> T:
            with engine.connect() as connection:
                return work(connection)

        return await greenlet_spawn(run)

    async def _write(self, work: Work[T], lasting: bool) -> T:
        # A single statement needs no transaction around it, which would be three round trips.
        engine = self._writing if lasting else self._noting

        def run() -> T:
            with engine.begin() as connection:
                return work(connection)

        return await greenlet_spawn(run)

    async def _close(self) -> None:
        for engine in (self._reading, self._writing, self._noting):
            await greenlet_spawn(engine.dispose)


class _Sqlite(Database):
    """WAL with `synchronous=FULL`, so that what is committed is on the disk."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._writing = self._engine(url, "BEGIN IMMEDIATE", size=1)
        self._reading = self._engine(url, "BEGIN", size=4)
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._readers = ThreadPoolExecutor(4, "sqlite-reader")

    @staticmethod
    def _engine(url: str, begin: str, size: int) -> Engine:
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "timeout": 10},
        )

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, record: object) -> None:
            # Python's own transaction control begins too late and not for every statement.
            connection.isolation_level = None
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "busy_timeout=10000",
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            # A transaction that reads first and writes later would fail at once if another one
            # wrote in between, whatever the busy timeout; IMMEDIATE takes the lock up front.
            connection.exec_driver_sql(begin)

        return engine

    async def _read(self, work: Work[T], at_once: bool) -> T:
        # Each of these is a transaction, and so of one moment.
        def run() -> T:
            with self._reading.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def _write(self, work: Work[T], lasting: bool) -> T:
        def run() -> T:
            with self._writing.connect() as connection:
                driver = cast("sqlite3.Connection", connection.connection.driver_connection)
                # With NORMAL the log is not synced at each commit, but in order all the same:
                # https://www.sqlite.org/pragma.html#pragma_synchronous
                driver.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
                with connection.begin():
                    return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    async def _migrate(self, work: Work[T]) -> T:
        import sqlite3

        def run() -> T:
            with self._writing.connect() as connection:
                # Within a transaction SQLite passes over this pragma, hence past SQLAlchemy, which
                # would begin one: https://www.sqlite.org/lang_altertable.html, number 7.
                driver = cast("sqlite3.Connection", connection.connection.driver_connection)
                driver.execute("PRAGMA foreign_keys=OFF")
                try:
                    with connection.begin():
                        result = work(connection)
                        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                        if broken:
                            raise sqlite3.IntegrityError(
                                f"rows refer to what is not there: {broken}"
                            )
                        return result
                finally:
                    driver.execute("PRAGMA foreign_keys=ON")

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    async def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._writing.dispose()
        self._reading.dispose()
