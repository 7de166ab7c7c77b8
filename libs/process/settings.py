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

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

PREFIX = "LATCHKEY_"
FILE_KEY = "SETTINGS_FILE"


class SettingsError(Exception):
    """The settings can't be meant as they are."""


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    # gRPC takes 70000 for 4464, and a name without a port for one with 443.
    if not host or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise PydanticCustomError("address", "must be host:port, the port at most 65535")
    return value


def _nats_url(value: str) -> str:
    try:
        url = urlsplit(value)
        right = url.scheme in ("nats", "tls") and url.hostname is not None and url.port != 0
    except ValueError:
        right = False
    if not right:
        raise PydanticCustomError("nats_url", "must be nats://host:port or tls://host:port")
    return value


Address = Annotated[str, AfterValidator(_address)]


def with_token_file(value: str | None, info: ValidationInfo) -> str | None:
    """The address of another service, for a service that can do without: it is given together with
    the `token_file` that the settings have before it, or neither is."""
    if "token_file" in info.data and (value is None) != (info.data["token_file"] is None):
        raise PydanticCustomError(
            "together", f"is given together with {PREFIX}TOKEN_FILE, or neither is"
        )
    return value


class Settings(BaseModel):
    """What every service needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Address
    """host:port of the gRPC server. It is plaintext: a host that others reach needs a network that
    nobody else is in."""
    database_url: str = Field(pattern=r"^(sqlite:///|postgresql\+asyncpg://)")
    """`sqlite:///path` or `postgresql+asyncpg://user:password@host:port/name`."""
    nats_url: Annotated[str, AfterValidator(_nats_url)]
    """`nats://host:port`."""
    jwks_file: Path
    """The issuer's public keys."""
    issuer: str = Field(min_length=1)
    """Who must have issued a token."""
    audience: str = Field(default="latchkey", min_length=1)
    """Whom a token must be for."""
    audit_key_file: Path
    """The private key that heads of the audit chain are signed with, Ed25519 as PEM; the public
    keys of former ones may follow in it. Read again when it is used."""
    database_role: str | None = Field(default=None, min_length=1, max_length=63)
    """The PostgreSQL role that the service runs as, where another one migrates: a migration then
    grants it what it needs and no more."""
    migrate: bool = False
    """Whether to bring the database to the newest version at start."""
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
