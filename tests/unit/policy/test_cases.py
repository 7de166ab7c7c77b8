"""The behaviour of policies, as cases in files: see tests/cases/policy/README.md."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from libs.domain.errors import Invalid, LatchkeyError
from libs.domain.fields import Fields
from services.policy.domain.policy import Policy
from services.policy.domain.steps import Step
from services.policy.expressions import CelExpressions
from services.policy.handlers.checked_content import check_content, saved
from services.policy.handlers.explain_policy import Explained, ExplainPolicyHandler
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.translate.evaluation import evaluate_policy
from services.policy.translate.policy import content
from services.policy.translate.steps import steps
from tests.fakes.clock import FakeClock
from tests.fakes.policy import FakePolicies
from tests.unit.policy import examples
from tests.unit.policy.examples import NOW

FILES = sorted((Path(__file__).parents[2] / "cases" / "policy").glob("*.yaml"))
EXPRESSIONS = CelExpressions()
PERSON = {
    "user_id": "usr_ada",
    "display_name": "Ada Lovelace",
    "department": "Engineering",
    "job_title": "Engineer",
    "manager_user_id": "usr_charles",
}
FACTS = {
    "subject": PERSON,
    "requester": PERSON,
    "entitlement": {
        "entitlement_id": "ent_reader",
        "display_name": "Reader",
        "resource_kind": "ROLE",
    },
    "app": {"app_id": "app_payroll", "display_name": "Payroll"},
    "requested_duration": "28800s",
    "now": NOW.isoformat(),
    "manager_user_ids": ["usr_charles"],
}


def _cases() -> list[Any]:
    found = []
    for file in FILES:
        form = yaml.safe_load(file.read_text())
        shared = {key: form[key] for key in ("policy", "saved") if key in form}
        found += [
            pytest.param(shared | case, id=f"{file.stem}: {case['name']}") for case in form["cases"]
        ]
    return found


def _changed(facts: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The facts with changes; what is None goes away."""
    merged = dict(facts)
    for name, value in changes.items():
        merged[name] = _changed(facts[name], value) if isinstance(value, dict) else value
    return {name: value for name, value in merged.items() if value is not None}


def _policy(policy_id: str, form: dict[str, Any]) -> Policy:
    message = json_format.ParseDict(form, policy_pb2.Policy())
    with Fields() as fields:
        read = content(fields, "policy", message)
    return examples.policy(read, policy_id=policy_id, name=policy_id)


def _steps(forms: list[dict[str, Any]]) -> tuple[Step, ...]:
    # Not as a request's, which could not name nobody as a plan does.
    return steps(Fields(), "", [json_format.ParseDict(form, policy_pb2.Step()) for form in forms])


async def _answer(case: dict[str, Any]) -> Explained:
    """Saves the policy of a case, and asks it."""
    policies = FakePolicies([_policy(*one) for one in case.get("saved", {}).items()])
    policy = _policy(case.get("policy_id", "pol_new"), case["policy"])
    known_as = case.get("policy_id", "")
    await check_content(policy.content, known_as, EXPRESSIONS, saved(policies))
    policies.kept.append(policy)
    assert policy.digest == case.get("digest", policy.digest)
    explain = ExplainPolicyHandler(
        RememberedPolicies(policies), EXPRESSIONS, FakeClock(NOW), "pol_none"
    )
    request = evaluation_pb2.ExplainPolicyRequest(policy_id=policy.policy_id)
    json_format.ParseDict(_changed(FACTS, case.get("facts", {})), request.facts)
    return await explain(evaluate_policy(request))


@pytest.mark.parametrize("case", _cases())
async def test_case(case: dict[str, Any]) -> None:
    """The policy of a case answers its facts as the case says."""
    expected = case.get("refused") or case.get("fails")
    if expected is None:
        explained = await _answer(case)
        plan = explained.plan
        assert plan.rule == case.get("rule", "")
        assert plan.steps == _steps(case["steps"])
        assert list(plan.explanation) == case.get("explanation", list(plan.explanation))
        if "easier" in case:
            found = explained.easier
            shown = f"{found[0].total_seconds():.0f}s" if found else ""
            assert case["easier"] == (
                {"requested_duration": shown, "rule": found[1].rule} if found else "none"
            )
        return
    with pytest.raises(LatchkeyError) as raised:
        await _answer(case)
    expected = dict(expected)
    assert raised.value.reason == expected.pop("reason")
    if "refused" in case:
        assert isinstance(raised.value, Invalid)
        fields = {violation.field: violation.problem for violation in raised.value.violations}
        assert fields == expected.get("fields", fields)
    else:
        assert raised.value.facts.items() >= expected.items()


def test_there_are_cases() -> None:
    """The folder of cases is found, and no two cases have one name."""
    names = [case.id for case in _cases()]
    assert len(set(names)) == len(names) > 60
