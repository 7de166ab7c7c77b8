"""What links stand on, when it goes."""

import asyncio
import threading

import pytest
from sqlalchemy import Engine, event

from latchkey.catalog.v1 import app_pb2
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
    request = app_pb2.UnmanageAppRequest(app_id=app.app_id, reason="why", end_access=True)
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
            refusal = await refused(unlink(catalog, app.app_id, "Design Editors", end=True))
    finally:
        event.remove(Engine, "before_cursor_execute", between)
    assert changed.is_set()
    if call != "preview":
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "APP_NOT_MANAGED")
