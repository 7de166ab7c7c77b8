"""Settings from the environment and from a file, with unknown keys refused.

`LATCHKEY_<KEY>` in the environment, or `<key>` in the TOML file that `LATCHKEY_SETTINGS_FILE`
names; the environment wins. A key that the service does not know is an error, since a misspelt
one would otherwise be a default that nobody chose.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints
from urllib.parse import urlsplit

from libs.process.trust import PREFIX, Address, SettingsError, Trust
from libs.process.values import Unfit, any_text, number, reader_of, text

__all__ = ["PREFIX", "Address", "Settings", "SettingsError", "load"]

FILE_KEY = "SETTINGS_FILE"


def _nats_url(value: object) -> str:
    found: str = any_text(value)
    try:
        url = urlsplit(found)
        right = url.scheme in ("nats", "tls") and url.hostname is not None and url.port != 0
    except ValueError:
        right = False
    if not right:
        raise Unfit("must be nats://host:port or tls://host:port")
    return found


_DATABASE = text(
    r"(sqlite:///|postgresql\+asyncpg://).*",
    must="must begin with sqlite:/// or postgresql+asyncpg://",
)

_ROLE = text(least=1, most=63, must="must be the name of a role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Trust):
    """What every service needs."""

    database_url: Annotated[str, _DATABASE]
    """`sqlite:///path` or `postgresql+asyncpg://user:password@host:port/name`."""
    nats_url: Annotated[str, _nats_url]
    """`nats://host:port`, or `tls://host:port`."""
    nats_password_file: Path | None = None
    """The password of this service's user of NATS, which is called as the service is. Without one
    the broker must let anybody in: a development house only."""
    nats_ca_file: Path | None = None
    """Who may have signed the certificate of NATS, in PEM; whom the system trusts if not given."""
    audit_key_file: Path
    """The private key that heads of the audit chain are signed with, Ed25519 as PEM; the public
    keys of former ones may follow in it. Read again when it is used."""
    database_role: Annotated[str, _ROLE] | None = None
    """The PostgreSQL role that the service runs as, where another one migrates: a migration then
    grants it what it needs and no more."""
    migrate: bool = False
    """Whether to bring the database to the newest version at start."""
    schema_seconds: Annotated[float, number(at_least=0, at_most=3600)] = 0.0
    """How long the start waits for somebody else to bring the database to the newest version. One
    in a version that this code does not know is refused at once."""
    calls_per_second: Annotated[float, number(above=0, at_most=1_000_000)] = 50.0
    """How many calls one person may make a second, on the long run; twice as many in a moment."""
    calls_at_once: Annotated[int, number(at_least=8, at_most=100_000, whole=True)] = 128
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
    values.update(found)
    origins = {**dict.fromkeys(values, file), **dict.fromkeys(found, "the environment")}
    settings, problems = _read(kind, values, origins)
    if settings is not None:
        problems = settings.problems(values)
    if settings is None or problems:
        raise SettingsError("\n".join(problems))
    return settings


def _read(
    kind: type[S], values: Mapping[str, object], origins: Mapping[str, str | None]
) -> tuple[S | None, list[str]]:
    """The settings with these values, or everything that is wrong with them."""
    known = {each.name: each for each in fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    right: dict[str, Any] = {}
    problems = []
    for name, each in known.items():
        key = PREFIX + name.upper()
        if name in values:
            try:
                right[name] = reader_of(hints[name])(values[name])
            except Unfit as error:
                problems.append(f"{key} (from {origins[name]}): {error}")
        elif each.default is MISSING:
            problems.append(f"{key}: Field required")
    names = ", ".join(sorted(PREFIX + name.upper() for name in known))
    problems += [
        f"{PREFIX}{name.upper()} (from {origins[name]}): "
        f"is not a setting of this service; its settings are {names}"
        for name in values
        if name not in known
    ]
    return (None if problems else kind(**right)), problems
