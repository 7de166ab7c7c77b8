"""Rules that are told apart by app and entitlement are found as if each had been asked."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.policy.domain.content import Content, Rule
from services.policy.domain.plan import plan
from services.policy.domain.prepared import Prepared
from services.policy.domain.steps import Accept, Reject
from tests.unit.policy.contents import ids
from tests.unit.policy.examples import FACTS, NOW, policy

RULES = st.lists(
    st.builds(
        Rule,
        st.uuids().map(str),
        st.sampled_from(["true", "false"]),
        st.just((Accept(),)),
        ids("app"),
        ids("ent"),
    ),
    max_size=12,
).map(tuple)


class _Answers:
    """Answers for those two conditions."""

    def is_true(self, condition: str) -> bool:
        return condition == "true"

    def people(self, expression: str) -> tuple[str, ...]:
        raise AssertionError


@given(RULES, st.integers(0, 9), st.integers(0, 9))
def test_the_plan_is_that_of_asking_every_rule(
    rules: tuple[Rule, ...], app: int, entitlement: int
) -> None:
    """Whatever rules there are, the same ones are asked in the same order as one by one."""
    app_id, entitlement_id = f"app_{app}", f"ent_{entitlement}"
    facts = replace(
        FACTS,
        app=replace(FACTS.app, app_id=app_id),
        entitlement=replace(FACTS.entitlement, entitlement_id=entitlement_id),
    )
    content = Content(rules, (Reject("No."),))
    asked = plan(Prepared.of(policy(content)), facts, _Answers(), NOW)
    expected: list[str] = []
    match = ""
    for rule in rules:
        if rule.app_ids and app_id not in rule.app_ids:
            continue
        if rule.entitlement_ids and entitlement_id not in rule.entitlement_ids:
            continue
        expected.append(f"rule '{rule.display_name}': {rule.condition}")
        if rule.condition == "true":
            match = rule.display_name
            break
    else:
        expected.append("no rule matched, so the baseline")
    assert asked.rule == match
    assert list(asked.explanation) == expected
