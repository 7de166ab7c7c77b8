"""Whether everybody in an audience has somebody else who could approve."""

from collections.abc import Iterable
from itertools import product

from latchkey.catalog.v1 import app_pb2, approver_pb2, entitlement_pb2
from tests.integration.catalog.approving import (
    APP_OWNERS,
    CROWD,
    ENTITLEMENT_OWNERS,
    STAFF,
    Source,
    group,
    group_id,
    manager,
    named,
    resolved,
    sync_elsewhere,
)
from tests.integration.catalog.refusals import assert_refused, refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import EVERYONE, Managed, link, manage, offer, virtual_role
from tests.integration.catalog.tenant import Tenant, sync, user_id
from tests.integration.catalog.test_app_depth import change, given, update
from tests.integration.catalog.test_audience import create

FEW = STAFF.without(*CROWD)
SOURCES = (
    named("Ada"),
    named("Ada", "Cleo"),
    named("Dov"),
    manager(1),
    manager(2),
    group("Deciders"),
    group("Pair"),
    group("Former"),
    APP_OWNERS,
    ENTITLEMENT_OWNERS,
)


async def check(
    catalog: RunningCatalog,
    app_id: str,
    profile_id: str,
    approvers: Source,
    fallback: Source | None = None,
    needed: int = 1,
) -> approver_pb2.CheckApproversResponse:
    response: approver_pb2.CheckApproversResponse = await catalog.approvers.CheckApprovers(
        approver_pb2.CheckApproversRequest(
            app_id=app_id,
            access_profile_id=profile_id,
            approvers=approvers,
            fallback=fallback,
            needed=needed,
        ),
        metadata=catalog.by("policy"),
    )
    return response


async def _offered(catalog: RunningCatalog, tenant: Tenant) -> tuple[Managed, list[str]]:
    """An app with owners, and its entitlements; one has owners of its own, one can't be given."""
    await sync(catalog, tenant)
    await sync_elsewhere(catalog)
    app = await manage(catalog, "Tool")
    answer = await link(
        catalog, app.app_id, virtual_role("Pair"), virtual_role("Deciders"), virtual_role("Former")
    )
    pair, _, former = (each.entitlement_id for each in answer.entitlements)
    await offer(catalog, app)
    await update(
        catalog, app_pb2.App(app_id=app.app_id, owners=given("Ada", "Dov", "ben")), "owners"
    )
    own = entitlement_pb2.Entitlement(entitlement_id=pair, owners=given("Cleo"))
    await change(catalog, own, "owners")
    lost = entitlement_pb2.Entitlement(entitlement_id=former, owners=given("Dov"))
    lost.override.not_requestable = True
    await change(catalog, lost, "owners", "override.not_requestable")
    return app, [app.access_id, *(each.entitlement_id for each in answer.entitlements[:2])]


async def test_agrees_with_whom_each_would_be_approved_by(catalog: RunningCatalog) -> None:
    """For every kind of source, alone and with every other to fall back on, for audiences of every
    kind: those lack approvers for whom, of some entitlement that can be asked for, too few others
    are named by either."""
    app, entitlement_ids = await _offered(catalog, FEW)
    enabled = [name for name in FEW.users if name != "Dov"]
    audiences = {
        EVERYONE: enabled,
        (
            await create(catalog, display_name="People", user_ids=[user_id("Ada"), user_id("Dov")])
        ).access_profile_id: ["Ada"],
        (
            await create(catalog, display_name="Group", group_ids=[group_id("Deciders")])
        ).access_profile_id: ["ben", "Cleo", "Ada"],
        (
            await create(
                catalog,
                display_name="Expression",
                user_ids=[user_id("Xin")],
                expression="person.display_name in ['ben', 'Ida', 'Dov']",
            )
        ).access_profile_id: ["Xin", "ben", "Ida"],
    }
    others = {
        name: [
            [len(set(people) - {name}) for people, _ in answers]
            for entitlement_id in entitlement_ids
            for answers in [await resolved(catalog, entitlement_id, user_id(name), *SOURCES)]
        ]
        for name in enabled
    }

    def lack(names: Iterable[str], which: list[int], needed: int) -> set[str]:
        return {
            name
            for name in names
            if any(all(case[each] < max(needed, 1) for each in which) for case in others[name])
        }

    wrong, seen = [], set()
    pairs = product(range(len(SOURCES)), (None, *range(len(SOURCES))))
    for turn, (first, second) in enumerate(pairs):
        profile_id, members = [*audiences.items()][turn % 4]
        needed, fallback = turn // 3 % 4, None if second is None else SOURCES[second]
        found = await check(catalog, app.app_id, profile_id, SOURCES[first], fallback, needed)
        which = [each for each in (first, second) if each is not None]
        expected = lack(members, which, needed)
        seen.add(len(expected) == 0)
        if (
            found.member_count != len(members)
            or found.without_approver != len(expected)
            or set(found.user_ids) != {*map(user_id, expected)}
            or bool(found.problem) != bool(expected)
        ):
            wrong.append((first, second, needed, members, expected, found))
    assert wrong == []
    assert seen == {True, False}


async def test_says_why(catalog: RunningCatalog) -> None:
    """Of the first of those whom it names: how many others there are, and what is wrong with whom
    is asked; no more than ten are named, of however many."""
    app, _ = await _offered(catalog, STAFF)
    ada = f"Ada ({user_id('Ada')})"
    few = await create(catalog, display_name="Few", user_ids=[user_id("Ada"), user_id("Ida")])
    profile_id = few.access_profile_id
    found = await check(catalog, app.app_id, profile_id, manager(), group("Former"))
    assert found.without_approver == 2
    by_name = {
        user_id("Ada"): f"{ada}: 0 others could approve, 1 must ({ada} has no manager); in their"
        f" place: 0 others could approve, 1 must (the group Former ({group_id('Former')}) has no"
        " enabled direct members)",
        user_id("Ida"): f"Ida ({user_id('Ida')}): 0 others could approve, 1 must"
        f" (Dov ({user_id('Dov')}) is disabled); in their place: 0 others could approve, 1 must"
        f" (the group Former ({group_id('Former')}) has no enabled direct members)",
    }
    assert found.problem == by_name[found.user_ids[0]]
    found = await check(catalog, app.app_id, profile_id, named("Ada"))
    assert list(found.user_ids) == [user_id("Ada")]
    assert found.problem == f"{ada}: 0 others could approve, 1 must"
    found = await check(catalog, app.app_id, profile_id, ENTITLEMENT_OWNERS, needed=2)
    assert " and ent_" in found.problem
    found = await check(catalog, app.app_id, EVERYONE, manager(2))
    # Of Cleo and Ida the managers have one, though Ida's own is disabled.
    assert (found.member_count, found.without_approver) == (508, 506)
    assert len(found.user_ids) == 10


async def test_bad_questions(sqlite_catalog: RunningCatalog) -> None:
    """What is unknown is not found, what can't be meant refused by field; of an app of which
    nothing can be asked for nobody lacks its entitlements' owners."""
    catalog = sqlite_catalog
    await sync(catalog, FEW)
    app = await manage(catalog, "Tool")
    found = await check(catalog, app.app_id, EVERYONE, ENTITLEMENT_OWNERS)
    assert (found.member_count, found.without_approver) == (7, 0)
    assert (await check(catalog, app.app_id, EVERYONE, APP_OWNERS)).without_approver == 7
    refusal = await refused(check(catalog, "app_unknown", EVERYONE, manager()))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "APP_NOT_FOUND")
    refusal = await refused(check(catalog, app.app_id, "apr_unknown", manager()))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "ACCESS_PROFILE_NOT_FOUND")
    request = approver_pb2.CheckApproversRequest(
        app_id="usr_1", access_profile_id="", fallback=manager(7), needed=21
    )
    await assert_refused(
        catalog,
        ("approvers", "CheckApprovers", request),
        "needed",
        "app_id",
        "access_profile_id",
        "approvers",
        "fallback.manager.level",
    )
