"""The tables of the policy service, and the port over them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import AuditEntry, Change
from libs.domain.paging import PageRequest
from services.policy.domain.content import Content, Rule
from services.policy.domain.edit import Edit
from services.policy.domain.policy import AUTO_APPROVE, Policy
from services.policy.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Escalate,
    Manager,
    Reject,
    TimeLimit,
)
from services.policy.expressions import CelExpressions
from services.policy.handlers.checked_content import problems_of, saved
from services.policy.ports import Policies
from services.policy.store import MIGRATIONS
from services.policy.store.policies import StoredPolicies
from services.policy.store.tables import metadata
from tests.fakes.policy import FakePolicies
from tests.support.migrated import migrated
from tests.unit.policy.examples import ACCEPTING, NOW, PERSON, policy


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the policy service."""
    async with migrated(database_url, MIGRATIONS) as database:
        yield database


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


MANAGER = Approval(Manager(), fallback=AppOwners())
BUILT_IN = {
    AUTO_APPROVE: ("Auto-approve", ACCEPTING),
    "pol_manager": ("Manager approval", Content((), (MANAGER,))),
    "pol_app_owner": ("App owner approval", Content((), (Approval(AppOwners()),))),
    "pol_manager_then_app_owner": (
        "Manager then app owner",
        Content((), (MANAGER, Approval(AppOwners(), distinct=True))),
    ),
}


async def test_built_in_policies_are_what_the_code_says(database: Database) -> None:
    """The migrations' texts and digests of them are those that the code computes, and nothing of
    them would be refused."""
    policies = StoredPolicies(database)
    for policy_id, (name, content) in BUILT_IN.items():
        found = await policies.get(policy_id)
        assert found is not None
        assert (found.display_name, found.content, found.digest, found.built_in) == (
            name,
            content,
            content.digest,
            True,
        )
        assert found.description
        assert found == await policies.version(policy_id, 1)
        assert await problems_of(content, policy_id, CelExpressions(), saved(policies)) == ()


async def _keep(policies: Policies, database: Database, *edits: Edit) -> None:
    writes = policies.edited(edits)
    if isinstance(policies, FakePolicies):
        policies.keep(Change(AuditEntry(PERSON, "policy.created", ""), writes))
        return

    def work(connection: Connection) -> None:
        for write in writes:
            assert isinstance(write, Guarded)
            result = connection.execute(write.statement)
            assert write.expects in (None, result.rowcount), "it is stale"

    await database.write(work)


def _escalating(policy_id: str) -> Content:
    limit = TimeLimit(timedelta(hours=1), Escalate(policy_id))
    return Content((), (Approval(Manager(), time_limit=limit),))


@pytest.mark.parametrize("real", [True, False], ids=["stored", "fake"])
async def test_port(database: Database, real: bool) -> None:
    """The stored policies and the fake ones do the same."""
    stored = StoredPolicies(database)
    built_in = [each for id in BUILT_IN if (each := await stored.get(id)) is not None]
    policies: Policies = stored if real else FakePolicies([*built_in])
    content = Content(
        rules=(Rule("Ärger", "emergency\n&& true", (Reject("Nein ☂"),)),),
        baseline=(Accept("Willkommen"),),
    )
    first, second = (
        replace(
            policy(made, policy_id=f"pol_{name}", name=name),
            create_time=NOW + timedelta(days=20000, seconds=1),
        )
        for name, made in (("b", content), ("a", _escalating("pol_b")))
    )
    # The first one escalates to what comes behind it.
    await _keep(policies, database, Edit(None, second), Edit(None, first))

    assert await policies.get("pol_b") == first
    assert await policies.get("pol_c") is None
    assert await policies.named(["B", "c", "b"]) == (first,)
    assert await policies.names(["pol_b", "pol_c"]) == {"pol_b": "b"}
    assert await policies.escalating_to("pol_b", 5) == (second,)

    seen: list[Policy] = []
    token, pages = "", 0
    while token or not pages:
        page = await policies.page(PageRequest(2, token, ("policies",)))
        seen += page.items
        token, pages = page.next_page_token, pages + 1
    assert [each.policy_id for each in seen[:4]] == sorted(
        BUILT_IN, key=lambda id: next((b.create_time, id) for b in built_in if b.policy_id == id)
    )
    assert seen[4:] == [second, first]

    later = NOW + timedelta(days=20001)
    mark = await policies.mark() if isinstance(policies, FakePolicies) else ""
    renamed = first.changed({"display_name": "B", "description": "New."}, later)
    settled = second.changed({"content": content}, later)
    await _keep(policies, database, Edit(first, renamed), Edit(second, settled))
    if isinstance(policies, FakePolicies):
        assert await policies.mark() != mark
    assert await policies.get("pol_b") == renamed
    assert await policies.version("pol_b", 1) == first
    assert await policies.escalating_to("pol_b", 5) == ()

    gone = Edit.deletion(renamed, later)
    await _keep(policies, database, gone)
    assert await policies.get("pol_b") is None
    assert await policies.named(["b"]) == ()
    assert await policies.names(["pol_b"]) == {}
    assert await policies.version("pol_b", 2) == gone.after
    assert await policies.version("pol_b", 3) is None
    versions = await policies.versions("pol_b", PageRequest(1, "", ("versions",)))
    assert versions is not None
    assert versions.items == (gone.after,)
    token = versions.next_page_token
    rest = await policies.versions("pol_b", PageRequest(1, token, ("versions",)))
    assert rest is not None
    assert (rest.items, rest.next_page_token) == ((replace(first, delete_time=later),), "")
    assert await policies.versions("pol_c", PageRequest(1, "", ("versions",))) is None
    page = await policies.page(PageRequest(50, "", ("policies",)))
    assert "pol_b" not in [each.policy_id for each in page.items]
    # Its name is free.
    again = replace(first, policy_id="pol_c")
    await _keep(policies, database, Edit(None, again))
    assert await policies.named(["b"]) == (again,)


async def test_what_is_stale_is_not_written(database: Database) -> None:
    """A version that is not the current one, a policy that is gone, one that another escalates to
    meanwhile, a target that is gone: none of it is written."""
    policies = StoredPolicies(database)
    first = policy(policy_id="pol_b", name="b")
    await _keep(policies, database, Edit(None, first))
    second = first.changed({"description": "Two."}, NOW)
    await _keep(policies, database, Edit(first, second))
    user = policy(_escalating("pol_b"), policy_id="pol_a", name="a")
    lost = policy(_escalating("pol_gone"), policy_id="pol_d", name="d")
    stale = [
        [Edit(first, second)],
        [Edit.deletion(first, NOW)],
        [Edit(None, user), Edit.deletion(second, NOW)],
        [Edit(None, lost)],
    ]
    for edits in stale:
        with pytest.raises(AssertionError, match="it is stale"):
            await _keep(policies, database, *edits)
    assert await policies.get("pol_b") == second
    # A circle of three, of which nobody saw more than a part.
    await _keep(policies, database, Edit(None, user))
    last = policy(_escalating("pol_a"), policy_id="pol_c", name="c")
    await _keep(policies, database, Edit(None, last))
    back = second.changed({"content": _escalating("pol_c")}, NOW)
    with pytest.raises(AssertionError, match="it is stale"):
        await _keep(policies, database, Edit(second, back))
    await _keep(policies, database, Edit.deletion(last, NOW), Edit.deletion(user, NOW))
    await _keep(policies, database, Edit.deletion(second, NOW))
    other = policy(_escalating("pol_b"), policy_id="pol_e", name="e")
    for edits in ([Edit.deletion(second, NOW)], [Edit(None, other)]):
        with pytest.raises(AssertionError, match="it is stale"):
            await _keep(policies, database, *edits)
