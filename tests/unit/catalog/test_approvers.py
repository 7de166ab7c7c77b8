"""Whom sources of approvers stand for, and for whom of an audience they are too few."""

from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile
from services.catalog.domain.approvers import (
    Approvers,
    FoundGroup,
    GroupMembers,
    Manager,
    OwnersOfApp,
    OwnersOfEntitlement,
    People,
    Source,
    Surroundings,
    approvers_of,
)
from services.catalog.domain.coverage import Coverage, Need
from services.catalog.domain.owner import AppOwners, Owner
from services.catalog.handlers import check_approvers, resolve_approvers
from services.catalog.handlers.check_approvers import CheckApprovers
from services.catalog.handlers.resolve_approvers import ResolveApprovers
from tests.fakes.catalog import FakeCatalog
from tests.fakes.catalog_people import (
    FakeAccessProfiles,
    FakeApproverSources,
)
from tests.unit.catalog.things import NOW, TENANT, a_managed_app, a_user, an_access, types

ADA = a_user("Ada")
BEN = a_user("ben", manager_user_id="usr_ada")
CLEO = a_user("Cleo", manager_user_id="usr_ben")
DOV = a_user("Dov", manager_user_id="usr_gone", account_enabled=False)
ZOE = a_user("Zoe", entra_tenant_id="other")
PEOPLE = {user.user_id: user for user in (ADA, BEN, CLEO, DOV, ZOE)}
ACCESS = an_access(types()[0])
AROUND = Surroundings(
    TENANT,
    CLEO,
    PEOPLE,
    groups={
        "grp_all": FoundGroup("All", TENANT, ("usr_cleo", "usr_ben", "usr_dov", "usr_zoe")),
        "grp_many": FoundGroup("Many", TENANT, ("usr_ada",), too_many=True),
        "grp_other": FoundGroup("Other", "other", ("usr_ada",)),
    },
)


def names(source: Source, around: Surroundings = AROUND) -> tuple[list[str], str]:
    found = approvers_of(source, around)
    return [user.display_name for user in found.people], found.problem


@pytest.mark.parametrize(
    ("source", "people", "problem"),
    [
        (People(("usr_cleo", "usr_ben", "usr_ben")), ["ben", "Cleo"], ""),
        (People(("usr_ada", "usr_x")), ["Ada"], "usr_x is not in the directory"),
        (People(("usr_dov", "usr_zoe")), [], "Dov (usr_dov) is disabled; usr_zoe is of another"),
        (Manager(1), ["ben"], ""),
        (Manager(2), ["Ada"], ""),
        (Manager(3), [], "no manager at level 3: Ada (usr_ada) has no manager"),
        (OwnersOfApp(), [], "the app has no owners"),
        (GroupMembers("grp_all"), ["ben", "Cleo"], ""),
        (GroupMembers("grp_many"), [], "more than 500 direct members"),
        (GroupMembers("grp_other"), [], "the group grp_other is of another tenant"),
        (GroupMembers("grp_x"), [], "the group grp_x is not in the directory"),
    ],
)
def test_enabled_people_of_the_subjects_tenant(
    source: Source, people: list[str], problem: str
) -> None:
    """By name, each once, with what is wrong with those who are missing."""
    found, why = names(source)
    assert found == people
    assert problem in why
    assert bool(problem) == bool(why)


def test_the_tenant_is_the_subjects() -> None:
    """Nobody of the app's tenant approves for somebody of another."""
    around = replace(AROUND, subject=ZOE)
    assert names(People(("usr_ada", "usr_zoe")), around)[0] == ["Zoe"]
    assert names(GroupMembers("grp_all"), around) == (
        [],
        "the group grp_all is of another tenant",
    )


def test_a_line_of_managers_ends() -> None:
    """Before it would come round, and where the directory knows nobody."""
    round_about = replace(ADA, manager_user_id="usr_cleo")
    around = replace(AROUND, people={**PEOPLE, "usr_ada": round_about})
    assert names(Manager(2), around)[0] == ["Ada"]
    assert "comes round" in names(Manager(3), around)[1]
    assert "not in the directory" in names(Manager(1), replace(AROUND, subject=DOV))[1]


def test_owners() -> None:
    """Named people and whoever holds what is named; of the tenant and enabled only."""
    owners = (Owner("usr_dov"), Owner("ent_1"), Owner("ent_2"))
    around = replace(
        AROUND, app_owners=owners, entitlement_owners=owners[:1], holders={"ent_1": [ZOE, BEN]}
    )
    people, why = names(OwnersOfApp(), around)
    assert people == ["ben"]
    assert why == "Dov (usr_dov) is disabled; no enabled person holds ent_2"
    assert names(OwnersOfEntitlement(), around) == (
        [],
        "no owner of the entitlement can approve: Dov (usr_dov) is disabled",
    )


def catalog(**other: object) -> FakeCatalog:
    fields = {
        "apps": {"app_1": a_managed_app()},
        "entitlements": {ACCESS.entitlement_id: ACCESS},
        "users": PEOPLE,
        "access_profiles": {
            EVERYONE_ID: AccessProfile(EVERYONE_ID, "Everyone", "", (), NOW),
            "apr_1": AccessProfile("apr_1", "Some", "", ("usr_ada", "usr_dov"), NOW),
        },
        "owners": {"app_1": AppOwners((Owner("usr_ada"), Owner("usr_ben")))},
        "found_groups": AROUND.groups,
    }
    return FakeCatalog(**fields | other)  # type: ignore[arg-type]


async def check(of: FakeCatalog, profile_id: str, *asked: Source, needed: int = 1) -> Coverage:
    need = Need(asked[0], asked[1] if asked[1:] else None, needed)
    handler = CheckApprovers(FakeApproverSources(of), FakeAccessProfiles(of))
    return await handler(check_approvers.Query("app_1", profile_id, need))


@pytest.mark.parametrize(
    ("asked", "needed", "lacking"),
    [
        ([People(("usr_ada",))], 1, ["usr_ada"]),
        ([People(("usr_ada",))], 0, ["usr_ada"]),
        ([People(("usr_ada", "usr_ben"))], 1, []),
        ([People(("usr_ada", "usr_ben"))], 0, []),
        ([People(("usr_ada", "usr_ben"))], 2, ["usr_ada", "usr_ben"]),
        ([People(("usr_ada", "usr_ben"))], 3, ["usr_ada", "usr_ben", "usr_cleo"]),
        ([People(("usr_ada",)), People(("usr_ben",))], 1, []),
        ([Manager(1)], 1, ["usr_ada"]),
        ([Manager(2)], 1, ["usr_ada", "usr_ben"]),
        ([Manager(1), People(("usr_ada",))], 1, ["usr_ada"]),
        ([Manager(1), People(("usr_ben",))], 1, []),
        ([People(("usr_ben",)), Manager(1)], 1, []),
        ([Manager(2), Manager(1)], 1, ["usr_ada"]),
        ([OwnersOfApp()], 2, ["usr_ada", "usr_ben"]),
        ([OwnersOfEntitlement()], 1, []),
        ([GroupMembers("grp_many")], 1, ["usr_ada", "usr_ben", "usr_cleo"]),
    ],
)
async def test_who_lacks_approvers(asked: list[Source], needed: int, lacking: list[str]) -> None:
    """Those for whom too few others are named, by what is asked first and by what is instead."""
    found = await check(catalog(), EVERYONE_ID, *asked, needed=needed)
    assert found.member_count == 3
    assert (found.without_approver, [*found.user_ids]) == (len(lacking), lacking)
    assert found.problem.startswith(PEOPLE[lacking[0]].display_name if lacking else "")
    assert bool(found.problem) == bool(lacking)


async def test_the_poorest_entitlement_counts() -> None:
    """Where each has owners of its own, it is enough that one has too few; with none to ask for
    nobody lacks anything."""
    second = replace(ACCESS, entitlement_id="ent_zz")
    both = {ACCESS.entitlement_id: ACCESS, "ent_zz": second}
    of = catalog(entitlements=both, entitlement_owners={"ent_zz": (Owner("usr_cleo"),)})
    found = await check(of, EVERYONE_ID, OwnersOfEntitlement())
    assert found.user_ids == ("usr_cleo",)
    assert found.problem == "Cleo (usr_cleo) and ent_zz: 0 others could approve, 1 must"
    assert (await check(of, "apr_1", OwnersOfEntitlement())) == Coverage(1)
    of = catalog(entitlements={}, owners={})
    assert (await check(of, EVERYONE_ID, OwnersOfEntitlement())).without_approver == 0


async def test_what_is_unknown() -> None:
    """Is not found, whatever else is asked."""
    of = catalog(apps={})
    for call, reason in (
        (check(of, EVERYONE_ID, Manager(1)), "APP_NOT_FOUND"),
        (check(catalog(), "apr_x", Manager(1)), "ACCESS_PROFILE_NOT_FOUND"),
        (resolve(catalog(), "ent_x", "usr_ada"), "ENTITLEMENT_NOT_FOUND"),
        (resolve(catalog(), ACCESS.entitlement_id, "usr_x"), "USER_NOT_FOUND"),
    ):
        with pytest.raises(LatchkeyError) as caught:
            await call
        assert caught.value.reason == reason
    (found,) = await resolve(catalog(), ACCESS.entitlement_id, "usr_cleo")
    assert found.people == (BEN,)


async def resolve(of: FakeCatalog, entitlement_id: str, user_id: str) -> tuple[Approvers, ...]:
    query = resolve_approvers.Query(entitlement_id, user_id, (Manager(1),))
    return await ResolveApprovers(FakeApproverSources(of))(query)
