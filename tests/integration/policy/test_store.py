"""The tables of the policy service, and the port over them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import AuditEntry, Change, Write
from libs.domain.paging import PageRequest
from services.policy.domain.content import Content, Rule
from services.policy.domain.policy import AUTO_APPROVE, Policy
from services.policy.domain.steps import Accept, Reject
from services.policy.ports import Policies
from services.policy.store import MIGRATIONS
from services.policy.store.policies import StoredPolicies
from services.policy.store.tables import metadata
from tests.fakes.policy import FakePolicies
from tests.unit.policy.examples import ACCEPTING, NOW, PERSON, policy


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the policy service."""
    database = Database.open(database_url)
    await MIGRATIONS.apply(database)
    yield database
    await database.close()


async def test_migrations_make_the_tables(database: Database) -> None:
    """Migrations and table definitions are the same, and applying them again is harmless."""
    await MIGRATIONS.apply(database)
    await MIGRATIONS.check(database)
    differences = await database.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": False}), metadata
        )
    )
    assert differences == []


async def test_built_in_policy_is_what_the_code_says(database: Database) -> None:
    """The migration's text and digest of Auto-approve are those that the code computes."""
    found = await StoredPolicies(database).get(AUTO_APPROVE)
    assert found is not None
    assert found.content == ACCEPTING
    assert found.digest == ACCEPTING.digest
    assert found.built_in


async def _keep(policies: Policies, database: Database, writes: tuple[Write, ...]) -> None:
    if isinstance(policies, FakePolicies):
        policies.keep(Change(AuditEntry(PERSON, "policy.created", ""), writes))
        return
    for write in writes:
        assert isinstance(write, Guarded)

    def work(connection: object) -> None:
        for write in writes:
            connection.execute(write.statement)  # type: ignore[attr-defined]

    await database.write(work)


@pytest.mark.parametrize("real", [True, False], ids=["stored", "fake"])
async def test_port(database: Database, real: bool) -> None:
    """The stored policies and the fake ones do the same."""
    built_in = await StoredPolicies(database).get(AUTO_APPROVE)
    assert built_in is not None
    policies: Policies = StoredPolicies(database) if real else FakePolicies([built_in])
    content = Content(
        rules=(Rule("Ärger", "emergency\n&& true", (Reject("Nein ☂"),)),),
        baseline=(Accept("Willkommen"),),
    )
    first, second = (
        replace(
            policy(content, policy_id=f"pol_{name}", name=name),
            create_time=NOW + timedelta(days=20000, seconds=seconds),
        )
        for name, seconds in (("b", 1), ("a", 1))
    )
    await _keep(policies, database, policies.added(first))
    await _keep(policies, database, policies.added(second))

    assert await policies.get("pol_b") == first
    assert await policies.get("pol_c") is None
    assert await policies.has_name("B")
    assert not await policies.has_name("c")

    seen: list[Policy] = []
    token = ""
    for _ in range(3):
        page = await policies.page(PageRequest(1, token, ("policies",)))
        seen += page.items
        token = page.next_page_token
    assert token == ""
    assert seen == [built_in, second, first]
