"""Messages of a sync that can't be meant: each wrong field is named by its path."""

from typing import Any

import pytest

from latchkey.catalog.v1 import app_pb2, ingest_pb2
from libs.domain import ids
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.tenant import (
    MARLOWE,
    checkpoint,
    completion,
    ingest,
    numbered,
    page,
)
from tests.support.issuer import object_id

pytestmark = pytest.mark.either_database


async def test_ingest(catalog: RunningCatalog) -> None:
    """The envelope; what is refused is not committed, and the sync can go on."""
    (good,) = numbered(MARLOWE.pages()[:1], ids.new_id("syn"), complete=False)
    await assert_wrong(
        catalog,
        ingest_pb2.IngestRequest(),
        *("content", "checkpoint", "entra_tenant_id", "sync_id", "connection_id"),
        *("page_number", "round", "run"),
    )
    for field, value in (
        ("sync_id", "con_1"),
        ("connection_id", "syn_1"),
        ("entra_tenant_id", "not a guid"),
        ("page_number", 0),
        ("page_number", -1),
        ("checkpoint", ""),
        ("checkpoint", "a\x00"),
        ("checkpoint", "x" * 200_001),
        ("round", 0),
        ("round", -1),
        ("run", 0),
    ):
        message = ingest_pb2.IngestRequest()
        message.CopyFrom(good)
        setattr(message, field, value)
        await assert_wrong(catalog, message, field)
    good.checkpoint = "é" * 200_000
    assert (await ingest(catalog, [good])).last_page_number == 1
    assert (await checkpoint(catalog)).checkpoint == good.checkpoint


GUID = object_id("some")
MEMBERSHIP = ingest_pb2.DirectoryMembership(entra_group_id=GUID, entra_user_id="x")


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (
            {
                "users": [
                    ingest_pb2.DirectoryUser(entra_object_id=GUID, manager_entra_object_id="boss"),
                    ingest_pb2.DirectoryUser(),
                ]
            },
            ("users[0].manager_entra_object_id", "users[1].entra_object_id"),
        ),
        (
            {
                "groups": [
                    ingest_pb2.DirectoryGroup(
                        entra_object_id=GUID,
                        unwritable_reason=9,  # type: ignore[arg-type]
                    )
                ]
            },
            ("groups[0].unwritable_reason",),
        ),
        (
            {"memberships": [MEMBERSHIP, MEMBERSHIP]},
            ("memberships[0].entra_user_id", "memberships[1].entra_user_id"),
        ),
        ({"removed_memberships": [MEMBERSHIP]}, ("removed_memberships[0].entra_user_id",)),
        (
            {
                "service_principals": [
                    ingest_pb2.DirectoryServicePrincipal(
                        entra_object_id=GUID, app_roles=[app_pb2.AppRole(entra_app_role_id="")]
                    )
                ]
            },
            (
                "service_principals[0].entra_app_id",
                "service_principals[0].app_roles[0].entra_app_role_id",
            ),
        ),
        *(
            (
                {
                    "app_role_assignments": [
                        ingest_pb2.DirectoryAppRoleAssignment(
                            entra_service_principal_id=GUID,
                            entra_app_role_id=GUID,
                            entra_principal_id=GUID,
                            principal_kind=kind,  # type: ignore[arg-type]
                        )
                    ]
                },
                ("app_role_assignments[0].principal_kind",),
            )
            for kind in (0, 7)
        ),
        (
            {
                "app_role_assignments": [
                    ingest_pb2.DirectoryAppRoleAssignment(
                        principal_kind=ingest_pb2.PRINCIPAL_KIND_USER
                    )
                ]
            },
            tuple(
                f"app_role_assignments[0].entra_{name}_id"
                for name in ("service_principal", "app_role", "principal")
            ),
        ),
        ({"removed_entra_user_ids": [GUID, "x"]}, ("removed_entra_user_ids[1]",)),
        ({"removed_entra_group_ids": [""]}, ("removed_entra_group_ids[0]",)),
        (
            {"removed_entra_service_principal_ids": ["\x00"]},
            ("removed_entra_service_principal_ids[0]",),
        ),
        (
            {"app_role_assignments_read": [ingest_pb2.AppRoleAssignmentsRead(digest="x" * 101)]},
            (
                "app_role_assignments_read[0].digest",
                "app_role_assignments_read[0].entra_service_principal_id",
            ),
        ),
        (
            {
                "app_owners_read": [
                    ingest_pb2.AppOwnersRead(entra_user_ids=["x"]),
                    ingest_pb2.AppOwnersRead(
                        entra_service_principal_id=GUID, entra_user_ids=[GUID] * 501
                    ),
                ]
            },
            (
                "app_owners_read[0].entra_service_principal_id",
                "app_owners_read[0].entra_user_ids[0]",
                "app_owners_read[1].entra_user_ids",
            ),
        ),
    ],
)
async def test_pages(
    sqlite_catalog: RunningCatalog, content: dict[str, Any], fields: tuple[str, ...]
) -> None:
    """Every id of every kind of entry, and what else can be wrong with it."""
    (message,) = numbered([page(**content)], ids.new_id("syn"), complete=False)
    await assert_wrong(sqlite_catalog, message, *(f"page.{field}" for field in fields))


async def test_entries(sqlite_catalog: RunningCatalog) -> None:
    """5000 a page, of all kinds together."""
    content: dict[str, Any] = {
        "users": [ingest_pb2.DirectoryUser(entra_object_id=GUID)] * 2000,
        "removed_entra_group_ids": [GUID] * 3000,
    }
    (most,) = numbered([page(**content)], ids.new_id("syn"), complete=False)
    more = ingest_pb2.IngestRequest()
    more.CopyFrom(most)
    more.page.app_role_assignments_read.add(entra_service_principal_id=GUID)
    await assert_wrong(sqlite_catalog, more, "page")
    assert (await ingest(sqlite_catalog, [most])).seen_count == 2000


async def test_sweeps(sqlite_catalog: RunningCatalog) -> None:
    """One a kind, of a round that there was: one still to come would take everything away."""
    user, group = ingest_pb2.DIRECTORY_KIND_USER, ingest_pb2.DIRECTORY_KIND_GROUP
    cases: list[tuple[list[tuple[int, int]], str]] = [
        ([(user, 6)], "complete.sweeps[0].round"),
        ([(user, 5), (group, 0)], "complete.sweeps[1].round"),
        ([(user, 5), (group, 5), (user, 4)], "complete.sweeps[2].kind"),
        ([(0, 5)], "complete.sweeps[0].kind"),
        ([(6, 5)], "complete.sweeps[0].kind"),
    ]
    for sweeps, field in cases:
        complete = completion()
        for kind, swept in sweeps:
            complete.complete.sweeps.add(kind=kind, round=swept)
        (message,) = numbered([complete], ids.new_id("syn"), complete=False, seen_in=5)
        await assert_wrong(sqlite_catalog, message, field)


async def assert_wrong(
    catalog: RunningCatalog, message: ingest_pb2.IngestRequest, *fields: str
) -> None:
    refusal = await refused(ingest(catalog, [message]))
    found = (refusal.code, refusal.reason, refusal.fields)
    assert found == ("INVALID_ARGUMENT", "FIELD_INVALID", fields)
