"""What is found wrong with a content, in the order of the policy."""

import pytest

from libs.domain.errors import Invalid
from services.policy.domain import steps as kinds
from services.policy.domain.content import Content, Rule
from services.policy.domain.problems import Problem, problems, refuse
from services.policy.expressions import CelExpressions

EXPRESSIONS = CelExpressions()
WAITING = (kinds.Wait(condition="true &&\n  who", timeout=None),)
CONTENT = Content(
    (
        Rule("Off", "false", (kinds.Accept(), kinds.Accept())),
        Rule("Off", "emergency", (kinds.Approval(kinds.Expression("1")),)),
    ),
    WAITING,
)


def test_everything_is_found_in_the_order_of_the_policy() -> None:
    """Each problem has its field, its kind and its place by itself."""
    assert problems(CONTENT, EXPRESSIONS) == (
        Problem("rules[0].condition", "can never match", refused=False),
        Problem("rules[0].steps[0]", "is final, so no step may follow it", "POLICY_INVALID"),
        Problem("rules[1].display_name", "is the name of rules[0] too", "FIELD_INVALID"),
        Problem(
            "rules[1].steps[0].approval.approvers.expression",
            "it is of type INT, and must be a list of texts",
            "EXPRESSION_INVALID",
        ),
        Problem("baseline[0]", "is a wait, and nothing decides after it", "POLICY_INVALID"),
        Problem(
            "baseline[0].wait.condition",
            "undeclared reference to 'who'",
            "EXPRESSION_INVALID",
            line=2,
            column=3,
        ),
    )


def test_the_first_kind_of_problem_is_the_reason() -> None:
    """All that is wrong is told at once, what only deserves a look is not, and the reason is that
    of what has to be mended first."""
    with pytest.raises(Invalid) as raised:
        refuse(problems(CONTENT, EXPRESSIONS), "policies[3]")
    assert raised.value.reason == "FIELD_INVALID"
    told = {violation.field: violation.problem for violation in raised.value.violations}
    assert len(told) == 5
    assert told["policies[3].baseline[0].wait.condition"].startswith("line 2, column 3: ")
    refuse([Problem("rules[0].condition", "can never match", refused=False)])
