"""What stands against a request, and against a write."""

from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain.approvers import Surroundings
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.resolution import Offer, Question, Resolution, confirm, resolve
from services.catalog.domain.settings import Defaults, EntitlementOverride
from services.catalog.domain.target import GroupMembership, Target
from tests.unit.catalog.things import a_managed_app, a_user, an_access, types

CREDENTIAL, _ = types()
MEMBER = Target("den_group", "con_1", "member of G", GroupMembership("entra-g"))
ROLE_ONLY = an_access(CREDENTIAL)
ACCESS = ROLE_ONLY.widened(MEMBER)
RULES = Defaults("pol_rules")
OFFER = Offer(ACCESS, a_managed_app(), RULES)
ASKED = Question(
    requester=a_user("Ada"),
    around=Surroundings(OFFER.app.entra_tenant_id, a_user("Ben")),
    offer=OFFER,
    in_audience=True,
    groups={"den_group": UnwritableReason.WRITABLE},
    held=frozenset({"den_access"}),
)


def answer(**other: object) -> Resolution:
    around = replace(ASKED.around, subject=other.pop("subject", ASKED.around.subject))  # type: ignore[arg-type]
    question = replace(ASKED, around=around, **other)  # type: ignore[arg-type]
    return resolve(question, ACCESS.entitlement_id, "usr_ada", "usr_ben", Defaults())


def test_held_is_everything_or_nothing() -> None:
    """A part of the fulfilment is not the entitlement."""
    assert not answer().held
    assert answer(held=frozenset({"den_access", "den_group"})).held


def refusing() -> Offer:
    override = EntitlementOverride(not_requestable=True)
    return replace(OFFER, entitlement=replace(ACCESS, override=override))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"requester": None}, "PERSON_NOT_IN_DIRECTORY"),
        ({"requester": a_user("Ada", account_enabled=False)}, "PERSON_DISABLED"),
        ({"offer": None}, "ENTITLEMENT_NOT_FOUND"),
        ({"in_audience": False}, "ENTITLEMENT_NOT_FOUND"),
        ({"offer": replace(OFFER, rules=None)}, "ENTITLEMENT_NOT_FOUND"),
        ({"offer": refusing()}, "ENTITLEMENT_NOT_FOUND"),
        (
            {"offer": replace(OFFER, app=a_managed_app(is_protected=True))},
            "ENTITLEMENT_NOT_FOUND",
        ),
        ({"requester": a_user("Ada", entra_tenant_id="other")}, "USER_NOT_FOUND"),
        (
            {
                "requester": a_user("Ada", entra_tenant_id="other"),
                "subject": a_user("Ben", entra_tenant_id="other"),
            },
            "ENTITLEMENT_NOT_FOUND",
        ),
        ({"subject": None}, "USER_NOT_FOUND"),
        ({"subject": a_user("Ben", entra_tenant_id="other")}, "USER_NOT_FOUND"),
        ({"subject": a_user("Ben", account_enabled=False)}, "PERSON_DISABLED"),
        ({"offer": replace(OFFER, app=a_managed_app(removed=True))}, "APP_REMOVED"),
        ({"offer": Offer(ROLE_ONLY, a_managed_app(), RULES, True)}, "NOT_PROVISIONABLE"),
        ({"groups": {}}, "GROUP_NOT_WRITABLE"),
        ({"groups": {"den_group": UnwritableReason.DYNAMIC}}, "GROUP_NOT_WRITABLE"),
    ],
)
def test_what_stands_against_it(other: dict[str, object], reason: str) -> None:
    """What the requester may not know of comes before what is wrong with it."""
    with pytest.raises(LatchkeyError) as caught:
        answer(**other)
    assert caught.value.reason == reason


def test_what_may_not_be_asked_for_reveals_nothing() -> None:
    """Removed, unwritable and foreign things look as unknown ones when the subject is outside,
    whoever the subject is."""
    others: tuple[dict[str, object], ...] = (
        {},
        {"offer": replace(OFFER, app=a_managed_app(removed=True))},
        {"groups": {}},
        {"subject": None},
        {"subject": a_user("Ben", entra_tenant_id="other")},
        {"subject": a_user("Ben", account_enabled=False)},
    )
    for other in others:
        with pytest.raises(LatchkeyError) as caught:
            answer(**other, in_audience=False)
        with pytest.raises(LatchkeyError) as unknown:
            answer(**other | {"offer": None})
        assert caught.value.reason == unknown.value.reason
        assert caught.value.message == unknown.value.message
        assert caught.value.facts == unknown.value.facts


def test_confirms_in_the_order_asked() -> None:
    """Each by itself, the same one twice if asked twice."""
    asked = ("den_group", "den_x", "den_access", "den_group")
    answers = confirm(OFFER, asked, {"den_group", "den_x"})
    assert [(each.target is not None, each.held, each.problem == "") for each in answers] == [
        (True, True, True),
        (False, True, False),
        (True, False, True),
        (True, True, True),
    ]


@pytest.mark.parametrize(
    "app", [a_managed_app(removed=True), a_managed_app(is_protected=True)], ids=["gone", "theirs"]
)
def test_confirms_nothing_of_what_may_not_be_written(app: object) -> None:
    """A removed app, and Microsoft's own."""
    (found,) = confirm(replace(OFFER, app=app), ("den_access",), ())  # type: ignore[arg-type]
    assert found.target is None
    assert found.problem


def test_where_only_groups_are_written_the_rest_is_left_out() -> None:
    """Of what is asked for and of what has to be held; the entitlement itself keeps it."""
    groups_only = replace(OFFER, groups_only=True)
    found = answer(offer=groups_only, held=frozenset({"den_group"}))
    assert found.offer.entitlement.fulfilment == (MEMBER,)
    assert found.held
    assert not answer(held=frozenset({"den_group"})).held
    access, group = confirm(groups_only, ("den_access", "den_group"), ())
    assert (access.target, "group memberships only" in access.problem) == (None, True)
    assert (group.target, group.problem) == (MEMBER, "")
