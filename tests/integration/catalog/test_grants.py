"""Who has what, and why: grants and their explanation."""

from dataclasses import replace

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import insert

from latchkey.catalog.v1 import grant_pb2
from libs.domain.callers import AUDITOR
from services.catalog.store.tables import uses
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import Metadata, RunningCatalog
from tests.integration.catalog.steps import Managed, link, manage, provision_for, root
from tests.integration.catalog.tenant import MARLOWE, membership_id, role_id, sync, user_id

TENANT = replace(MARLOWE, assigned=(*MARLOWE.assigned, ("Design Tool", "Cleo")))


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool, managed; its access also makes a viewer, and Ben has a lease of it."""
    await sync(catalog, TENANT)
    managed = await manage(catalog, "Design Tool")
    await link(catalog, managed.app_id, provision_for("Design Viewers", managed.access_id))
    lease = {
        "access_request_id": "req_1",
        "entitlement_id": managed.access_id,
        "app_id": managed.app_id,
        "user_id": user_id("Ben"),
        "state": "ACTIVE",
        "lease_id": "lea_1",
    }
    await catalog.service.database.write(
        lambda connection: connection.execute(insert(uses).values(lease)) and None
    )
    return managed


async def _list(
    catalog: RunningCatalog, by: Metadata | None = None, **which: object
) -> list[grant_pb2.Grant]:
    """All pages, which are of two."""
    found: list[grant_pb2.Grant] = []
    token = ""
    while True:
        answer = await catalog.grants.ListGrants(
            grant_pb2.ListGrantsRequest(page_size=2, page_token=token, **which),  # type: ignore[arg-type]
            metadata=by or root(catalog),
        )
        found += answer.grants
        if not (token := answer.next_page_token):
            return found


async def test_grants_say_through_what(catalog: RunningCatalog, app: Managed) -> None:
    """Own and through groups, with entitlement, binding, lease, and what came from outside."""
    found = await _list(catalog, entitlement_id=app.access_id)
    assert found == await _list(catalog, app_id=app.app_id)
    viewers, access = membership_id("Design Viewers"), role_id("Design Tool")
    assert sorted(
        (g.user_display_name, g.directory_display_name, g.group_display_name) for g in found
    ) == [
        ("Ada", "role Default Access of Design Tool", "All Staff"),
        ("Ben", "member of Design Viewers", ""),
        ("Ben", "role Default Access of Design Tool", "All Staff"),
        ("Ben", "role Default Access of Design Tool", "Design Editors"),
        ("Ben", "role Default Access of Design Tool", "Design Viewers"),
        ("Cleo", "member of Design Viewers", ""),
        ("Cleo", "role Default Access of Design Tool", ""),
        ("Cleo", "role Default Access of Design Tool", "All Staff"),
        ("Cleo", "role Default Access of Design Tool", "Design Viewers"),
    ]
    assert {g.lease_id for g in found if g.user_id == user_id("Ben")} == {"lea_1"}
    assert {bool(g.binding_id) for g in found if g.directory_entitlement_id == viewers} == {True}
    assert {bool(g.binding_id) for g in found if g.directory_entitlement_id == access} == {False}
    outside = await _list(catalog, app_id=app.app_id, unmanaged=True)
    assert outside == [g for g in found if g.unmanaged]
    assert {(g.user_id, g.group_id) for g in outside} == {(user_id("Cleo"), "")}
    of_ben = await _list(catalog, user_id=user_id("Ben"))
    assert {membership_id("Design Editors"), membership_id("All Staff"), viewers, access} == {
        g.directory_entitlement_id for g in of_ben
    }
    assert len(of_ben) == 6
    assert await _list(catalog, directory_entitlement_id=viewers) == [
        g for g in found if g.directory_entitlement_id == viewers
    ]
    assert all(g.HasField("start_time") and not g.HasField("end_time") for g in found)


async def test_who_held_it_then(catalog: RunningCatalog, app: Managed) -> None:
    """What was removed is still told of a time when it was there, and not of one before."""
    viewers = membership_id("Design Viewers")
    # Pages of a sync come one after the other: when the last of it was seen.
    held = await _list(catalog, user_id=user_id("Cleo"))
    then = max((g.start_time for g in held), key=Timestamp.ToNanoseconds)
    await sync(catalog, TENANT.without("Cleo"))
    assert len(await _list(catalog, directory_entitlement_id=viewers)) == 1
    at = await _list(catalog, directory_entitlement_id=viewers, at_time=then)
    assert {(g.user_id, g.HasField("end_time")) for g in at} == {
        (user_id("Ben"), False),
        (user_id("Cleo"), True),
    }
    assert len(await _list(catalog, user_id=user_id("Cleo"), at_time=then)) == 3
    earlier = Timestamp(seconds=then.seconds - 60)
    assert await _list(catalog, directory_entitlement_id=viewers, at_time=earlier) == []


async def test_explains_what_is_held_and_missing(catalog: RunningCatalog, app: Managed) -> None:
    """In words too; a person asks about themselves, and everybody else does not exist."""
    asked = grant_pb2.ExplainAccessRequest(user_id=user_id("Ada"), entitlement_id=app.access_id)
    ada = await catalog.grants.ExplainAccess(asked, metadata=catalog.person("Ada"))
    assert not ada.held
    assert ada.missing_directory_entitlement_ids == [membership_id("Design Viewers")]
    assert "through the group All Staff" in ada.sentences[0]
    assert ada.sentences[1] == "Ada is not a member of Design Viewers."
    asked.user_id = user_id("Ben")
    ben = await catalog.grants.ExplainAccess(asked, metadata=catalog.person("Root", AUDITOR))
    assert ben.held
    assert any("by lea_1 of" in sentence for sentence in ben.sentences)
    by_ada = catalog.person("Ada")
    for call, reason in (
        (catalog.grants.ExplainAccess(asked, metadata=by_ada), "USER_NOT_FOUND"),
        (_list(catalog, by=by_ada, user_id=user_id("Ben")), "USER_NOT_FOUND"),
        (_list(catalog, by=by_ada, app_id=app.app_id), "FIELD_INVALID"),
        (_list(catalog), "FIELD_INVALID"),
        (_list(catalog, app_id=app.app_id, at_time=Timestamp(seconds=1)), "FIELD_INVALID"),
    ):
        assert (await refused(call)).reason == reason
    group = grant_pb2.ExplainAccessRequest(
        user_id=user_id("Ada"), directory_entitlement_id=membership_id("All Staff")
    )
    assert (await catalog.grants.ExplainAccess(group, metadata=catalog.person("Ada"))).held
