"""A PostgreSQL server of one's own, from the system's binaries.

It runs as a child process on a free port of the loopback, in a temporary folder, and never as
root: PostgreSQL refuses that, so root hands it to the system's `postgres` user, or to `nobody`.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

import asyncpg

from tools.dev.postgres_host import account, find_binaries, folder_of
from tools.dev.server import HOST, end, log_end

T = TypeVar("T")

STARTUP: Final = 30.0
SHUTDOWN: Final = 15.0

SUPERUSER: Final = "latchkey"

# What whoever kills nothing can do without: these only matter when a machine goes down.
_HASTY: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresError(Exception):
    """The server did not start; the message holds the end of its log."""


class PostgresServer:
    """One server with its data.

    The data and the port stay the same over `stop` or `kill` and the next `start`. As a context
    manager it runs for the length of the block and leaves nothing behind.
    """

    def __init__(self, *, durable: bool = False) -> None:
        """Unless `durable`, commits do not wait for the disk."""
        self._binaries = find_binaries()
        self._account = account()
        self._settings = () if durable else _HASTY
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = itertools.count(1)
        self._port = 0
        self.folder = folder_of(self._account)
        self._data = self.folder / "data"

    def __enter__(self) -> Self:
        try:
            self.initialise()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """The postmaster, while there is one."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        """What the server wrote, over all its starts."""
        return self.folder / "postgres.log"

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """A database of this server, as SQLAlchemy's asyncio extension wants it."""
        return f"postgresql+asyncpg://{role}@{HOST}:{self._port}/{database}"

    def initialise(self) -> None:
        """Makes the empty cluster; once, before the first `start`."""
        command = [
            *(str(self._binaries / "initdb"), f"--pgdata={self._data}", "--no-sync"),
            *("--no-instructions", "--auth=trust", f"--username={SUPERUSER}"),
            *("--encoding=UTF8", "--locale=C"),
        ]
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._account.as_popen(),
        )
        if result.returncode != 0:
            raise PostgresError(f"initdb failed:\n{result.stdout}{result.stderr}")

    def start(self) -> None:
        """Starts the server, and returns when it accepts connections."""
        if self._process is not None:
            raise PostgresError("this PostgreSQL server is running already")
        # Between our look for a free port and the server's use of it somebody else can take it.
        for _ in range(5):
            port = self._port or _free_port()
            if self._started(port):
                self._port = port
                return
        raise PostgresError(f"PostgreSQL did not start:\n{log_end(self.log)}")

    def stop(self) -> None:
        """Stops the server, ending its connections; nothing if it is not running."""
        self._end(signal.SIGINT)  # its "fast" shutdown

    def kill(self) -> None:
        """Ends every process of the server at once, as a crash would (SIGKILL)."""
        children = _children(self._process.pid) if self._process else []
        self._end(signal.SIGKILL)
        # Each child leaves the postmaster's process group, and would notice its end only later.
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def create_role(self, name: str) -> None:
        """Makes a role that may log in and nothing else, unless there is one of the name."""
        self._execute(
            f"DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
        )

    def create_database(self, order_of: str = "") -> str:
        """Makes an empty database with a name of its own, and returns the name.

        `order_of`: the locale by which texts are put in order, else by their bytes.
        """
        name = f"test_{next(self._databases)}"
        locale = f" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{order_of}' LOCALE 'C'"
        self._execute(f"CREATE DATABASE {name}" + (locale if order_of else ""))
        return name

    def drop_database(self, name: str) -> None:
        """Removes a database, ending the connections that were left in it."""
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(
                host=HOST, port=self._port, user=SUPERUSER, database="postgres"
            )
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        _in_a_loop_of_its_own(run)

    def _started(self, port: int) -> bool:
        settings = (
            f"port={port}",
            f"listen_addresses={HOST}",
            "unix_socket_directories=",
            "max_connections=200",
            "timezone=UTC",
            *self._settings,
        )
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    *(str(self._binaries / "postgres"), "-D", str(self._data)),
                    *itertools.chain.from_iterable(("-c", setting) for setting in settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                # A session of its own: Ctrl-C is for who started us, who then stops us in order.
                start_new_session=True,
                **self._account.as_popen(),
            )
        deadline = time.monotonic() + STARTUP
        while process.poll() is None:
            if self._ready(process.pid):
                self._process = process
                return True
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                break
            time.sleep(0.01)
        return False

    def _ready(self, pid: int) -> bool:
        """Whether the postmaster says so in its own pid file, as pg_ctl reads it.

        The first line is the process, the eighth the state; what a killed server left there
        speaks of another process.
        """
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        end(process, how, SHUTDOWN)


def _children(pid: int) -> list[int]:
    """The children of a process, as Linux lists them; none where there is no such list."""
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _in_a_loop_of_its_own(work: Callable[[], Awaitable[T]]) -> T:
    """Runs async work from a plain fixture, beside whatever loop the test itself has."""

    async def run() -> T:
        return await work()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()
