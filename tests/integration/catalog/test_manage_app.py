"""Turning apps into managed ones."""

import asyncio

import grpc
import pytest

from latchkey.catalog.v1 import app_pb2, entitlement_pb2, events_pb2
from latchkey.ledger.v1 import audit_pb2, event_pb2
from libs.rpc.errors import error_info
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import event_types, manage, root
from tests.integration.catalog.tenant import MARLOWE, NO_ROLE, app_id, role_id, sync
from tests.support.issuer import object_id


async def access_role(catalog: RunningCatalog, app: str, role: str = "") -> str:
    managed = await manage(catalog, app, role)
    found = await catalog.entitlements.GetEntitlement(
        entitlement_pb2.GetEntitlementRequest(entitlement_id=managed.access_id),
        metadata=root(catalog),
    )
    (target,) = found.entitlement.fulfilment
    assert target.app_role_assignment.entra_service_principal_id == object_id(app)
    role_given: str = target.app_role_assignment.entra_app_role_id
    assert target.directory_entitlement_id == role_id(app, role_given)
    return role_given


async def test_gives_the_app_its_credential_resource(catalog: RunningCatalog) -> None:
    """Three resource types, one access entitlement, an event and an audit record by the actor."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    found = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=managed.app_id), metadata=root(catalog)
    )
    (access,) = found.entitlements
    assert (access.entitlement_id, access.display_name) == (managed.access_id, "Access")
    assert access.resource_kind == entitlement_pb2.RESOURCE_KIND_CREDENTIAL
    assert access.resource_type_id == managed.credential_type_id
    assert access.fulfilment[0].display_name == "role Default Access of Design Tool"
    assert access.etag == "1"

    assert (await event_types(catalog))[-1] == "AppManaged"
    events = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    event = events_pb2.AppManaged.FromString(events.events[-1].payload)
    assert event.access_entitlement_id == managed.access_id
    assert event.actor.person.display_name == "Root"
    assert events.events[-1].subject_id == managed.app_id
    records = await catalog.audit.ListAuditRecords(
        audit_pb2.ListAuditRecordsRequest(resource_id=managed.app_id), metadata=root(catalog)
    )
    assert [record.action for record in records.audit_records] == ["app.managed"]


async def test_an_app_without_roles_is_assigned_without_one(catalog: RunningCatalog) -> None:
    """Access is the zero GUID, whether or not that is said."""
    await sync(catalog, MARLOWE)
    assert await access_role(catalog, "Design Tool", NO_ROLE) == NO_ROLE


async def test_the_only_role_needs_no_naming(catalog: RunningCatalog) -> None:
    """An app with one role gives that one."""
    await sync(catalog, MARLOWE)
    assert await access_role(catalog, "Payroll") == object_id("Clerk")


async def test_one_of_several_roles_must_be_named(catalog: RunningCatalog) -> None:
    """The refusal lists them; each can be named."""
    await sync(catalog, MARLOWE)
    for named in ("", NO_ROLE, object_id("Clerk")):
        refusal = await refused(manage(catalog, "Board", named))
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "APP_ROLE_REQUIRED")
        assert refusal.fields == ("access_entra_app_role_id",)
        assert refusal.facts["app_roles"] == (
            f"{object_id('Reader')} (Reader), {object_id('Writer')} (Writer)"
        )
    assert await access_role(catalog, "Board", object_id("Writer").upper()) == object_id("Writer")


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("Graph", "FAILED_PRECONDITION", "APP_PROTECTED"),
        ("Nowhere", "NOT_FOUND", "APP_NOT_FOUND"),
    ],
)
async def test_refuses(catalog: RunningCatalog, name: str, code: str, reason: str) -> None:
    """Microsoft's own apps and those that are not there can't be managed."""
    await sync(catalog, MARLOWE)
    refusal = await refused(manage(catalog, name))
    assert (refusal.code, refusal.reason) == (code, reason)
    assert refusal.facts["app_id"] == app_id(name)


async def test_refuses_a_removed_app(catalog: RunningCatalog) -> None:
    """A managed app that has gone is REMOVED, not unmanaged."""
    await sync(catalog, MARLOWE)
    await manage(catalog, "Design Tool")
    await sync(catalog, MARLOWE.without("Design Tool"))
    assert (await refused(manage(catalog, "Design Tool"))).reason == "APP_REMOVED"


async def test_one_of_eight_at_once_wins(catalog: RunningCatalog) -> None:
    """The others hear that it is managed already, and there is one access entitlement."""
    await sync(catalog, MARLOWE)
    request = app_pb2.ManageAppRequest(app_id=app_id("Payroll"))

    async def attempt() -> app_pb2.ManageAppResponse | str:
        try:
            response: app_pb2.ManageAppResponse
            response = await catalog.apps.ManageApp(request, metadata=root(catalog))
        except grpc.aio.AioRpcError as error:
            return error_info(error).reason
        return response

    results = await asyncio.gather(*(attempt() for _ in range(8)))
    won = [each for each in results if not isinstance(each, str)]
    assert len(won) == 1
    assert [each for each in results if isinstance(each, str)] == ["APP_ALREADY_MANAGED"] * 7
    found = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app_id("Payroll")), metadata=root(catalog)
    )
    access, clerk = found.entitlements
    assert access.entitlement_id == won[0].access_entitlement_id
    assert clerk.entra_app_role_id == object_id("Clerk")
    assert (await event_types(catalog)).count("AppManaged") == 1


async def test_a_repeated_key_answers_as_the_first_time(catalog: RunningCatalog) -> None:
    """The same key gives the same answer, and refuses another body."""
    await sync(catalog, MARLOWE)
    request = app_pb2.ManageAppRequest(app_id=app_id("Payroll"), idempotency_key="once")
    first = await catalog.apps.ManageApp(request, metadata=root(catalog))
    assert await catalog.apps.ManageApp(request, metadata=root(catalog)) == first
    request.app_id = app_id("Design Tool")
    refusal = await refused(catalog.apps.ManageApp(request, metadata=root(catalog)))
    assert refusal.reason == "IDEMPOTENCY_KEY_REUSED"
