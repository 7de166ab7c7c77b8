"""What is gone in the directory: served until a sync is complete, removed together then."""

from dataclasses import replace
from typing import Any

import pytest

from latchkey.catalog.v1 import app_pb2, ingest_pb2
from libs.domain import ids
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import event_types, incremental, manage, offer, resolve, state
from tests.integration.catalog.tenant import (
    CONNECTION,
    MARLOWE,
    NO_ROLE,
    checkpoint,
    completion,
    ingest,
    numbered,
    page,
    sync,
)
from tests.support.issuer import object_id


async def scope(catalog: RunningCatalog, size: int = 0) -> dict[str, str]:
    """The apps in scope by name with their digests, read in pages of a size."""
    names = {object_id(name): name for name in MARLOWE.apps}
    found: dict[str, str] = {}
    token = ""
    while True:
        request = ingest_pb2.ListAppsInScopeRequest(
            connection_id=CONNECTION, page_size=size, page_token=token
        )
        response = await catalog.ingest.ListAppsInScope(request, metadata=catalog.by("connector"))
        for app in response.apps:
            found[names[app.entra_service_principal_id]] = app.assignments_digest
        token = response.next_page_token
        if not token:
            return found


def read(app: str, digest: str) -> ingest_pb2.AppRoleAssignmentsRead:
    return ingest_pb2.AppRoleAssignmentsRead(
        entra_service_principal_id=object_id(app), digest=digest
    )


def assigned(app: str, person: str) -> ingest_pb2.DirectoryAppRoleAssignment:
    return ingest_pb2.DirectoryAppRoleAssignment(
        entra_service_principal_id=object_id(app),
        entra_app_role_id=NO_ROLE,
        entra_principal_id=object_id(person),
        principal_kind=ingest_pb2.PRINCIPAL_KIND_USER,
    )


def member(group: str, person: str) -> ingest_pb2.DirectoryMembership:
    return ingest_pb2.DirectoryMembership(
        entra_group_id=object_id(group), entra_user_id=object_id(person)
    )


async def test_what_a_page_says_is_gone_is_served_until_completion(
    catalog: RunningCatalog,
) -> None:
    """People with their memberships and assignments, groups with theirs, apps with theirs."""
    await sync(catalog, MARLOWE)
    before = await state(catalog)
    gone = page(
        removed_entra_user_ids=[object_id("Ada")],
        removed_entra_group_ids=[object_id("Design Viewers")],
        removed_entra_service_principal_ids=[object_id("Board")],
        removed_memberships=[member("Design Editors", "Ben")],
    )
    response = await incremental(catalog, gone)
    assert (response.seen_count, response.removed_count) == (0, 0)
    assert await state(catalog) == before
    assert set(await scope(catalog)) == {"Design Tool", "Payroll", "Graph"}

    completing = numbered(
        [completion()], (await checkpoint(catalog)).sync_id, first=2, complete=False, seen_in=2
    )
    response = await ingest(catalog, completing)
    # Ada, her membership and her assignment; the group, two members and its assignment; Board;
    # one membership.
    assert (response.completed, response.removed_count) == (True, 9)
    assert (await checkpoint(catalog)).removed_count == 9
    assert await state(catalog) == {
        "users": ["Ben", "Cleo", "Dov"],
        "groups": {"All Staff": 2, "Design Editors": 0},
        "apps": {name: app_pb2.APP_STATE_UNMANAGED for name in ("Design Tool", "Graph", "Payroll")},
    }
    assert (await event_types(catalog))[-3:] == [
        "AppRemoved",
        "UserDeactivated",
        "DirectoryRefreshed",
    ]


async def test_what_comes_back_before_completion_stays(catalog: RunningCatalog) -> None:
    """A later page clears what an earlier one said, and a page that says both removes nothing."""
    await sync(catalog, MARLOWE)
    before = await state(catalog)
    users, *others = MARLOWE.pages()
    gone = page(
        removed_entra_user_ids=[object_id("Cleo")],
        removed_entra_group_ids=[object_id("All Staff")],
        removed_entra_service_principal_ids=[object_id("Graph")],
    )
    both = page(users=users.page.users, removed_entra_user_ids=[object_id("Dov")])
    response = await incremental(catalog, gone, both, *others, completion())
    assert response.removed_count == 0
    assert await state(catalog) == before


async def test_the_removal_of_what_is_unknown_is_harmless(catalog: RunningCatalog) -> None:
    """Of every kind, and said twice; another connection's things stay whatever this one says."""
    await sync(catalog, MARLOWE)
    before = await state(catalog)
    nobody = [object_id("nobody")] * 2
    unknown = page(
        removed_entra_user_ids=nobody,
        removed_entra_group_ids=nobody,
        removed_entra_service_principal_ids=nobody,
        removed_memberships=[member("All Staff", "nobody"), member("nobody", "Ada")],
        app_role_assignments_read=[read("nobody", "d")],
    )
    assert (await incremental(catalog, unknown, completion())).removed_count == 0
    elsewhere = page(
        removed_entra_user_ids=[object_id("Ada")],
        removed_entra_group_ids=[object_id("All Staff")],
        removed_entra_service_principal_ids=[object_id("Graph")],
        removed_memberships=[member("Design Editors", "Ben")],
        app_role_assignments_read=[read("Payroll", "d")],
    )
    response = await incremental(catalog, elsewhere, completion(), connection_id="con_other")
    assert response.removed_count == 0
    assert await state(catalog) == before
    assert (await scope(catalog))["Payroll"] == ""


async def test_only_kinds_that_were_swept_are_swept(catalog: RunningCatalog) -> None:
    """And only what is of an earlier round than the sweep's."""
    await sync(catalog, MARLOWE)
    await incremental(catalog, page(users=MARLOWE.pages()[0].page.users[:3]), completion())
    assert len((await state(catalog))["users"]) == 4
    complete = completion()
    complete.complete.sweeps.add(kind=ingest_pb2.DIRECTORY_KIND_USER, round=2)
    response = await incremental(catalog, complete)
    assert response.removed_count == 1
    found = await state(catalog)
    assert found["users"] == ["Ada", "Ben", "Cleo"]
    assert len(found["groups"]) == 3


async def test_nobody_keeps_assignments_of_an_app_that_was_swept(catalog: RunningCatalog) -> None:
    """They are read no more, so nobody else would say that they are gone."""
    await sync(catalog, MARLOWE)
    complete = completion()
    complete.complete.sweeps.add(kind=ingest_pb2.DIRECTORY_KIND_APP, round=2)
    apps = MARLOWE.without("Payroll").pages()[3]
    assert (await incremental(catalog, apps, complete)).removed_count == 2


async def test_a_read_to_the_end_finds_what_is_gone(catalog: RunningCatalog) -> None:
    """Of the one app, by the round; the digest stays until something else changes them."""
    tenant = replace(MARLOWE, assigned=(("Graph", "Ada"), ("Graph", "Ben"), ("Board", "Ada")))
    await sync(catalog, tenant)
    assert set((await scope(catalog)).values()) == {""}
    again = page(
        app_role_assignments=[assigned("Graph", "Ben")],
        app_role_assignments_read=[read("Graph", "one"), read("Board", "none")],
    )
    response = await incremental(catalog, again, completion())
    assert response.removed_count == 2
    digests = {"Graph": "one", "Board": "none", "Design Tool": "", "Payroll": ""}
    assert await scope(catalog) == digests
    # The same round again says nothing new, nor does an app page.
    await incremental(catalog, MARLOWE.pages()[3], completion(), seen_in=2)
    assert await scope(catalog, 1) == digests

    # In two pages: until the second it is not known what there is.
    await incremental(catalog, page(app_role_assignments=[assigned("Graph", "Cleo")]))
    assert (await scope(catalog))["Graph"] == ""
    await incremental(catalog, page(app_role_assignments_read=[read("Graph", "two")]))
    assert (await scope(catalog))["Graph"] == "two"


@pytest.mark.parametrize(
    "content",
    [
        {"removed_entra_user_ids": [object_id("Ben")]},
        {"removed_entra_service_principal_ids": [object_id("Graph")]},
    ],
    ids=["person", "app"],
)
async def test_a_digest_goes_with_any_of_its_assignments(
    catalog: RunningCatalog, content: dict[str, Any]
) -> None:
    """Else nobody would read them again when what is gone comes back."""
    await sync(catalog, replace(MARLOWE, assigned=(("Graph", "Ben"), ("Board", "Ada"))))
    await incremental(
        catalog,
        page(
            app_role_assignments=[assigned("Graph", "Ben"), assigned("Board", "Ada")],
            app_role_assignments_read=[read("Graph", "one"), read("Board", "two")],
        ),
    )
    await incremental(catalog, page(**content))
    await incremental(catalog, MARLOWE.pages()[3])
    assert {**await scope(catalog)} == {
        "Graph": "",
        "Board": "two",
        "Design Tool": "",
        "Payroll": "",
    }


async def test_a_sweep_of_assignments_takes_their_digest_too(catalog: RunningCatalog) -> None:
    """Where a read had not said so before."""
    await sync(catalog, replace(MARLOWE, assigned=(("Graph", "Ben"), ("Board", "Ada"))))
    await incremental(
        catalog,
        page(
            app_role_assignments=[assigned("Graph", "Ben"), assigned("Board", "Ada")],
            app_role_assignments_read=[read("Graph", "one"), read("Board", "two")],
        ),
    )
    again = page(
        app_role_assignments=[assigned("Graph", "Ben")],
        app_role_assignments_read=[read("Graph", "one")],
    )
    complete = completion()
    complete.complete.sweeps.add(kind=ingest_pb2.DIRECTORY_KIND_APP_ROLE_ASSIGNMENT, round=3)
    await incremental(catalog, again, complete)
    found = await scope(catalog)
    assert (found["Graph"], found["Board"]) == ("one", "")


async def test_a_managed_app_that_a_page_removed_comes_back_as_it_was(
    catalog: RunningCatalog,
) -> None:
    """Managed until the sync is complete, removed then, and in no scope meanwhile."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Payroll")
    await offer(catalog, app)
    gone = page(removed_entra_service_principal_ids=[object_id("Payroll")])
    await incremental(catalog, gone)
    assert (await resolve(catalog, app.access_id, "Ben")).app_display_name == "Payroll"
    assert "Payroll" not in await scope(catalog)
    assert (await incremental(catalog, completion())).removed_count == 2
    assert (await refused(resolve(catalog, app.access_id, "Ben"))).reason == "APP_REMOVED"
    assert "Payroll" not in await scope(catalog)
    # Said once more of an app that is removed, it is nothing new.
    assert (await incremental(catalog, gone, completion())).removed_count == 0
    await incremental(catalog, MARLOWE.pages()[3], completion())
    assert (await resolve(catalog, app.access_id, "Ben")).app_display_name == "Payroll"
    assert (await scope(catalog))["Payroll"] == ""


async def test_a_new_run_goes_on_behind_what_was_committed(catalog: RunningCatalog) -> None:
    """From its first page on the earlier one is over."""
    pages, sync_id = MARLOWE.pages(), ids.new_id("syn")
    await ingest(catalog, numbered(pages[:2], sync_id, complete=False))
    taken_over = numbered(pages[1:2], sync_id, first=2, complete=False, run=2)
    refusal = await refused(ingest(catalog, taken_over))
    assert refusal.reason == "SYNC_PAGE_OUT_OF_ORDER"
    assert (await checkpoint(catalog)).run == 1
    await ingest(catalog, numbered(pages[2:3], sync_id, first=3, complete=False, run=2))
    assert (await checkpoint(catalog)).run == 2
    for first in (3, 4):
        late = numbered(pages[2:3], sync_id, first=first, complete=False)
        refusal = await refused(ingest(catalog, late))
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "SYNC_SUPERSEDED")
    rest = numbered(pages[3:], sync_id, first=4, run=2)
    response = await ingest(catalog, rest)
    assert (response.completed, response.seen_count) == (True, 21)
    assert await ingest(catalog, rest) == response


async def test_a_round_never_goes_back(catalog: RunningCatalog) -> None:
    """Within a sync, and from one to the next."""
    await sync(catalog, MARLOWE)
    await sync(catalog, MARLOWE)
    early = numbered(MARLOWE.pages()[:1], ids.new_id("syn"), complete=False)
    refusal = await refused(ingest(catalog, early))
    assert (refusal.code, refusal.fields) == ("INVALID_ARGUMENT", ("round",))


async def test_a_page_may_repeat_things(catalog: RunningCatalog) -> None:
    """The last word counts, and each entry counts as seen."""
    group = object_id("All Staff")
    repeated = page(
        groups=[
            ingest_pb2.DirectoryGroup(entra_object_id=group, display_name="first"),
            ingest_pb2.DirectoryGroup(entra_object_id=group.upper(), display_name="last"),
        ],
        memberships=[member("All Staff", "Ada")] * 3,
        app_role_assignments=[assigned("Graph", "Ada")] * 2,
    )
    response = await incremental(
        catalog, repeated, page(memberships=repeated.page.memberships), completion()
    )
    assert response.seen_count == 10
    assert (await state(catalog))["groups"] == {"last": 1}


async def test_a_sync_may_complete_without_a_page(catalog: RunningCatalog) -> None:
    """Nothing has changed since the one before."""
    await sync(catalog, MARLOWE)
    before = await state(catalog)
    response = await incremental(catalog, completion())
    assert (response.last_page_number, response.completed) == (1, True)
    assert (await event_types(catalog))[-1] == "DirectoryRefreshed"
    assert await state(catalog) == before
