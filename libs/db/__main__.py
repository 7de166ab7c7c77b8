"""`python -m libs.db migrate` brings the databases of services to the newest versions.

Each database is in the environment, as `LATCHKEY_<SERVICE>_DATABASE_URL`, where its password is
seen by nobody else. Where the service runs as another role than the one that migrates, so that it
can't change audit records, `LATCHKEY_<SERVICE>_DATABASE_ROLE` names that one: it is granted what
the service needs. Without more words all databases are migrated, one after the other; with names of
services, these. It ends with status 2 for what somebody has to put right, 1 for a database that
does not answer; those before it are migrated then, and it may be run again.
"""

import asyncio
import gc
import importlib
import os
import re
import sys
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import ArgumentError

from libs.db.engine import Database
from libs.db.grants import WrongRole
from libs.db.migrations import Migrations, SchemaMismatch
from libs.domain.errors import Unavailable

# Libraries import no service. Which there are is found when it is asked for, by name.
_STORE = "services.{}.store"
_KEY = "LATCHKEY_{}_DATABASE_{}"
_USAGE = "python -m libs.db migrate [service …]"


class WrongWords(Exception):
    """What was asked for can't be done; says why."""


def chosen(words: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The URLs of the databases to migrate, by service.

    Raises:
        WrongWords: the words are others, or a service has no database, or there are none at all.
    """
    if not words or words[0] != "migrate":
        raise WrongWords(_USAGE)
    urls = named(environment, "URL")
    names = list(dict.fromkeys(words[1:])) or list(urls)
    if not names:
        raise WrongWords("no database is given: set LATCHKEY_<SERVICE>_DATABASE_URL")
    for name in names:
        if name not in urls:
            raise WrongWords(f"LATCHKEY_{name.upper()}_DATABASE_URL is not set")
    return {name: urls[name] for name in names}


def named(environment: Mapping[str, str], what: str) -> dict[str, str]:
    """The `URL` or `ROLE` of each service's database that the environment names."""
    pattern = re.compile(_KEY.format("([A-Z]+)", what))
    return {
        match[1].lower(): value
        for key, value in sorted(environment.items())
        if (match := pattern.fullmatch(key))
    }


def migrations_of(service: str) -> Migrations:
    """The migrations of a service.

    Raises:
        WrongWords: there is no such service.
    """
    store = _STORE.format(service)
    try:
        found: Migrations = importlib.import_module(store).MIGRATIONS
    except ModuleNotFoundError as error:
        if error.name is None or not f"{store}.".startswith(f"{error.name}."):
            raise
        raise WrongWords(f"{service}: there is no such service") from error
    return found


async def migrate(urls: Mapping[str, str], roles: Mapping[str, str] | None = None) -> None:
    """Migrates the databases, by service, grants the roles that are given what their services need,
    and says of each database which version it is in.

    Raises:
        WrongWords: there is no such service, or a URL is none.
        WrongRole: a role can't be held to that.
        SchemaMismatch: a database is in a version that this code does not know.
        Unavailable: a database does not answer.
    """
    every = {service: migrations_of(service) for service in urls}
    for service, migrations in every.items():
        try:
            database = Database.open(urls[service])
        except (ArgumentError, ValueError) as error:
            # Their texts hold pieces of the URL, and it holds a password.
            key = _KEY.format(service.upper(), "URL")
            raise WrongWords(f"{key}: it is not the URL of a database") from error
        try:
            await migrations.apply(database, (roles or {}).get(service))
        except (SchemaMismatch, WrongRole, Unavailable) as error:
            sys.stderr.write(f"{service}: ")
            raise error
        finally:
            await database.close()
        sys.stdout.write(f"{service}: {migrations.newest}\n")
        sys.stdout.flush()


def main() -> None:
    """From the words to the end of the process."""
    # What is loaded stays until then: looking for garbage in it would take a fifth of the time,
    # most of that at the end, while services wait.
    gc.disable()
    try:
        asyncio.run(migrate(chosen(sys.argv[1:], os.environ), named(os.environ, "ROLE")))
    except (WrongWords, WrongRole, SchemaMismatch) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
