"""What an app says becomes of access to it that came from outside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from latchkey.catalog.v1 import app_pb2, entitlement_pb2, entitlement_rules_pb2, settings_pb2
from tests.fakes.requests_feed import FakeFeed
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import manage, offer, resolve, root
from tests.integration.catalog.tenant import MARLOWE, sync
from tests.integration.catalog.test_app_depth import offered, update

_EVER = datetime.min.replace(tzinfo=UTC)


def _since(app: app_pb2.App) -> datetime | None:
    found = app.unmanaged_access_action_time
    return found.ToDatetime(UTC) if app.HasField("unmanaged_access_action_time") else None


async def test_what_becomes_of_access_from_outside(catalog: RunningCatalog, feed: FakeFeed) -> None:
    """The app says it for all of its entitlements, wherever settings are told; a sync leaves it as
    it is, and whoever manages the app anew starts without it."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await offer(catalog, managed)
    remove = settings_pb2.UNMANAGED_ACCESS_ACTION_REMOVE
    wanted = app_pb2.App(app_id=managed.app_id, unmanaged_access_action=remove)
    before = await update(catalog, wanted, "policy_id")
    assert (before.unmanaged_access_action, _since(before)) == (0, None)
    app = await update(catalog, wanted, "unmanaged_access_action")
    assert app.unmanaged_access_action == remove
    assert datetime.now(UTC) - timedelta(minutes=1) < (_since(app) or _EVER) <= datetime.now(UTC)
    again = app_pb2.App(app_id=managed.app_id, unmanaged_access_action=remove, policy_id="pol_1")
    same = await update(catalog, again, "unmanaged_access_action", "policy_id")
    assert (same.etag != app.etag, _since(same)) == (True, _since(app))
    await sync(catalog, replace(MARLOWE, called={"Design Tool": "Designer"}))

    async def told() -> set[int]:
        asked = entitlement_pb2.GetEntitlementRequest(entitlement_id=managed.access_id)
        as_requests = catalog.by("requests")
        one = await catalog.entitlements.GetEntitlement(asked, metadata=as_requests)
        listed = (await offered(catalog, managed.app_id)).values()
        rules = await catalog.rules.GetEntitlementRules(
            entitlement_rules_pb2.GetEntitlementRulesRequest(app_id=managed.app_id),
            metadata=root(catalog),
        )
        preview = await catalog.rules.PreviewEntitlementRules(
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(
                entitlement_rules=rules.entitlement_rules
            ),
            metadata=root(catalog),
        )
        resolved = await resolve(catalog, managed.access_id, "Ada")
        apps = await catalog.apps.ListApps(app_pb2.ListAppsRequest(), metadata=root(catalog))
        got = await catalog.apps.GetApp(
            app_pb2.GetAppRequest(app_id=managed.app_id), metadata=root(catalog)
        )
        return {
            got.app.unmanaged_access_action,
            resolved.settings.unmanaged_access_action,
            one.entitlement.settings.unmanaged_access_action,
            *(each.settings.unmanaged_access_action for each in listed),
            *(each.settings.unmanaged_access_action for each in preview.governed_entitlements),
            *(each.unmanaged_access_action for each in apps.apps if each.app_id == managed.app_id),
        }

    assert await told() == {remove}
    request = app_pb2.UnmanageAppRequest(app_id=managed.app_id, reason="over", end_access=True)
    answer = await catalog.apps.UnmanageApp(request, metadata=root(catalog))
    assert (answer.app.unmanaged_access_action, _since(answer.app)) == (0, None)
    managed = await manage(catalog, "Design Tool")
    await offer(catalog, managed)
    assert await told() == {0}
