"""Who may call what: every method with every kind of caller."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, POLICY_ADMIN
from libs.rpc.errors import error_info
from services.catalog.servicers import ACCESS
from tests.integration.catalog.running import RunningCatalog

SERVICES = ("catalog", "connector", "policy", "requests")
READERS = {ADMIN, CONNECTOR_ADMIN, AUDITOR}

# As the comments of the contract say it, not as the table does.
ALLOWED = {
    "AppService/GetApp": {*READERS, "requests"},
    "AppService/ListApps": {*READERS, "requests"},
    "AppService/ManageApp": {ADMIN},
    "AppService/BatchManageApps": {ADMIN},
    "AppService/UpdateApp": {ADMIN},
    "AppService/UnmanageApp": {ADMIN},
    "EntitlementService/GetEntitlement": {*READERS, "requests"},
    "EntitlementService/ListEntitlements": {*READERS, "requests"},
    "EntitlementService/ListResourceTypes": READERS,
    "EntitlementService/UpdateEntitlement": {ADMIN},
    "LinkService/ListLinkedEntitlements": READERS,
    "LinkService/LinkEntitlements": {ADMIN},
    "LinkService/ListBindings": READERS,
    "LinkService/PreviewLinkEntitlements": {ADMIN},
    "LinkService/UnlinkEntitlements": {ADMIN},
    "EntitlementRulesService/GetEntitlementRules": READERS,
    "EntitlementRulesService/PreviewEntitlementRules": {ADMIN},
    "EntitlementRulesService/ApplyEntitlementRules": {ADMIN},
    "AccessProfileService/CreateAccessProfile": {ADMIN},
    "AccessProfileService/GetAccessProfile": READERS,
    "AccessProfileService/ListAccessProfiles": READERS,
    "AccessProfileService/UpdateAccessProfile": {ADMIN},
    "AccessProfileService/DeleteAccessProfile": {ADMIN},
    "AccessProfileService/ListMembers": READERS,
    "AccessProfileService/ExplainMembership": READERS,
    "AppCatalogService/SearchAppCatalog": {*READERS, POLICY_ADMIN, "person"},
    "AppCatalogService/GetCatalogApp": {*READERS, POLICY_ADMIN, "person"},
    "DirectoryService/GetUser": {*READERS, "requests", "connector"},
    "DirectoryService/ListUsers": READERS,
    "DirectoryService/ListGroups": READERS,
    "DirectoryService/GetGroup": READERS,
    "DirectoryService/ListManagers": {*READERS, "requests"},
    "GrantService/ListGrants": {*READERS, POLICY_ADMIN, "person", "requests"},
    "GrantService/ExplainAccess": {*READERS, POLICY_ADMIN, "person"},
    "IngestService/Ingest": {"connector"},
    "IngestService/GetCheckpoint": {"connector"},
    "IngestService/ListAppsInScope": {"connector"},
    "ResolutionService/ResolveEntitlement": {"requests"},
    "ResolutionService/ConfirmTargets": {"connector"},
    "ResolutionService/BatchConfirmTargets": {"connector"},
    "ResolutionService/CheckHeld": {"connector"},
    "ApproverService/ResolveApprovers": {"requests"},
    "ApproverService/CheckApprovers": {"policy"},
    "ApproverService/ListPolicyUses": {ADMIN, POLICY_ADMIN, AUDITOR, "policy"},
}


async def reason_of(catalog: RunningCatalog, method: str, metadata: Any) -> str:
    """With what reason an empty call ends; empty when it succeeds."""
    path = f"/latchkey.catalog.v1.{method}"
    channel: Any = catalog.channel

    async def empty() -> AsyncIterator[bytes]:
        yield b""

    try:
        if method == "IngestService/Ingest":
            await channel.stream_unary(path)(empty(), metadata=metadata)
        else:
            await channel.unary_unary(path)(b"", metadata=metadata)
    except grpc.aio.AioRpcError as error:
        assert error.code() not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        return error_info(error).reason
    return ""


def test_the_table_is_the_contracts() -> None:
    """There is a row for each method and no other."""
    assert {row.removeprefix("/latchkey.catalog.v1.") for row in ACCESS} == set(ALLOWED)


@pytest.mark.parametrize("method", ALLOWED)
async def test_lets_in_whom_the_contract_names(sqlite_catalog: RunningCatalog, method: str) -> None:
    """Nobody else gets as far as having their request read."""
    callers = {
        **{role: sqlite_catalog.person("Ben", role) for role in (*READERS, POLICY_ADMIN)},
        "person": sqlite_catalog.person("Ben"),
        **{name: sqlite_catalog.by(name) for name in (*SERVICES, "another")},
        "nobody": (),
    }
    reasons = await asyncio.gather(
        *(reason_of(sqlite_catalog, method, metadata) for metadata in callers.values())
    )
    for name, reason in zip(callers, reasons, strict=True):
        refused = {"CALLER_UNKNOWN"} if name == "nobody" else {"CALLER_NOT_ALLOWED"}
        assert (reason in refused) == (name not in ALLOWED[method]), (name, reason)
