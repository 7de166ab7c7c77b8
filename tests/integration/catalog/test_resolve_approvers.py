"""Whom sources of approvers stand for."""

from dataclasses import replace

import pytest
from sqlalchemy import insert

from latchkey.catalog.v1 import app_pb2, approver_pb2, entitlement_pb2, grant_pb2
from services.catalog.store.tables import directory_app_owners
from tests.integration.catalog.approving import (
    APP_OWNERS,
    CROWD,
    ENTITLEMENT_OWNERS,
    FOREIGN_GROUP,
    FOREIGNER,
    STAFF,
    Source,
    group,
    group_id,
    manager,
    named,
    people,
    resolved,
    sync_elsewhere,
)
from tests.integration.catalog.plans import captured
from tests.integration.catalog.refusals import assert_refused, refused
from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.integration.catalog.steps import (
    Managed,
    link,
    manage,
    offer,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import role_id, sync, user_id
from tests.integration.catalog.test_app_depth import change, given, update
from tests.support.issuer import TestIssuer
from tests.support.postgres import PostgresServer


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """An app that nobody may ask anything of."""
    await sync(catalog, STAFF)
    await sync_elsewhere(catalog)
    return await manage(catalog, "Tool")


async def test_stands_for_enabled_people_of_the_tenant(
    catalog: RunningCatalog, app: Managed
) -> None:
    """People by name, managers by level, a group's direct members up to 500, each with what is
    wrong; in one statement, and of an entitlement that nobody may ask for."""
    others = group("Deciders")
    others.group_members.group_id = "grp_unknown"
    foreign = group("Deciders")
    foreign.group_members.group_id = FOREIGN_GROUP
    asked = [
        people(user_id("Cleo"), user_id("ben"), user_id("Ada"), user_id("Cleo")),
        people("usr_unknown", FOREIGNER, user_id("Dov"), user_id("Ada")),
        manager(1),
        manager(2),
        manager(3),
        group("Deciders"),
        group("Former"),
        group("Nobody"),
        group("Crowd"),
        group("Most"),
        others,
        foreign,
    ]
    with captured() as statements:
        found = await resolved(catalog, app.access_id, user_id("Cleo"), *asked)
    assert len([each for each in statements if "directory_users" in each.text]) == 1
    ada, dov = f"Ada ({user_id('Ada')})", f"Dov ({user_id('Dov')})"
    assert found == [
        (["Ada", "ben", "Cleo"], ""),
        (
            ["Ada"],
            f"usr_unknown is not in the directory; {FOREIGNER} is of another tenant;"
            f" {dov} is disabled",
        ),
        (["ben"], ""),
        (["Ada"], ""),
        ([], f"Cleo ({user_id('Cleo')}) has no manager at level 3: {ada} has no manager"),
        (["Ada", "ben", "Cleo"], ""),
        ([], f"the group Former ({group_id('Former')}) has no enabled direct members"),
        ([], f"the group Nobody ({group_id('Nobody')}) has no direct members"),
        ([], f"the group Crowd ({group_id('Crowd')}) has more than 500 direct members"),
        (CROWD[1:], ""),
        ([], "the group grp_unknown is not in the directory"),
        ([], f"the group {FOREIGN_GROUP} is of another tenant"),
    ]
    for name, words in (
        ("Ada", f"{ada} has no manager"),
        ("Ida", f"{dov} is disabled"),
        ("Una", f"the manager of Una ({user_id('Una')}) is not in the directory"),
    ):
        assert await resolved(catalog, app.access_id, user_id(name), manager()) == [([], words)]
    (first, second) = await resolved(catalog, app.access_id, user_id("Xin"), manager(1), manager(2))
    assert first == (["Yves"], "")
    assert (second[0], "comes round" in second[1]) == ([], True)


async def test_owners_are_those_who_answer(catalog: RunningCatalog, app: Managed) -> None:
    """Those in Entra, then those given, with who holds what is named; the entitlement's own before
    the app's; nobody, and nobody who is enabled, with the reason."""
    answer = await link(catalog, app.app_id, virtual_role("Pair"))
    role = answer.entitlements[0].entitlement_id
    both = (APP_OWNERS, ENTITLEMENT_OWNERS)

    async def owners() -> list[tuple[list[str], str]]:
        return await resolved(catalog, role, user_id("Cleo"), *both)

    assert await owners() == [
        ([], "the app has no owners"),
        ([], "the entitlement has no owners"),
    ]
    await catalog.service.database.write(
        lambda connection: connection.execute(
            insert(directory_app_owners),
            [
                {"app_id": app.app_id, "user_id": each}
                for each in (user_id("Ida"), user_id("ben"), FOREIGNER)
            ],
        )
    )
    assert await owners() == [(["ben", "Ida"], f"{FOREIGNER} is of another tenant")] * 2
    wanted = app_pb2.App(app_id=app.app_id, owners=given("Dov"))
    await update(catalog, wanted, "owners")
    dov = f"Dov ({user_id('Dov')}) is disabled"
    assert await owners() == [
        ([], f"no owner of the app can approve: {dov}"),
        ([], f"no owner of the entitlement can approve: {dov}"),
    ]
    owned = entitlement_pb2.Entitlement(
        entitlement_id=role, owners=given("Xin", "Dov", holders=(role, app.access_id))
    )
    await change(catalog, owned, "owners")
    assert (await owners())[1] == (
        ["Ada", "Cleo", "Xin"],
        f"{dov}; no enabled person holds {app.access_id}",
    )
    await sync(catalog, STAFF.without("Tool"))
    assert (await owners())[1][0] == ["Ada", "Cleo", "Xin"]
    await sync(catalog, replace(STAFF, disabled=frozenset({"Dov", "Ada", "Xin"})))
    assert (await owners())[1][0] == ["Cleo"]


async def test_a_resolution_says_whom_managers_and_owners_stand_for(
    catalog: RunningCatalog, app: Managed
) -> None:
    """When asked: the same as who asks for them, for people with managers of every kind, and owners
    who are people or nobody. Owners that are entitlements, levels above the second, and those
    behind the first that there is not, are left to be asked for."""
    await offer(catalog, app)
    answer = await link(catalog, app.app_id, virtual_role("Deciders", "Decider"))
    role = answer.entitlements[-1].entitlement_id
    everybody = ("Ada", "ben", "Cleo", "Ida", "Una", "Xin")

    async def told(subject: str) -> list[str]:
        """The sources that were answered, each as `ResolveApprovers` answers it."""
        assert not (await resolve(catalog, role, subject)).approvers
        found = await resolve(catalog, role, subject, include_approvers=True)
        named = (*found.managers, *found.app_owners, *found.entitlement_owners)
        names = {user.user_id: user.display_name for user in named}
        sources = [each.source for each in found.approvers]
        assert [
            ([names[id] for id in each.user_ids], each.problem) for each in found.approvers
        ] == await resolved(catalog, role, user_id(subject), *sources)
        return [
            f"manager {each.manager.level}"
            if each.HasField("manager")
            else str(each.WhichOneof("kind"))
            for each in sources
        ]

    owners = ["app_owners", "entitlement_owners"]
    assert await told("Cleo") == ["manager 1", "manager 2", *owners]
    assert await told("Una") == ["manager 1", *owners]
    wanted = app_pb2.App(app_id=app.app_id, owners=given("ben", "Dov", "Ida"))
    await update(catalog, wanted, "owners")
    owned = entitlement_pb2.Entitlement(entitlement_id=role, owners=given("Cleo", "Ada"))
    await change(catalog, owned, "owners")
    for subject in everybody:
        assert (await told(subject))[-2:] == owners
    owned = entitlement_pb2.Entitlement(
        entitlement_id=role, owners=given("Ada", holders=(app.access_id,))
    )
    await change(catalog, owned, "owners")
    for subject in everybody:
        assert (await told(subject))[-1] == "app_owners"


async def test_whatever_order_texts_have(
    postgres_server: PostgresServer, nats_url: str, issuer: TestIssuer
) -> None:
    """Members of groups are found where a database puts letters behind other signs: those of a
    source, and those who hold through a group."""
    name = postgres_server.create_database(order_of="en-US")
    async with running_catalog(postgres_server.url(name), nats_url, issuer) as catalog:
        await sync(catalog, STAFF.without(*CROWD))
        app = await manage(catalog, "Tool")
        asked = (group("Pair"), group("Deciders"))
        assert await resolved(catalog, app.access_id, user_id("ben"), *asked) == [
            (["Ada", "Cleo"], ""),
            (["Ada", "ben", "Cleo"], ""),
        ]
        grants = await catalog.grants.ListGrants(
            grant_pb2.ListGrantsRequest(directory_entitlement_id=role_id("Tool")),
            metadata=root(catalog),
        )
        assert {each.user_display_name for each in grants.grants} == {"Ada", "ben", "Cleo", "Dov"}
    postgres_server.drop_database(name)


async def test_bad_questions(sqlite_catalog: RunningCatalog) -> None:
    """Unknown ids are not found; ids, counts, levels and missing kinds are refused by field."""
    catalog = sqlite_catalog
    await sync(catalog, STAFF)
    app = await manage(catalog, "Tool")
    refusal = await refused(resolved(catalog, "ent_unknown", user_id("Ada"), manager()))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "ENTITLEMENT_NOT_FOUND")
    refusal = await refused(resolved(catalog, app.access_id, "usr_unknown", manager()))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "USER_NOT_FOUND")

    async def refuses(
        *sources: Source, fields: tuple[str, ...], entitlement: str = "ent_1"
    ) -> None:
        request = approver_pb2.ResolveApproversRequest(
            entitlement_id=entitlement, subject_user_id="usr_1", sources=sources
        )
        await assert_refused(catalog, ("approvers", "ResolveApprovers", request), *fields)

    await refuses(fields=("sources",))
    await refuses(*[APP_OWNERS] * 41, fields=("sources",))
    await refuses(APP_OWNERS, fields=("entitlement_id",), entitlement="app_1")
    await refuses(
        Source(),
        Source(people=Source.People()),
        people("usr_1", "grp_1", ""),
        people(*["usr_1"] * 101),
        manager(0),
        manager(6),
        Source(group_members=Source.GroupMembers(group_id="usr_1")),
        fields=(
            "sources[0]",
            "sources[1].people.user_ids",
            "sources[2].people.user_ids[1]",
            "sources[2].people.user_ids[2]",
            "sources[3].people.user_ids",
            "sources[4].manager.level",
            "sources[5].manager.level",
            "sources[6].group_members.group_id",
        ),
    )
    assert await resolved(catalog, app.access_id, user_id("Ada"), *[named("Ada")] * 40)
