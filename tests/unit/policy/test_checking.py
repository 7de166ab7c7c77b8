"""CheckPolicy: what is wrong with a policy, and whom it leaves without an approver."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from latchkey.policy.v1 import policy_pb2
from libs.domain.errors import Invalid, NotFound, Unavailable
from services.policy.domain.content import Content, Rule
from services.policy.domain.coverage import Audience, Gap, Inquiry, Use, Verdict, questions
from services.policy.domain.policy import Policy
from services.policy.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    Approvers,
    Escalate,
    Expression,
    GroupMembers,
    Manager,
    People,
    Reject,
    Step,
    TimeLimit,
    Wait,
)
from services.policy.expressions import CelExpressions
from services.policy.handlers import coverage
from services.policy.handlers.check_policy import CheckPolicyHandler
from services.policy.handlers.coverage import FindCoverage
from services.policy.translate.check import check_policy, check_policy_response
from services.policy.translate.policy import policy_to_proto
from tests.fakes.policy import FakeCatalog, FakePolicies
from tests.unit.policy.examples import ACCEPTING, policy
from tests.unit.policy.test_administering import use

EXPRESSIONS = CelExpressions()
WARNING = policy_pb2.PolicyProblem.SEVERITY_WARNING
ERROR = policy_pb2.PolicyProblem.SEVERITY_ERROR
EVERYONE = Audience("apr_everyone", "Everyone")
STAFF = Audience("apr_staff", "Staff")


class Desk:
    """CheckPolicy over one set of policies."""

    def __init__(self, *policies: Policy, default: str = "", **catalog: Any) -> None:
        self.catalog = FakeCatalog(**catalog)
        self._check = CheckPolicyHandler(
            FakePolicies([*policies]), EXPRESSIONS, FindCoverage(self.catalog), default
        )

    async def check(self, **fields: Any) -> policy_pb2.CheckPolicyResponse:
        request = policy_pb2.CheckPolicyRequest(**fields)
        return check_policy_response(await self._check(check_policy(request)))


def draft(*steps: Step, rules: tuple[Rule, ...] = (), name: str = "Draft") -> policy_pb2.Policy:
    return policy_to_proto(policy(Content(rules, steps), name=name))


def said(response: policy_pb2.CheckPolicyResponse) -> list[tuple[Any, ...]]:
    return [(each.severity, each.field, each.line, each.column) for each in response.problems]


APPROVED = Approval(Manager(), fallback=AppOwners())


async def test_nothing_is_wrong() -> None:
    """Of a policy that is fine nothing is said, saved or not."""
    desk = Desk(policy(Content((), (APPROVED,))))
    assert said(await desk.check(policy_id="pol_one")) == []
    assert said(await desk.check(policy=draft(APPROVED))) == []
    assert said(await desk.check(policy_id="pol_one", policy=draft(APPROVED, name="One"))) == []


async def test_everything_that_would_be_refused_is_said() -> None:
    """In the order of the policy, expressions with their line and column; also what can't be meant
    as it was sent. Nothing is refused."""
    desk = Desk(policy(name="Taken"))
    rules = (
        Rule("A", "emergency &&\n  nobody", (Accept(),)),
        Rule("A", "true", (Accept(), Reject("No."))),
        Rule("B", "emergency", (APPROVED,)),
    )
    limit = TimeLimit(timedelta(hours=1), Escalate("pol_gone"))
    ending = Approval(AppOwners(), fallback=Manager(), time_limit=limit)
    response = await desk.check(policy=draft(ending, rules=rules, name="taken"))
    assert said(response) == [
        (ERROR, "policy.display_name", 0, 0),
        (ERROR, "policy.rules[0].condition", 2, 3),
        (ERROR, "policy.rules[1].display_name", 0, 0),
        (ERROR, "policy.rules[1].steps[0]", 0, 0),
        (ERROR, "policy.rules[2]", 0, 0),
        (ERROR, "policy.baseline[0].approval.time_limit.escalate_to_policy_id", 0, 0),
    ]
    response = await desk.check(policy=policy_pb2.Policy(rules=[policy_pb2.Rule()]))
    assert (ERROR, "policy.baseline", 0, 0) in said(response)
    assert (ERROR, "policy.rules[0].condition", 0, 0) in said(response)


async def test_what_somebody_should_look_at_is_said() -> None:
    """Approval by nobody, by one person alone, by whoever there may not be, and words that say
    nothing."""
    odd: list[tuple[tuple[Step, ...], list[str]]] = [
        ((Accept(),), ["baseline[0]"]),
        ((Approval(People(("usr_a",))),), ["baseline[0].approval.approvers"]),
        (
            (Approval(People(("usr_a",)), fallback=People(("usr_a",))),),
            ["baseline[0].approval.approvers"],
        ),
        ((Approval(People(("usr_a", "usr_b"))),), []),
        ((Approval(People(("usr_a",)), fallback=Manager()),), []),
        ((Approval(GroupMembers("grp_a")),), ["baseline[0].approval.fallback"]),
        ((replace(APPROVED, distinct=True),), ["baseline[0].approval.distinct"]),
        ((APPROVED, replace(APPROVED, distinct=True)), []),
        ((APPROVED, Reject("No.")), ["baseline[1]"]),
        ((Wait(timedelta(hours=1)), Reject("No.")), []),
    ]
    for steps, fields in odd:
        response = await Desk().check(policy=draft(*steps))
        assert [each.field for each in response.problems] == [f"policy.{each}" for each in fields]
        assert {each.severity for each in response.problems} <= {WARNING}


async def test_what_to_look_at_is_named() -> None:
    """A question without a policy, for coverage without a saved one, or about one that is not
    there, is refused."""
    for fields in ({}, {"policy": draft(APPROVED), "coverage": True}):
        with pytest.raises(Invalid) as raised:
            await Desk().check(**fields)
        assert [violation.field for violation in raised.value.violations] == ["policy_id"]
    with pytest.raises(NotFound):
        await Desk().check(policy_id="pol_gone")


def covered(content: Content, *uses: Use, **catalog: Any) -> Desk:
    return Desk(policy(content), used={"pol_one": uses}, **catalog)


async def test_coverage_is_by_app_audience_rule_and_step() -> None:
    """Each once, emergencies too; rules that are for others are not asked about, and neither are
    steps that are no approval."""
    manager, owners = Approval(Manager()), Approval(AppOwners(), needed=2)
    content = Content(
        (
            Rule("Other app", "emergency", (manager,), app_ids=("app_9",)),
            Rule("Other entitlement", "without_end", (manager,), entitlement_ids=("ent_9",)),
            Rule("This", "!emergency", (Wait(timedelta(hours=1)), owners), ("app_1",), ("ent_1",)),
        ),
        (manager, Accept()),
    )
    desk = covered(
        content,
        use(1, entitlement_id="ent_1", audiences=(EVERYONE, STAFF)),
        use(1, entitlement_id="ent_1", audiences=(EVERYONE,), emergency=True),
        use(2, audiences=(STAFF,), emergency=True),
    )
    response = await desk.check(policy_id="pol_one", coverage=True)
    assert [
        (each.app_id, each.access_profile_id, each.rule, each.step, each.verdict)
        for each in response.coverage
    ] == [
        ("app_1", "apr_everyone", "This", 1, Verdict.PROVEN.value),
        ("app_1", "apr_everyone", "", 0, Verdict.PROVEN.value),
        ("app_1", "apr_staff", "This", 1, Verdict.PROVEN.value),
        ("app_1", "apr_staff", "", 0, Verdict.PROVEN.value),
        ("app_2", "apr_staff", "Other entitlement", 0, Verdict.PROVEN.value),
        ("app_2", "apr_staff", "", 0, Verdict.PROVEN.value),
    ]
    assert response.coverage[0].app_display_name == "App 1"
    assert response.coverage[0].access_profile_display_name == "Everyone"
    # The same question is asked once.
    assert len(desk.catalog.asked) == len(set(desk.catalog.asked)) == 5
    assert Inquiry("app_1", "apr_staff", AppOwners(), None, 2) in desk.catalog.asked
    draft_of_it = await desk.check(policy_id="pol_one", policy=draft(Accept()), coverage=True)
    assert list(draft_of_it.coverage) == []


async def _verdict(*steps: Step, **gaps: Gap | None) -> tuple[int, int, list[str], str]:
    """Of the last step, where the catalog answers by source and number needed."""
    sources: dict[str, Approvers] = {"manager": Manager(), "owners": AppOwners()}
    inquiries = {}
    for name, gap in gaps.items():
        first, *then, needed = name.split("_")
        fallback = sources[then[0]] if then else None
        inquiries[Inquiry("app_1", "apr_staff", sources[first], fallback, int(needed))] = gap
    desk = covered(Content((), steps), use(1, audiences=(STAFF,)), gaps=inquiries)
    found = (await desk.check(policy_id="pol_one", coverage=True)).coverage[-1]
    return found.verdict, found.without_approver, list(found.user_ids), found.message


async def test_verdicts() -> None:
    """Proven is only what the catalog's answers prove; what depends on what nobody knows yet is
    called so, with why."""
    proven, refuted, unknown = 1, 2, 3
    some = Gap(2, ("usr_a", "usr_b"), "usr_a has no manager")
    expression = "whom the expression names is known only when somebody asks"
    earlier = "it depends on who approves the steps before, who may not decide this one"
    named, manager = Expression("managers"), Manager()
    cases: list[tuple[tuple[Step, ...], dict[str, Gap | None], Any]] = [
        ((Approval(manager),), {}, (proven, 0, [], "")),
        (
            (Approval(manager),),
            {"manager_1": some},
            (refuted, 2, ["usr_a", "usr_b"], "usr_a has no manager"),
        ),
        (
            (Approval(manager, all=True),),
            {"manager_0": some},
            (refuted, 2, ["usr_a", "usr_b"], some.problem),
        ),
        ((APPROVED,), {"manager_1": some}, (proven, 0, [], "")),
        (
            (Approval(manager),),
            {"manager_1": None},
            (unknown, 0, [], "the app or the audience is gone from the catalog"),
        ),
        ((Approval(named),), {}, (unknown, 0, [], expression)),
        ((Approval(named, fallback=AppOwners()),), {}, (proven, 0, [], "")),
        (
            (Approval(named, fallback=AppOwners()),),
            {"owners_1": some},
            (unknown, 0, [], expression),
        ),
        ((Approval(manager, fallback=named),), {"manager_1": some}, (unknown, 0, [], expression)),
        (
            (Approval(manager), Approval(AppOwners(), distinct=True)),
            {"owners_3": some},
            (unknown, 0, [], earlier),
        ),
        ((Approval(manager), Approval(AppOwners(), distinct=True)), {}, (proven, 0, [], "")),
        (
            (Approval(manager), Approval(AppOwners(), distinct=True)),
            {"owners_1": some},
            (refuted, 2, ["usr_a", "usr_b"], some.problem),
        ),
        (
            (Approval(manager, all=True), Approval(AppOwners(), distinct=True)),
            {},
            (unknown, 0, [], earlier),
        ),
        (
            (
                Approval(GroupMembers("grp_a"), needed=12),
                Approval(AppOwners(), needed=9, distinct=True),
            ),
            {},
            (unknown, 0, [], earlier),
        ),
    ]
    for steps, gaps, expected in cases:
        assert await _verdict(*steps, **gaps) == expected, (steps, gaps)


async def test_without_the_catalog_there_is_no_coverage() -> None:
    """It is not guessed. What is wrong with the policy itself is said without the catalog."""
    desk = covered(ACCEPTING, use(1), away=True)
    with pytest.raises(Unavailable):
        await desk.check(policy_id="pol_one", coverage=True)
    assert len((await desk.check(policy_id="pol_one")).problems) == 1


async def test_what_is_too_much_is_said() -> None:
    """A policy that is used in thousands of places is looked at in some of them, and that is
    said."""
    uses = [use(number, audiences=(EVERYONE,)) for number in range(coverage.USES_MOST + 1)]
    desk = covered(Content((), (APPROVED,)), *uses)
    response = await desk.check(policy_id="pol_one", coverage=True)
    assert len(response.coverage) == coverage.QUESTIONS_MOST
    assert [each.field for each in response.problems] == ["coverage"]


async def test_coverage_says_where_it_does_not_look() -> None:
    """At apps that name no policy when it is the default, and at where policies are used that
    escalate to it: nothing found there is no proof."""
    limit = TimeLimit(timedelta(days=1), Escalate("pol_two"))
    first = policy(Content((), (replace(APPROVED, time_limit=limit),)))
    second = policy(Content((), (APPROVED,)), policy_id="pol_two", name="Two")
    desk = Desk(first, second, default="pol_two")
    found = await desk.check(policy_id="pol_two", coverage=True)
    assert [(each.field, each.severity) for each in found.problems] == [("coverage", WARNING)] * 2
    default, escalated = (each.message for each in found.problems)
    assert "default" in default
    assert first.display_name in escalated
    assert said(await desk.check(policy_id="pol_two")) == []


def test_an_approval_in_anothers_place_takes_two_out_of_the_steps_that_follow() -> None:
    """Unless its step allows no delegation: where two remain for a distinct step that needs one,
    both may have decided the first."""
    distinct = replace(APPROVED, distinct=True)
    for no_delegation, earlier in ((False, 2), (True, 1)):
        content = Content((), (replace(APPROVED, no_delegation=no_delegation), distinct))
        used = Use("app_1", "App", "", "", True, False, (EVERYONE,))
        asked = [each.earlier for each in questions(content, (used,))]
        assert asked == [0, earlier]
