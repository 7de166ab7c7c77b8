"""The use cases of the policy service."""

import pytest

from libs.domain.errors import AlreadyExists, NotFound
from services.policy.domain.edit import Edit
from services.policy.domain.facts import PolicyCreated
from services.policy.domain.policy import AUTO_APPROVE
from services.policy.expressions import CelExpressions
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.create_policy import CreatePolicy, CreatePolicyHandler
from services.policy.handlers.evaluate_policy import EvaluatePolicy, EvaluatePolicyHandler
from services.policy.handlers.get_policy import get_policy
from services.policy.handlers.remembered_policies import RememberedPolicies
from tests.fakes.clock import FakeClock
from tests.fakes.policy import Edited, FakePolicies
from tests.unit.policy.examples import ACCEPTING, FACTS, NOW, PERSON, policy

EXPRESSIONS = CelExpressions()


async def test_creating_gives_version_one_with_its_fact_and_record() -> None:
    """A new policy is written with its event and its audit record, in one change."""
    policies = FakePolicies()
    create = CreatePolicyHandler(policies, CheckedPolicy(policies, EXPRESSIONS), FakeClock(NOW))
    outcome = await create(CreatePolicy(PERSON, "Night shift", "For emergencies.", ACCEPTING))
    created, change = outcome.result, outcome.change
    assert change is not None
    assert (created.version, created.built_in, created.create_time) == (1, False, NOW)
    assert created.digest == ACCEPTING.digest
    assert change.writes == (Edited(Edit(None, created)),)
    (fact,) = change.facts
    assert (fact.resource_id, fact.resource_version) == (created.policy_id, 1)
    assert fact.body == PolicyCreated(created.policy_id, "Night shift", 1, ACCEPTING.digest, PERSON)
    assert (change.audit.action, change.audit.actor) == ("policy.created", PERSON)
    assert change.audit.resource_id == created.policy_id


async def test_name_is_taken_however_it_is_written() -> None:
    """Two policies never have one name, also not in other letters."""
    policies = FakePolicies([policy(name="Night")])
    create = CreatePolicyHandler(policies, CheckedPolicy(policies, EXPRESSIONS), FakeClock(NOW))
    with pytest.raises(AlreadyExists) as raised:
        await create(CreatePolicy(PERSON, "NIGHT", "", ACCEPTING))
    assert raised.value.reason == "POLICY_NAME_TAKEN"


async def test_no_policy_named_means_the_default() -> None:
    """The deployment's default is evaluated where the question names no policy."""
    policies = FakePolicies([policy(policy_id=AUTO_APPROVE, name="Auto-approve")])
    evaluate = EvaluatePolicyHandler(
        RememberedPolicies(policies), EXPRESSIONS, FakeClock(NOW), AUTO_APPROVE
    )
    plan = await evaluate(EvaluatePolicy("", FACTS))
    assert (plan.policy_id, plan.policy_display_name) == (AUTO_APPROVE, "Auto-approve")
    assert (plan.policy_version, plan.policy_digest) == (1, ACCEPTING.digest)
    assert (plan.rule, plan.condition, plan.evaluate_time) == ("", "", NOW)


async def test_unknown_policy_is_not_replaced_by_the_default() -> None:
    """A policy that is named and not there fails the call."""
    policies = FakePolicies([policy(policy_id=AUTO_APPROVE)])
    evaluate = EvaluatePolicyHandler(
        RememberedPolicies(policies), EXPRESSIONS, FakeClock(NOW), AUTO_APPROVE
    )
    with pytest.raises(NotFound) as raised:
        await evaluate(EvaluatePolicy("pol_gone", FACTS))
    assert raised.value.facts == {"policy_id": "pol_gone"}


async def test_getting_finds_or_says_not_found() -> None:
    """A policy is found by its id."""
    policies = FakePolicies([policy()])
    assert await get_policy(policies, "pol_one") == policy()
    with pytest.raises(NotFound):
        await get_policy(policies, "pol_two")
