"""Settings from the environment and from a file, with unknown keys refused.

`LATCHKEY_<KEY>` in the environment, or `<key>` in the TOML file that `LATCHKEY_SETTINGS_FILE`
names; the environment wins. A key that the service does not know is an error, since a misspelt
one would otherwise be a default that nobody chose.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from libs.process.trust import PREFIX, Address, SettingsError, Trust

__all__ = ["PREFIX", "Address", "Settings", "SettingsError", "load"]

FILE_KEY = "SETTINGS_FILE"


def _nats_url(value: str) -> str:
    try:
        url = urlsplit(value)
        right = url.scheme in ("nats", "tls") and url.hostname is not None and url.port != 0
    except ValueError:
        right = False
    if not right:
        raise PydanticCustomError("nats_url", "must be nats://host:port or tls://host:port")
    return value


class Settings(Trust):
    """What every service needs."""

    database_url: str = Field(pattern=r"^(sqlite:///|postgresql\+asyncpg://)")
    """`sqlite:///path` or `postgresql+asyncpg://user:password@host:port/name`."""
    nats_url: Annotated[str, AfterValidator(_nats_url)]
    """`nats://host:port`, or `tls://host:port`."""
    nats_password_file: Path | None = None
    """The password of this service's user of NATS, which is called as the service is. Without one
    the broker must let anybody in: a development house only."""
    nats_ca_file: Path | None = None
    """Who may have signed the certificate of NATS, in PEM; whom the system trusts if not given."""
    audit_key_file: Path
    """The private key that heads of the audit chain are signed with, Ed25519 as PEM; the public
    keys of former ones may follow in it. Read again when it is used."""
    database_role: str | None = Field(default=None, min_length=1, max_length=63)
    """The PostgreSQL role that the service runs as, where another one migrates: a migration then
    grants it what it needs and no more."""
    migrate: bool = False
    """Whether to bring the database to the newest version at start."""
    schema_seconds: float = Field(default=0.0, ge=0, le=3600)
    """How long the start waits for somebody else to bring the database to the newest version. One
    in a version that this code does not know is refused at once."""
    calls_per_second: float = Field(default=50.0, gt=0, le=1_000_000)
    """How many calls one person may make a second, on the long run; twice as many in a moment."""
    calls_at_once: int = Field(default=128, ge=8, le=100_000)
    """How many calls of people are answered at once; services have as many places of their own."""
    log_format: Literal["json", "console"] = "json"
    """`json` or `console`."""


S = TypeVar("S", bound=Settings)


def load(kind: type[S], environment: dict[str, str] | None = None) -> S:
    """Reads settings.

    Raises:
        SettingsError: a key is unknown, missing or wrong; names it and where it stands.
    """
    environment = dict(os.environ if environment is None else environment)
    found = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX)
    }
    values: dict[str, Any] = {}
    if file := found.pop(FILE_KEY.lower(), None):
        try:
            values = tomllib.loads(Path(file).read_text())
        except (OSError, ValueError) as error:
            raise SettingsError(f"{PREFIX}{FILE_KEY}: {file}: {error}") from error
    origins = {**dict.fromkeys(values, file), **dict.fromkeys(found, "the environment")}
    try:
        return kind.model_validate({**values, **found})
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_url=False, include_input=False):
            if not problem["loc"]:
                # What several settings make together names them itself.
                problems.append(problem["msg"])
                continue
            key = ".".join(str(part) for part in problem["loc"])
            origin = origins.get(key.split(".")[0])
            known = ", ".join(sorted(PREFIX + name.upper() for name in kind.model_fields))
            text = (
                f"is not a setting of this service; its settings are {known}"
                if problem["type"] == "extra_forbidden"
                else problem["msg"]
            )
            where = f" (from {origin})" if origin else ""
            problems.append(f"{PREFIX}{key.upper()}{where}: {text}")
        raise SettingsError("\n".join(problems)) from error
