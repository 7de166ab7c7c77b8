"""A PostgreSQL server of one's own, from the system's binaries.

It runs as a child process on a free port of the loopback, in a temporary folder, and never as
root: PostgreSQL refuses that, so root hands it to the system's `postgres` user, or to `nobody`.
"""

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import asyncpg

T = TypeVar("T")

HOST: Final = "127.0.0.1"
STARTUP: Final = 30.0
SHUTDOWN: Final = 15.0

SUPERUSER: Final = "latchkey"

# What whoever kills nothing can do without: these only matter when a machine goes down.
_HASTY: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresMissing(Exception):
    """PostgreSQL is not installed on this machine. What needs it fails."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL's server is not installed: neither in the PATH nor under"
            " /usr/lib/postgresql or /usr/local/bin. Debian's package is `postgresql`:"
            " apt-get install --no-install-recommends postgresql"
        )


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
        self._account = _account()
        self._settings = () if durable else _HASTY
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = itertools.count(1)
        self._port = 0
        self.folder = _folder(self._account)
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
        raise PostgresError(f"PostgreSQL did not start:\n{self._log_end()}")

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
        process.send_signal(how)
        try:
            process.wait(SHUTDOWN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def find_binaries() -> Path:
    """The folder that holds PostgreSQL's server programs, the newest version first."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: float(path.parent.name) if path.parent.name.isdecimal() else 0.0,
        reverse=True,
    )
    on_path = shutil.which("initdb")
    # A link into the PATH is followed: initdb looks for its neighbours beside itself.
    first = [Path(on_path).resolve().parent] if on_path else []
    for folder in (*first, *versions, Path("/usr/local/bin"), Path("/usr/local/pgsql/bin")):
        if all((folder / program).exists() for program in ("initdb", "postgres")):
            return folder
    raise PostgresMissing


@dataclass(frozen=True)
class _Account:
    """Who runs the server; nothing is set where that is who runs us."""

    user_id: int | None = None
    group_id: int | None = None

    def as_popen(self) -> dict[str, Any]:
        if self.user_id is None:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError("root may not run PostgreSQL, and there is no user `postgres` or `nobody`")


def _folder(account: _Account) -> Path:
    """A folder of the server's own, which its user can reach: one of root's own is root's alone."""
    parents = [Path(tempfile.gettempdir()).resolve()]
    if account.user_id is not None:
        parents = [
            parent
            for parent in (*parents, Path("/tmp"), Path("/var/tmp"))
            if all(folder.stat().st_mode & 0o001 for folder in (parent, *parent.parents))
        ]
    folder = Path(tempfile.mkdtemp(prefix="latchkey-postgres-", dir=parents[0]))
    if account.user_id is not None:
        os.chown(folder, account.user_id, account.group_id or -1)
    return folder


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
