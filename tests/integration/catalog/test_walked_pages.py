"""Pages of rows that are gone through for those that are wanted, and how often that asks."""

from pathlib import Path

from sqlalchemy import delete, false, insert, select, true

from latchkey.catalog.v1 import app_catalog_pb2, entitlement_rules_pb2
from libs.db.engine import Database
from libs.domain.paging import PageRequest
from services.catalog.store.tables import directory_app_owners as table
from services.catalog.store.text import SCANNED_MOST, read_wanted
from tests.integration.catalog.plans import captured
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import manage, offer, root
from tests.integration.catalog.tenant import MARLOWE, sync


async def test_the_end_is_said_with_the_last_row(tmp_path: Path) -> None:
    """As many rows as are gone through are all of them; one more is behind another page. Only of
    those few the cheaper question is asked, and never from the middle of a list."""
    database = Database.open(f"sqlite:///{tmp_path / 'rows.db'}")
    key = (table.c.app_id, table.c.user_id)

    async def page(token: str = "") -> tuple[int, str]:
        asked = PageRequest(10, token, ())
        found = await database.read(
            lambda connection: read_wanted(
                connection, select(table), key, asked, (false(),), wanted_of_few=(true(),)
            )
        )
        return len(found.items), found.next_page_token

    rows = [{"app_id": "app", "user_id": f"{number:05}"} for number in range(SCANNED_MOST + 1)]
    await database.write(table.create)
    await database.write(lambda connection: connection.execute(insert(table), rows))
    found, token = await page()
    assert (found, bool(token)) == (0, True)
    assert await page(token) == (0, "")

    await database.write(
        lambda connection: connection.execute(
            delete(table).where(table.c.user_id == f"{SCANNED_MOST:05}")
        )
    )
    found, token = await page()
    assert (found, bool(token)) == (10, True)
    assert await page(token) == (0, "")
    await database.close()


async def test_few_statements_make_a_page(sqlite_catalog: RunningCatalog) -> None:
    """Each is a round trip: four for a page of the app catalog, six for a preview of rules."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    rules = await offer(catalog, app)
    with captured() as statements:
        await catalog.rules.PreviewEntitlementRules(
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
            metadata=root(catalog),
        )
    assert 0 < len([each for each in statements if "outbox" not in each.text]) <= 6
    with captured() as statements:
        found = await catalog.app_catalog.SearchAppCatalog(
            app_catalog_pb2.SearchAppCatalogRequest(query="tool"), metadata=catalog.person("Ben")
        )
    assert [each.display_name for each in found.apps] == ["Design Tool"]
    assert 0 < len([each for each in statements if "outbox" not in each.text]) <= 4
