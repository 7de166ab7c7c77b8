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

_ROUNDS = 5
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


def evaluations_per_second(rules: int) -> float:
    """By processor time, in the best of some rounds: what others do meanwhile does not count."""
    prepared, expressions = told_apart(rules), CelExpressions()
    asked: Sequence[Facts] = [_facts(number % (rules - 1)) for number in range(_EACH)]

    def round_of_all() -> float:
        began = time.process_time()
        for facts in asked:
            plan(prepared, facts, expressions.given(facts, prepared.words), NOW)
        return time.process_time() - began

    round_of_all()  # compiles
    return _EACH / min(round_of_all() for _ in range(_ROUNDS))
