"""What a machine brings for a PostgreSQL server: its programs, and who may run them where."""

import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class PostgresMissing(Exception):
    """PostgreSQL is not installed on this machine. What needs it fails."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL's server is not installed: neither in the PATH nor under"
            " /usr/lib/postgresql or /usr/local/bin. Debian's package is `postgresql`:"
            " apt-get install --no-install-recommends postgresql"
        )


class PostgresForbidden(Exception):
    """Who runs us may not run PostgreSQL, and there is nobody to hand it to."""


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
class Account:
    """Who runs the server; nothing is set where that is who runs us."""

    user_id: int | None = None
    group_id: int | None = None

    def as_popen(self) -> dict[str, Any]:
        """What `Popen` is told, so that a program runs as this."""
        if self.user_id is None:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}


def account() -> Account:
    """Whoever runs us; of root the system's `postgres`, or `nobody`.

    Raises:
        PostgresForbidden: there is neither.
    """
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresForbidden(
        "root may not run PostgreSQL, and there is no user `postgres` or `nobody`"
    )


def folder_of(account: Account) -> Path:
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
