"""How long a catalog with very much in it takes for a small change of the directory."""

import random
import time
from collections.abc import Iterator

import pytest

from latchkey.catalog.v1 import grant_pb2, ingest_pb2
from libs.domain import ids
from libs.domain.callers import ADMIN
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.tenant import completion, ingest, numbered, page
from tests.soak import filled_catalog as filled
from tests.soak.house import report
from tests.support.issuer import object_id

pytestmark = pytest.mark.timeout(1800)
_AT_ONCE = 1000


async def test_one_percent(catalog: RunningCatalog, request: pytest.FixtureRequest) -> None:
    """1,000 people with another department, 4,500 who left a group and 4,500 who joined one, 200
    groups and 50 apps with another name, 500 new assignments: served in seconds, all at once."""
    database = catalog.service.database
    await filled.fill(database)
    messages = numbered(
        [*_changes(), completion()],
        ids.new_id("syn"),
        connection_id=filled.CONNECTION,
        seen_in=2,
        complete=False,
    )
    began = time.perf_counter()
    taken = await ingest(catalog, messages[:-1])
    paged = time.perf_counter()
    completed = await ingest(catalog, messages[-1:])
    ended = time.perf_counter()
    assert completed.completed
    newcomer = await catalog.grants.ListGrants(
        grant_pb2.ListGrantsRequest(user_id=filled.user_id(0)),
        metadata=catalog.person("Root", ADMIN),
    )
    assert "Group 1 (renamed)" in {each.group_display_name for each in newcomer.grants}
    report(
        f"1 % of a million on {request.node.callspec.id}",
        entries=taken.seen_count + completed.removed_count,
        pages_seconds=f"{paged - began:.1f}",
        completion_seconds=f"{ended - paged:.1f}",
    )
    assert ended - began < 10


def _changes() -> Iterator[ingest_pb2.IngestRequest]:
    chance = random.Random(11)
    yield page(
        users=[
            ingest_pb2.DirectoryUser(
                entra_object_id=object_id(filled.person_name(number)),
                display_name=filled.person_name(number),
                department="Elsewhere",
                account_enabled=True,
            )
            for number in range(1000)
        ]
    )
    yield page(
        groups=[
            ingest_pb2.DirectoryGroup(
                entra_object_id=object_id(f"Group {number}"),
                display_name=f"Group {number} (renamed)",
            )
            for number in range(200)
        ],
        service_principals=[
            ingest_pb2.DirectoryServicePrincipal(
                entra_object_id=object_id(f"App {number}"),
                entra_app_id=object_id(f"Client {number}"),
                display_name=f"App {number} (renamed)",
                account_enabled=True,
            )
            for number in range(50)
        ],
        app_role_assignments=[
            ingest_pb2.DirectoryAppRoleAssignment(
                entra_service_principal_id=object_id(f"App {number % filled.LARGE.apps}"),
                entra_app_role_id="00000000-0000-0000-0000-000000000000",
                entra_principal_id=object_id(filled.person_name(number)),
                principal_kind=ingest_pb2.PRINCIPAL_KIND_USER,
            )
            for number in range(500)
        ],
    )
    pairs = [(1, 0)] + [
        (chance.randrange(filled.LARGE.groups), chance.randrange(filled.LARGE.people))
        for _ in range(4499)
    ]
    for start in range(0, len(pairs), _AT_ONCE):
        yield page(memberships=_members(pairs[start : start + _AT_ONCE]))
    # Those of the filler come from the same sequence.
    gone = filled.memberships(filled.LARGE)[:4500]
    for start in range(0, len(gone), _AT_ONCE):
        removed = set(gone[start : start + _AT_ONCE]) - set(pairs)
        yield page(removed_memberships=_members(sorted(removed)))


def _members(pairs: list[tuple[int, int]]) -> list[ingest_pb2.DirectoryMembership]:
    return [
        ingest_pb2.DirectoryMembership(
            entra_group_id=object_id(f"Group {group}"),
            entra_user_id=object_id(filled.person_name(person)),
        )
        for group, person in pairs
    ]
