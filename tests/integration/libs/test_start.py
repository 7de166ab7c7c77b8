"""How a service that can't begin says why."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from libs.db.__main__ import migrations_of
from libs.db.engine import Database
from tests.support.issuer import TestIssuer
from tools.dev.child import ROOT
from tools.dev.issuer import SERVICES

# What a service can't begin without, besides that.
_MORE = {
    "connector": ("TOKEN_FILE", "CATALOG_ADDRESS", "REQUESTS_ADDRESS", "SECRETS_DIR"),
    "requests": ("TOKEN_FILE", "CATALOG_ADDRESS", "POLICY_ADDRESS", "CONNECTOR_ADDRESS"),
}


def _start(
    folder: Path, *words: str, service: str = "policy", **settings: str
) -> subprocess.CompletedProcess[str]:
    issuer = TestIssuer(folder / "issuer")
    usual = {
        "IDENTITY": "dev_house",
        "LISTEN": "127.0.0.1:0",
        "DATABASE_URL": f"sqlite:///{folder / 'a.db'}",
        "NATS_URL": "nats://127.0.0.1:1",
        "JWKS_FILE": str(issuer.jwks_file),
        "AUDIT_KEY_FILE": str(issuer.audit_key_file(service)),
        "ISSUER": issuer.issuer,
        "MIGRATE": "true",
    }
    for key in _MORE.get(service, ()):
        usual[key] = "127.0.0.1:1" if key.endswith("_ADDRESS") else str(folder)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LATCHKEY_")}
    environment |= {f"LATCHKEY_{key}": value for key, value in (usual | settings).items()}
    return subprocess.run(
        [sys.executable, "-m", f"services.{service}", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "status", "says"),
    [
        ({"MIGRATE": "false"}, 2, "the database is at version none, this service needs 0003"),
        ({"DATABASE_URL": "postgresql+asyncpg://a:s3cret@b:port/c"}, 2, "LATCHKEY_DATABASE_URL: "),
        ({"DATABASE_URL": "postgresql+asyncpg://a:s3cret@127.0.0.1:1/c"}, 1, "the database does"),
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.db"}, 1, "the database does not answer"),
        ({"JWKS_FILE": "/nowhere"}, 2, "LATCHKEY_JWKS_FILE: it holds no keys"),
        (
            {"LISTEN": "0.0.0.0:0"},
            2,
            "LATCHKEY_LISTEN: 0.0.0.0:0 is not on the loopback; LATCHKEY_ID",
        ),
        ({"IDENTITY": "entra"}, 2, "LATCHKEY_JWKS_FILE: means nothing where LATCHKEY_IDENTITY is"),
        ({"LISTEN": "[::1%x]:1"}, 2, "LATCHKEY_LISTEN: [::1%x]:1: "),
        ({"AUDIT_KEY_FILE": "/nowhere"}, 2, "LATCHKEY_AUDIT_KEY_FILE: /nowhere: [Errno 2]"),
        ({"AUDIT_KEY_FILE": "/dev/null"}, 2, "LATCHKEY_AUDIT_KEY_FILE: /dev/null: it holds no"),
    ],
)
def test_ends_with_a_sentence(
    tmp_path: Path, settings: dict[str, str], status: int, says: str
) -> None:
    """The last line names the setting or what is away: status 2 for what somebody has to put
    right, 1 for what may come back; never a traceback, never a password."""
    ended = _start(tmp_path, **settings)
    assert ended.returncode == status, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(says)
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr


def test_takes_no_other_word_than_migrate(tmp_path: Path) -> None:
    """A word that is not known does nothing and ends with status 2."""
    assert _start(tmp_path, "migrate").returncode == 0
    ended = _start(tmp_path, "migrat")
    assert (ended.returncode, ended.stderr) == (2, "migrat: the only word taken is migrate\n")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_schema_that_it_does_not_know(tmp_path: Path, service: str) -> None:
    """Each service ends with status 2 before it serves: from a version of tomorrow, which it does
    not migrate either, and from an older one without leave to migrate; the tables stay as they
    were."""
    migrations = migrations_of(service)
    database = Database.open(f"sqlite:///{tmp_path / 'a.db'}")

    async def version(found: str) -> None:
        statement = text("UPDATE alembic_version SET version_num = :found")
        await database.write(lambda connection: connection.execute(statement, {"found": found}))

    async def kept() -> list[str]:
        tables = text("SELECT sql FROM sqlite_master UNION SELECT version_num FROM alembic_version")
        return await database.read(lambda c: list(c.execute(tables).scalars()))

    try:
        await migrations.apply(database)
        for found, migrate in (("9999", "true"), ("0000", "false")):
            await version(found)
            before = await kept()
            ended = await asyncio.to_thread(_start, tmp_path, service=service, MIGRATE=migrate)
            assert ended.returncode == 2, ended.stderr
            assert f"the database is at version {found}, " in ended.stderr.splitlines()[-1]
            assert migrations.newest in ended.stderr.splitlines()[-1]
            assert '"serving"' not in ended.stderr
            assert await kept() == before
    finally:
        await database.close()
