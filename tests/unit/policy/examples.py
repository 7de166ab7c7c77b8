"""Facts and policies to begin from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from libs.domain.callers import POLICY_ADMIN, Person
from services.policy.domain.content import Content
from services.policy.domain.evaluation_facts import (
    AppFacts,
    EntitlementFacts,
    Facts,
    PersonFacts,
)
from services.policy.domain.policy import AUTO_APPROVE, Policy
from services.policy.domain.steps import Accept

NOW = datetime(2025, 11, 23, 9, 0, tzinfo=UTC)
ADA = PersonFacts(
    user_id="usr_ada",
    display_name="Ada Lovelace",
    department="Engineering",
    job_title="Engineer",
    manager_user_id="usr_charles",
)
FACTS = Facts(
    subject=ADA,
    requester=ADA,
    entitlement=EntitlementFacts("ent_reader", "Reader", "ROLE"),
    app=AppFacts("app_payroll", "Payroll"),
    requested_duration=timedelta(hours=8),
    emergency=False,
    now=NOW,
)
ACCEPTING = Content(rules=(), baseline=(Accept(),))
PERSON = Person(
    "11111111-2222-3333-4444-555555555555",
    "aaaaaaaa-2222-3333-4444-555555555555",
    "Paula",
    frozenset({POLICY_ADMIN}),
)


def policy(content: Content = ACCEPTING, policy_id: str = "pol_one", name: str = "One") -> Policy:
    """A policy that somebody created."""
    return Policy.first(
        policy_id=policy_id,
        display_name=name,
        description="",
        content=content,
        create_time=NOW,
    )


def built_in() -> Policy:
    """The policy that came with Latchkey."""
    return replace(policy(policy_id=AUTO_APPROVE, name="Auto-approve"), built_in=True)
