"""Policies of an older version of the service, after an upgrade and after a step back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import Connection, insert, text

from libs.db.engine import Database
from services.policy.domain.edit import Edit
from services.policy.domain.policy import Policy
from services.policy.store import MIGRATIONS
from services.policy.store.policies import StoredPolicies
from services.policy.store.tables import policy_versions
from tests.support.versions import filled, to_version
from tests.unit.policy.examples import ACCEPTING

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ["Manager approval", "APP OWNER approval", "app owner approval (BUILT IN)", "Mine"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of version 0001 with policies that people have made."""
    database = Database.open(database_url)
    await database.write(to_version(MIGRATIONS, "0001"))
    made = [
        {"policy_id": f"pol_{number}", "version": 1, "create_time": NOW}
        for number in range(len(NAMES))
    ]
    await database.write(
        filled(
            {
                "policies": [
                    {
                        **each,
                        "display_name": name,
                        "folded_name": name.casefold(),
                        "description": f"About {name}",
                        "built_in": False,
                    }
                    for each, name in zip(made, NAMES, strict=True)
                ],
                "policy_versions": [
                    {**each, "content": ACCEPTING.to_json(), "digest": ACCEPTING.digest}
                    for each in made
                ],
            }
        )
    )
    yield database
    await database.close()


async def _found(policies: StoredPolicies, policy_id: str) -> Policy:
    found = await policies.get(policy_id)
    assert found is not None
    return found


async def test_policies_of_people_keep_their_names(database: Database) -> None:
    """A built-in policy whose name somebody has taken gets a longer one; versions have the names
    that they had."""
    await MIGRATIONS.apply(database)
    policies = StoredPolicies(database)
    for number, name in enumerate(NAMES):
        found = await _found(policies, f"pol_{number}")
        assert (found.display_name, found.description) == (name, f"About {name}")
        assert (found.built_in, found.content, found.delete_time) == (False, ACCEPTING, None)
    names = {
        policy_id: (await _found(policies, policy_id)).display_name
        for policy_id in ("pol_manager", "pol_app_owner", "pol_manager_then_app_owner")
    }
    assert names == {
        "pol_manager": "Manager approval (built in)",
        "pol_app_owner": "App owner approval (built in 2)",
        "pol_manager_then_app_owner": "Manager then app owner",
    }
    # The next version may be called otherwise; this one is called as it was.
    first = await _found(policies, "pol_3")
    second = first.changed({"display_name": "Yours"}, NOW)
    await _write(database, policies, Edit(first, second))
    assert await policies.version("pol_3", 1) == first


async def _write(database: Database, policies: StoredPolicies, *edits: Edit) -> None:
    def work(connection: Connection) -> None:
        for write in policies.edited(edits):
            connection.execute(write.statement)  # type: ignore[attr-defined]

    await database.write(work)


async def test_version_before_can_write_meanwhile(database: Database) -> None:
    """A policy that a replica of the version before creates while the service is upgraded is there,
    with its name."""
    await MIGRATIONS.apply(database)
    values = {"policy_id": "pol_old", "version": 1, "create_time": NOW}
    await database.write(
        filled(
            {
                "policies": [
                    {
                        **values,
                        "display_name": "Old",
                        "folded_name": "old",
                        "description": "Of old.",
                        "built_in": False,
                    }
                ]
            }
        )
    )
    version = {**values, "content": ACCEPTING.to_json(), "digest": ACCEPTING.digest}
    await database.write(lambda connection: connection.execute(insert(policy_versions), [version]))
    found = await _found(StoredPolicies(database), "pol_old")
    assert (found.display_name, found.description) == ("Old", "Of old.")


async def test_step_back_loses_nothing(database: Database) -> None:
    """The version before finds every policy of people, those that were deleted under names that
    nobody uses, and can be upgraded again."""
    await MIGRATIONS.apply(database)
    policies = StoredPolicies(database)
    mine = await _found(policies, "pol_3")
    await _write(database, policies, Edit.deletion(mine, NOW))

    def back(connection: Connection) -> None:
        MIGRATIONS.config.attributes["connection"] = connection
        command.downgrade(MIGRATIONS.config, "0001")

    await database.migrate(back)
    query = text("SELECT policy_id, display_name, folded_name FROM policies ORDER BY policy_id")
    rows = await database.read(lambda connection: connection.execute(query).all())
    assert [tuple(row) for row in rows] == [
        *((f"pol_{n}", NAMES[n], NAMES[n].casefold()) for n in range(3)),
        ("pol_3", "Mine (pol_3)", "pol_3"),
        ("pol_auto_approve", "Auto-approve", "auto-approve"),
    ]
    await MIGRATIONS.apply(database)
    assert (await _found(policies, "pol_3")).display_name == "Mine (pol_3)"
