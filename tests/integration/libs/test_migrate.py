"""`python -m libs.db migrate`: the databases of all services by one command."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from libs.db.__main__ import WrongWords, chosen, migrate, migrations_of
from libs.db.engine import Database
from libs.db.migrations import SchemaMismatch
from libs.domain.errors import Unavailable
from tests.support.postgres import PostgresServer
from tools.dev.child import ROOT
from tools.dev.issuer import SERVICES


async def _check(service: str, url: str) -> None:
    database = Database.open(url)
    try:
        await migrations_of(service).check(database)
    finally:
        await database.close()


def _run(*words: str, **urls: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LATCHKEY_")}
    environment |= {f"LATCHKEY_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    return subprocess.run(
        [sys.executable, "-m", "libs.db", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_migrates_every_service_on_either_kind_of_database(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """All that the environment names, twice without harm; each service would start on its own."""
    kinds = {name: f"sqlite:///{tmp_path / name}.db" for name in SERVICES}
    databases = {name: postgres_server.create_database() for name in SERVICES}
    try:
        for urls in (
            kinds,
            {name: postgres_server.url(found) for name, found in databases.items()},
        ):
            with pytest.raises(SchemaMismatch):
                await _check("policy", urls["policy"])
            await migrate(urls)
            await migrate(urls)
            for service, url in urls.items():
                await _check(service, url)
    finally:
        for found in databases.values():
            postgres_server.drop_database(found)


async def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    """Each service with its version, those named only; and sentences for what is wrong."""
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("policy", "requests")}
    ended = _run("migrate", "policy", **urls)
    newest = migrations_of("policy").newest
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"policy: {newest}\n", "")
    assert not (tmp_path / "requests.db").exists()

    ended = _run("migrate", nothing="sqlite:///x.db")
    assert (ended.returncode, ended.stderr) == (2, "nothing: there is no such service\n")
    ended = _run("migrate", policy="postgresql+asyncpg://a:s3cret@127.0.0.1:1/c")
    assert ended.returncode == 1
    assert ended.stderr.startswith("policy: the database does not answer")
    assert "s3cret" not in ended.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "python -m libs.db migrate"),
        (["upgrade"], "python -m libs.db migrate"),
        (["migrate"], "no database is given"),
        (["migrate", "policy"], "LATCHKEY_POLICY_DATABASE_URL is not set"),
    ],
)
def test_refuses_what_can_not_be_meant(words: list[str], problem: str) -> None:
    """And names the setting; the settings of a service itself are none of its own."""
    with pytest.raises(WrongWords, match=problem):
        chosen(words, {"LATCHKEY_DATABASE_URL": "sqlite:///x.db"})


async def test_does_not_touch_what_it_can_not_know(database_url: str) -> None:
    """A database of a later version stays as it is; neither does a service start on it."""
    await migrate({"policy": database_url})
    database = Database.open(database_url)
    try:
        later = text("UPDATE alembic_version SET version_num = '9999'")
        await database.write(lambda connection: connection.execute(later))
    finally:
        await database.close()
    with pytest.raises(SchemaMismatch, match="9999"):
        await migrate({"policy": database_url})
    with pytest.raises(SchemaMismatch, match="9999"):
        await _check("policy", database_url)


async def test_service_waits_for_who_migrates(database_url: str) -> None:
    """With patience a start goes on when the database is brought to the newest version beside it;
    without, or when nobody does, it is refused; a later version is refused at once."""
    database = Database.open(database_url)
    migrations = migrations_of("policy")
    try:
        with pytest.raises(SchemaMismatch, match="none"):
            await migrations.check(database, 0.2)
        waiting = asyncio.create_task(migrations.check(database, 60))
        await asyncio.sleep(0)
        await migrate({"policy": database_url})
        await waiting
        later = text("UPDATE alembic_version SET version_num = '9999'")
        await database.write(lambda connection: connection.execute(later))
        async with asyncio.timeout(10):
            with pytest.raises(SchemaMismatch, match="9999"):
                await migrations.check(database, 60)
    finally:
        await database.close()


async def test_a_url_that_is_none_keeps_its_password() -> None:
    """What is wrong is named, and nothing of the URL is."""
    with pytest.raises(WrongWords, match=r"^LATCHKEY_POLICY_DATABASE_URL: it is not") as wrong:
        await migrate({"policy": "postgresql+asyncpg://a:s3cret@b:port/c"})
    assert "s3cret" not in str(wrong.value)
    with pytest.raises(Unavailable):
        await migrate({"policy": "sqlite:////nowhere/at/all.db"})


@pytest.mark.parametrize("service", SERVICES)
def test_the_newest_version_is_in_the_name_of_a_file(service: str) -> None:
    """Each file's name begins with the version it brings; so a start reads names, and no files."""
    migrations = migrations_of(service)
    scripts = ScriptDirectory.from_config(migrations.config)
    assert migrations.newest == scripts.get_current_head()
    for script in scripts.walk_revisions():
        assert Path(script.path).name[:4] == script.revision


_MIGRATING = """
import sys
from importlib import import_module

for service in sys.argv[1].split():
    metadata = import_module(f"services.{service}.store").MIGRATIONS.metadata
    known = set(metadata.tables)
    assert not any(name.startswith(f"services.{service}.domain") for name in sys.modules), service
    import_module(f"services.{service}.wiring")
    assert known == set(metadata.tables), service
"""
# A word that is none ends a service when it is loaded.
_SERVING = """
import contextlib, sys
from libs.process.entry import enter

services = sys.argv.pop().split()
for service in services:
    with contextlib.suppress(SystemExit):
        enter(f"services.{service}.wiring")
    assert f"services.{service}.servicers" in sys.modules, service
found = {"alembic", "sqlalchemy.orm", "sqlite3", "msal", "pygments", "rich.console", "click.core"}
assert not found & set(sys.modules), found & set(sys.modules)
"""


@pytest.mark.parametrize("code", [_MIGRATING, _SERVING])
def test_a_process_loads_what_it_needs(code: str) -> None:
    """Who migrates loads all tables and nothing else of a service; who serves, not what only
    migrating, signing in or a terminal needs."""
    command = [sys.executable, "-c", code, *(["no word"] if code == _SERVING else [])]
    done = subprocess.run(
        [*command, " ".join(SERVICES)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
