"""Who is in an audience and why, and where an entitlement stands."""

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain.access_profile import AccessProfile, Reasons, explain
from services.catalog.domain.app_catalog import standing
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.use import Use, UseState
from services.catalog.expressions import CelExpressions
from services.catalog.handlers.change_access_profile import (
    Command,
    DeleteAccessProfile,
    UpdateAccessProfile,
)
from services.catalog.handlers.checked_profile import CheckedProfile
from tests.fakes.catalog import FakeCatalog
from tests.fakes.catalog_people import (
    FakeAccessProfiles,
    FakeDirectory,
    FakeExpressions,
)
from tests.unit.catalog.things import NOW, ROOT, a_user

TEAM = AccessProfile("apr_1", "Team", "", ("usr_ada", "usr_gone"), NOW)


def test_why_somebody_is_no_member() -> None:
    """Being disabled beats every reason; a failed expression is told, and makes nobody a member."""
    assert not explain(a_user("Ada", account_enabled=False), Reasons(named=True)).member
    assert "x" in explain(a_user("Ada"), Reasons(problem="x")).problem
    assert explain(a_user("Ada"), Reasons(named=True, problem="x")).member
    assert explain(a_user("Ada"), Reasons()).problem == "nothing of the profile fits them"


def test_an_expression_knows_a_person() -> None:
    """All fields are texts; what the directory does not say is empty."""
    is_true = CelExpressions().given(a_user("Ada", department="Finance"))
    assert is_true('person.department == "Finance" && person.mail == ""')
    assert is_true('person.user_id.startsWith("usr_")')


@pytest.mark.parametrize(
    ("held", "states", "expected"),
    [
        (False, [], "REQUESTABLE"),
        (True, [UseState.OPEN], "HELD"),
        (False, [UseState.OPEN], "REQUESTED"),
        (False, [UseState.FAILED], "REQUESTED"),
        (False, [UseState.ENDING], "REQUESTABLE"),
        (False, [UseState.ENDING, UseState.GRANTED], "REQUESTED"),
        (False, [UseState.OPEN, UseState.ACTIVE], "HELD"),
    ],
)
def test_where_it_stands(held: bool, states: list[UseState], expected: str) -> None:
    """An active lease holds, an open request asks, and what ends does neither."""
    uses = [
        Use(f"req_{at}", "ent_1", "app_1", "usr_ada", state, "" if state == "OPEN" else "lea_1")
        for at, state in enumerate(states)
    ]
    assert standing(held, uses).state == expected


async def test_changes_only_what_is_named() -> None:
    """People whom the directory has lost may stay; what is so already is no change."""
    catalog = FakeCatalog(access_profiles={"apr_1": TEAM}, users={"usr_ada": a_user("Ada")})
    profiles = FakeAccessProfiles(catalog)
    checked = CheckedProfile(profiles, FakeDirectory(catalog), FakeExpressions())
    update = UpdateAccessProfile(profiles, checked)
    same = await update(Command("apr_1", "1", {"display_name": "Team"}), ROOT)
    assert (same.result, same.change) == (TEAM, None)
    changed = await update(Command("apr_1", "", {"expression": "true"}), ROOT)
    assert (changed.result.expression, changed.result.version) == ("true", 2)
    for values in ({"expression": "nonsense"}, {"user_ids": ("usr_x",)}, {"group_ids": ("grp_x",)}):
        with pytest.raises(LatchkeyError):
            await update(Command("apr_1", "", values), ROOT)
    catalog.rules["app_1"] = EntitlementRules("app_1", access_profile_ids=("apr_1",))
    with pytest.raises(LatchkeyError) as caught:
        await DeleteAccessProfile(profiles)("apr_1", "", ROOT)
    assert caught.value.reason == "ACCESS_PROFILE_IN_USE"
