"""What links stand on, when it goes."""

import asyncio
import threading

import pytest
from sqlalchemy import Engine, event

from latchkey.catalog.v1 import app_pb2, owner_pb2
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import Managed, link, manage, root, virtual_role
from tests.integration.catalog.tenant import MARLOWE, sync
from tests.integration.catalog.test_unlink_entitlements import preview, unlink
from tests.support.meanwhile import meanwhile


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool, managed."""
    await sync(catalog, MARLOWE)
    return await manage(catalog, "Design Tool")


async def unmanage(catalog: RunningCatalog, app: Managed) -> None:
    request = app_pb2.UnmanageAppRequest(app_id=app.app_id, reason="why")
    await catalog.apps.UnmanageApp(request, metadata=root(catalog))


@pytest.mark.parametrize("call", ["link", "preview", "unlink"])
async def test_an_app_unmanaged_meanwhile(catalog: RunningCatalog, app: Managed, call: str) -> None:
    """A call that read of the app what it had sees all of it, tries again when it would write, and
    then says that the app is not managed; it ended in a fault, or named another reason."""
    if call == "unlink":
        await link(catalog, app.app_id, virtual_role("Design Editors"))
    loop, changed = asyncio.get_running_loop(), threading.Event()

    def between(_: object, __: object, statement: str, *___: object) -> None:
        if "FROM resource_types" in statement and not changed.is_set():
            changed.set()
            meanwhile(loop, unmanage(catalog, app))

    event.listen(Engine, "before_cursor_execute", between)
    try:
        if call == "preview":
            found = await preview(catalog, app.app_id, virtual_role("Design Editors"))
            assert len(found.entitlements) == 1
        elif call == "link":
            refusal = await refused(link(catalog, app.app_id, virtual_role("Design Editors")))
        else:
            refusal = await refused(unlink(catalog, app.app_id, "Design Editors"))
    finally:
        event.remove(Engine, "before_cursor_execute", between)
    assert changed.is_set()
    if call != "preview":
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "APP_NOT_MANAGED")


async def test_an_owner_that_goes_with_its_group(catalog: RunningCatalog, app: Managed) -> None:
    """Who held a role answered for the app; without the role nobody does, and the owners can be
    written back as they are shown."""
    made = await link(catalog, app.app_id, virtual_role("Design Editors"))
    role = made.entitlements[0].entitlement_id

    async def update(*owners: owner_pb2.Owner) -> app_pb2.App:
        request = app_pb2.UpdateAppRequest(app=app_pb2.App(app_id=app.app_id, owners=owners))
        request.update_mask.paths.append("owners")
        response = await catalog.apps.UpdateApp(request, metadata=root(catalog))
        found: app_pb2.App = response.app
        return found

    shown = await update(owner_pb2.Owner(entitlement_id=role))
    assert [each.entitlement_id for each in shown.owners] == [role]
    await unlink(catalog, app.app_id, "Design Editors")
    request = app_pb2.GetAppRequest(app_id=app.app_id)
    shown = (await catalog.apps.GetApp(request, metadata=root(catalog))).app
    assert list(shown.owners) == []
    assert list((await update(*shown.owners)).owners) == []
