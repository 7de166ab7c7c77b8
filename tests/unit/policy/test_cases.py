"""The behaviour of policies, as cases in files: tests/cases/policy."""

import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.domain.changes import Outcome
from libs.domain.errors import Invalid, LatchkeyError
from services.policy.domain.content import Content, Rule
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.plan import Plan
from services.policy.domain.policy import Policy
from services.policy.domain.steps import Accept, Reject, Step
from services.policy.expressions import CelExpressions
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.create_policy import CreatePolicy, CreatePolicyHandler
from services.policy.handlers.evaluate_policy import EvaluatePolicy, EvaluatePolicyHandler
from tests.fakes.clock import FakeClock
from tests.fakes.policy import FakePolicies
from tests.unit.policy.examples import FACTS, NOW, PERSON

CASES = sorted((Path(__file__).parents[2] / "cases" / "policy").glob("*.toml"))
EXPRESSIONS = CelExpressions()


def _steps(steps: list[dict[str, str]]) -> tuple[Step, ...]:
    kinds: dict[str, type[Step]] = {"accept": Accept, "reject": Reject}
    return tuple(kinds[kind](message) for step in steps for kind, message in step.items())


def _content(policy: dict[str, Any]) -> Content:
    return Content(
        rules=tuple(
            Rule(rule["display_name"], rule["condition"].strip(), _steps(rule["steps"]))
            for rule in policy.get("rules", [])
        ),
        baseline=_steps(policy["baseline"]),
    )


def _facts(given: dict[str, Any]) -> Facts:
    seconds = given.get("requested_seconds")
    return replace(
        FACTS,
        subject=replace(FACTS.subject, **given.get("subject", {})),
        requester=replace(FACTS.requester, **given.get("requester", {})),
        entitlement=replace(FACTS.entitlement, **given.get("entitlement", {})),
        app=replace(FACTS.app, **given.get("app", {})),
        requested_duration=None if seconds is None else timedelta(seconds=seconds),
        emergency=given.get("emergency", False),
        now=given.get("now", FACTS.now),
    )


async def _created_and_evaluated(case: dict[str, Any]) -> Plan:
    policies, clock = FakePolicies(), FakeClock(NOW)
    create = CreatePolicyHandler(policies, CheckedPolicy(policies, EXPRESSIONS), clock)
    created: Outcome[Policy] = await create(
        CreatePolicy(PERSON, "The policy", "", _content(case["policy"]))
    )
    assert created.change is not None
    policies.keep(created.change)
    evaluate = EvaluatePolicyHandler(policies, EXPRESSIONS, clock, "pol_none")
    return await evaluate(EvaluatePolicy(created.result.policy_id, _facts(case.get("facts", {}))))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
async def test_case(file: Path) -> None:
    """The policy of a case answers its facts as the case says."""
    case = tomllib.loads(file.read_text())
    expected = case["expected"]
    if "error" not in expected:
        plan = await _created_and_evaluated(case)
        assert plan.rule == expected["rule"]
        assert plan.condition == expected.get("condition", plan.condition)
        assert plan.steps == _steps(expected["steps"])
        assert list(plan.explanation) == expected["explanation"]
        return
    with pytest.raises(LatchkeyError) as raised:
        await _created_and_evaluated(case)
    error = expected["error"]
    assert raised.value.reason == error["reason"]
    assert raised.value.facts.items() >= error.get("facts", {}).items()
    if "violations" in error:
        assert isinstance(raised.value, Invalid)
        found = {violation.field: violation.problem for violation in raised.value.violations}
        assert found == error["violations"]


def test_there_are_cases() -> None:
    """The folder of cases is found."""
    assert len(CASES) > 10
