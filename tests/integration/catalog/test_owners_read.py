"""The owners of apps, as syncs read them."""

from sqlalchemy import select

from latchkey.catalog.v1 import ingest_pb2
from libs.domain import ids
from services.catalog.store.tables import directory_app_owners
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.tenant import (
    CONNECTION,
    MARLOWE,
    app_id,
    completion,
    ingest,
    numbered,
    page,
    sync,
    user_id,
)
from tests.support.issuer import object_id


async def _owners(catalog: RunningCatalog, app: str) -> set[str]:
    query = select(directory_app_owners.c.user_id).where(
        directory_app_owners.c.app_id == app_id(app)
    )
    return set(await catalog.service.database.read(lambda c: c.execute(query).scalars().all()))


async def _known(catalog: RunningCatalog) -> set[str]:
    response = await catalog.ingest.ListAppsInScope(
        ingest_pb2.ListAppsInScopeRequest(connection_id=CONNECTION),
        metadata=catalog.by("connector"),
    )
    names = {object_id(name): name for name in MARLOWE.apps}
    return {names[app.entra_service_principal_id] for app in response.apps if app.owners_known}


def _read(app: str, *people: str) -> ingest_pb2.AppOwnersRead:
    return ingest_pb2.AppOwnersRead(
        entra_service_principal_id=object_id(app), entra_user_ids=map(object_id, people)
    )


async def _sync(catalog: RunningCatalog, *pages: ingest_pb2.IngestRequest) -> None:
    messages = numbered([*pages], ids.new_id("syn"), complete=False)
    for message in messages:
        message.round = 2
    await ingest(catalog, messages)


async def test_owners_replace_those_known_before(catalog: RunningCatalog) -> None:
    """All of an app's at once; of the others nothing is said; somebody named twice is one."""
    await sync(catalog, MARLOWE)
    assert await _known(catalog) == set()
    await _sync(
        catalog, page(app_owners_read=[_read("Payroll", "Ada", "Ben", "Ada"), _read("Board")])
    )
    assert await _known(catalog) == {"Payroll", "Board"}
    assert await _owners(catalog, "Payroll") == set()  # the sync is not complete
    await _sync(catalog, completion())
    assert await _owners(catalog, "Payroll") == {user_id("Ada"), user_id("Ben")}
    assert await _owners(catalog, "Board") == set()
    # What syncs tell of an app itself leaves them alone.
    await _sync(
        catalog,
        MARLOWE.pages()[3],
        page(app_owners_read=[_read("Payroll", "Cleo")]),
        completion(),
    )
    assert await _owners(catalog, "Payroll") == {user_id("Cleo")}
    assert await _known(catalog) == {"Payroll", "Board"}


async def test_owners_go_with_their_app(catalog: RunningCatalog) -> None:
    """One that comes back has those that are read then."""
    await sync(catalog, MARLOWE)
    await _sync(catalog, page(app_owners_read=[_read("Payroll", "Ada")]), completion())
    gone = page(removed_entra_service_principal_ids=[object_id("Payroll")])
    await _sync(catalog, gone, completion())
    assert await _owners(catalog, "Payroll") == set()
    await _sync(catalog, MARLOWE.pages()[3])
    assert await _known(catalog) == set()
