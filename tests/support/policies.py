"""How many evaluations of a policy a core does in a second."""

import time
from collections.abc import Sequence
from datetime import timedelta

from latchkey.policy.v1 import evaluation_pb2
from services.policy.domain.content import Content, Rule
from services.policy.domain.evaluation_facts import AppFacts, Facts
from services.policy.domain.plan import plan
from services.policy.domain.prepared import Prepared
from services.policy.domain.steps import Accept, AppOwners, Approval, Manager
from services.policy.expressions import CelExpressions
from tests.unit.policy.examples import ADA, FACTS, NOW, policy

_ROUNDS = 9
_EACH = 1000


def told_apart(rules: int) -> Prepared:
    """A policy with a rule for everything, and others for one app each."""
    emergency = Rule("Emergency", "emergency && subject.user_id in app_owners", (Accept(),))
    others = (
        Rule(
            f"App {number}",
            'subject.department == "Engineering" && !without_end'
            f' && duration <= duration("{number % 24 + 8}h")',
            (Approval(Manager()),),
            app_ids=(f"app_{number}",),
        )
        for number in range(rules - 1)
    )
    return Prepared.of(policy(Content((emergency, *others), (Approval(AppOwners()),))))


def _facts(app: int) -> Facts:
    held = [
        evaluation_pb2.HeldFacts(entitlement_id=f"ent_{n}", display_name="Reader", app_id="app_1")
        for n in range(10)
    ]
    return Facts(
        subject=ADA,
        requester=ADA,
        entitlement=FACTS.entitlement,
        app=AppFacts(f"app_{app}", "Payroll"),
        requested_duration=timedelta(hours=8),
        emergency=False,
        now=NOW,
        held=held,
        manager_user_ids=("usr_charles", "usr_grace"),
        app_owner_user_ids=("usr_mary", "usr_george"),
    )


def evaluations_per_second(*policies: int, apps: int) -> list[float]:
    """Of policies with so many rules, asked about so many of their apps.

    By processor time, in the best of some rounds, which take turns: what others do to the machine
    meanwhile is done to all.
    """
    expressions = CelExpressions()
    asked: Sequence[Facts] = [_facts(number % apps) for number in range(_EACH)]

    def round_of(prepared: Prepared) -> float:
        began = time.process_time()
        for facts in asked:
            plan(prepared, facts, expressions.given(facts, prepared.words), NOW)
        return time.process_time() - began

    all_prepared = [told_apart(rules) for rules in policies]
    for prepared in all_prepared:
        round_of(prepared)  # compiles
    rounds = [[round_of(prepared) for prepared in all_prepared] for _ in range(_ROUNDS)]
    return [_EACH / min(took) for took in zip(*rounds, strict=True)]
