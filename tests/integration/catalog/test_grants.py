"""Who has what, and why: grants and their explanation."""

from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import insert

from latchkey.catalog.v1 import grant_pb2
from libs.domain.callers import AUDITOR
from services.catalog.store.use_tables import uses
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import Metadata, RunningCatalog
from tests.integration.catalog.steps import (
    Managed,
    link,
    manage,
    offer,
    profile,
    provision_for,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import (
    MARLOWE,
    app_id,
    membership_id,
    role_id,
    sync,
    user_id,
)
from tests.support.issuer import TENANT as ENTRA_TENANT
from tests.support.issuer import object_id

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
    # The service that reviews access sees all of it, and who they are in Entra.
    assert await _list(catalog, by=catalog.by("requests"), app_id=app.app_id) == found
    assert {(g.user_entra_tenant_id, g.user_entra_object_id) for g in found} == {
        (ENTRA_TENANT, object_id(name)) for name in ("Ada", "Ben", "Cleo")
    }
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
    of_cleo = await _list(catalog, user_id=user_id("Cleo"), at_time=then)
    assert sorted(_names(g) for g in of_cleo) == sorted(_names(g) for g in held)
    earlier = Timestamp(seconds=then.seconds - 60)
    assert await _list(catalog, directory_entitlement_id=viewers, at_time=earlier) == []


def _names(grant: grant_pb2.Grant) -> tuple[str, str, str, str]:
    return (
        grant.user_display_name,
        grant.directory_display_name,
        grant.group_display_name,
        grant.app_id,
    )


async def test_the_past_is_told_with_its_names(catalog: RunningCatalog, app: Managed) -> None:
    """Also of people, groups and assignments that are no more, and through which group it was."""
    access = role_id("Design Tool")
    before = await _list(catalog, directory_entitlement_id=access)
    of_access = await _list(catalog, entitlement_id=app.access_id)
    then = max((g.start_time for g in before), key=Timestamp.ToNanoseconds)
    # Cleo and a group go altogether, another one is no longer assigned, and Ben leaves the third.
    later = replace(
        TENANT.without("Cleo", "Design Editors"),
        assigned=(("Design Tool", "All Staff"),),
        groups={"Design Viewers": ("Ben",), "All Staff": ("Ada",)},
    )
    await sync(catalog, later)
    assert [_names(g) for g in await _list(catalog, directory_entitlement_id=access)] == [
        ("Ada", "role Default Access of Design Tool", "All Staff", app.app_id)
    ]
    at = await _list(catalog, directory_entitlement_id=access, at_time=then)
    assert sorted(map(_names, at)) == sorted(map(_names, before))
    assert {(g.user_display_name, g.HasField("end_time")) for g in at} == {
        ("Ada", False),
        ("Ben", True),
        ("Cleo", True),
    }
    # An entitlement, by what it stands for now.
    at = await _list(catalog, entitlement_id=app.access_id, at_time=then)
    assert sorted(map(_names, at)) == sorted(map(_names, of_access))
    assert not any(g.lease_id or g.unmanaged for g in at)
    # In both together for as long as both were so, and never when one of them was not.
    assert all(g.start_time.ToNanoseconds() <= then.ToNanoseconds() for g in at)
    earlier = Timestamp(seconds=then.seconds - 60)
    assert await _list(catalog, entitlement_id=app.access_id, at_time=earlier) == []


async def test_what_may_not_be_asked_for_does_not_exist(catalog: RunningCatalog) -> None:
    """Neither by list nor by explanation: a hidden one is answered as one that nobody knows."""
    tenant = replace(
        MARLOWE,
        groups={**MARLOWE.groups, "Secret Layoffs": ("Ben",)},
        assigned=(*MARLOWE.assigned, ("Payroll", "Secret Layoffs"), ("Payroll", "Design Viewers")),
    )
    await sync(catalog, tenant)
    payroll = await manage(catalog, "Payroll", object_id("Clerk"))
    answer = await link(
        catalog,
        payroll.app_id,
        virtual_role("Secret Layoffs", "Layoff planner"),
        virtual_role("Design Viewers", "Hidden viewer"),
    )
    hidden = [each.entitlement_id for each in answer.entitlements]
    others = await profile(catalog, "Others", "Ada")
    await offer(catalog, payroll, others)
    board = await manage(catalog, "Board", object_id("Reader"))
    await offer(catalog, board, others)
    cleo = catalog.person("Cleo")

    async def told(what: str, one: str, **which: str) -> tuple[str, str]:
        """What Cleo is told of one thing, as if of any."""
        asked: Any = {"user_id": user_id("Cleo"), **which}
        call: Any = catalog.grants.ListGrants(grant_pb2.ListGrantsRequest(**asked), metadata=cleo)
        if what == "explained":
            call = catalog.grants.ExplainAccess(
                grant_pb2.ExplainAccessRequest(**asked), metadata=cleo
            )
        try:
            return "", str(await call).replace(one, "…")
        except grpc.aio.AioRpcError as error:
            return error.code().name, str(error.details()).replace(one, "…")

    for app in (board.app_id, app_id("Design Tool")):
        assert await told("listed", app, app_id=app) == await told(
            "listed", app_id("Nope"), app_id=app_id("Nope")
        )
    for what in ("listed", "explained"):
        one = hidden[0]
        assert await told(what, one, entitlement_id=one) == await told(
            what, "ent_unknown", entitlement_id="ent_unknown"
        )
        group, unknown = membership_id("Secret Layoffs"), membership_id("Nope")
        assert await told(what, group, directory_entitlement_id=group) == await told(
            what, unknown, directory_entitlement_id=unknown
        )
    # What they hold is told, without what it is part of that they may not know of.
    own = await _list(catalog, by=cleo, user_id=user_id("Cleo"))
    assert {g.directory_display_name for g in own} >= {"member of Design Viewers"}
    known = {g.entitlement_display_name for g in own} - {""}
    assert known == {"Hidden viewer"}  # all that makes it up is theirs: they hold it
    ada = await _list(catalog, by=catalog.person("Ada"), user_id=user_id("Ada"))
    assert {g.entitlement_id for g in ada} & set(hidden) == set()
    asked = grant_pb2.ExplainAccessRequest(user_id=user_id("Ada"), entitlement_id=hidden[0])
    explained = await catalog.grants.ExplainAccess(asked, metadata=catalog.person("Ada"))
    assert list(explained.sentences) == ["Ada is not a member of Secret Layoffs."]


async def test_explains_what_is_on_its_way(catalog: RunningCatalog) -> None:
    """Each access request and lease is told of; what is held through a group can still be given."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    asked = grant_pb2.ExplainAccessRequest(user_id=user_id("Ada"), entitlement_id=managed.access_id)
    rows = [
        {
            "access_request_id": f"req_{number}",
            "entitlement_id": managed.access_id,
            "app_id": managed.app_id,
            "user_id": user_id("Ada"),
            "state": state,
            "lease_id": "" if state == "OPEN" else f"lea_{number}",
        }
        for number, state in enumerate(("OPEN", "GRANTED", "FAILED", "ENDING", "ACTIVE"))
    ]
    await catalog.service.database.write(
        lambda connection: connection.execute(insert(uses), rows) and None
    )
    answer = await catalog.grants.ExplainAccess(asked, metadata=root(catalog))
    assert answer.held
    through, still, *others = answer.sentences
    assert "through the group All Staff" in through
    assert still == (
        "Ada is assigned the role Default Access of Design Tool only through a group, and can "
        "still be given it themselves."
    )
    assert others == [
        "Access request req_0 is open.",
        "lea_1 is granted and on its way into Entra.",
        "lea_2 could not be put into Entra.",
        "lea_3 is ending.",
    ]
    await sync(catalog, MARLOWE.without("All Staff"))
    answer = await catalog.grants.ExplainAccess(asked, metadata=root(catalog))
    assert not answer.held
    assert answer.sentences[-1] == (
        "lea_4 is in Entra, but the last sync did not see all of it there."
    )


async def test_where_only_groups_are_written_a_role_is_not_missed(catalog: RunningCatalog) -> None:
    """The explanation, the resolution and the app catalog say the same."""
    await sync(catalog, MARLOWE, groups_only=True)
    managed = await manage(catalog, "Design Tool")
    await link(catalog, managed.app_id, provision_for("Design Viewers", managed.access_id))
    await offer(catalog, managed)
    await sync(catalog, replace(MARLOWE, assigned=()), groups_only=True)
    asked = grant_pb2.ExplainAccessRequest(user_id=user_id("Ben"), entitlement_id=managed.access_id)
    assert (await catalog.grants.ExplainAccess(asked, metadata=catalog.person("Ben"))).held
    assert (await resolve(catalog, managed.access_id, "Ben")).held


async def test_explains_what_is_held_and_missing(catalog: RunningCatalog, app: Managed) -> None:
    """In words too; a person asks about themselves, and everybody else does not exist."""
    await offer(catalog, app)
    asked = grant_pb2.ExplainAccessRequest(user_id=user_id("Ada"), entitlement_id=app.access_id)
    ada = await catalog.grants.ExplainAccess(asked, metadata=catalog.person("Ada"))
    assert not ada.held
    assert ada.missing_directory_entitlement_ids == [membership_id("Design Viewers")]
    assert "through the group All Staff" in ada.sentences[0]
    assert ada.sentences[-1] == "Ada is not a member of Design Viewers."
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
        (
            _list(catalog, app_id=app.app_id, unmanaged=True, at_time=Timestamp(seconds=1)),
            "FIELD_INVALID",
        ),
    ):
        assert (await refused(call)).reason == reason
    group = grant_pb2.ExplainAccessRequest(
        user_id=user_id("Ada"), directory_entitlement_id=membership_id("All Staff")
    )
    assert (await catalog.grants.ExplainAccess(group, metadata=catalog.person("Ada"))).held
