"""What is wrong with a policy: `CheckPolicy` of `policy.proto`."""

from latchkey.policy.v1 import policy_pb2
from libs.domain.errors import Invalid
from libs.domain.fields import Fields
from services.policy.domain.content import Content
from services.policy.domain.coverage import Coverage
from services.policy.domain.problems import Problem
from services.policy.handlers.check_policy import Checked, CheckPolicy, Draft
from services.policy.translate.policy import content, description_field, name_field


def check_policy(request: policy_pb2.CheckPolicyRequest) -> CheckPolicy:
    """The policy to look at.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol", required=False)
        if not policy_id and not request.HasField("policy"):
            fields.wrong("policy_id", "is required, or policy is")
        if request.coverage and not policy_id:
            fields.wrong("policy_id", "is required for coverage")
    draft = _draft(request.policy) if request.HasField("policy") else None
    return CheckPolicy(policy_id, draft, request.coverage)


def _draft(policy: policy_pb2.Policy) -> Draft:
    """A policy, with what would be refused of it: that is what is asked."""
    try:
        with Fields() as fields:
            draft = Draft(
                display_name=name_field(fields, "policy", policy),
                content=content(fields, "policy", policy),
            )
            description_field(fields, "policy", policy)
    except Invalid as invalid:
        wrong = (
            Problem(each.field.removeprefix("policy."), each.problem) for each in invalid.violations
        )
        return Draft("", Content((), ()), tuple(wrong))
    return draft


def check_policy_response(checked: Checked) -> policy_pb2.CheckPolicyResponse:
    problems = [_problem(problem) for problem in checked.problems]
    if checked.more:
        problems.append(
            policy_pb2.PolicyProblem(
                severity=policy_pb2.PolicyProblem.SEVERITY_WARNING,
                field="coverage",
                message="is not complete: the policy is used in too many places to look at all",
            )
        )
    return policy_pb2.CheckPolicyResponse(
        problems=problems, coverage=map(_coverage, checked.coverage)
    )


def _problem(problem: Problem) -> policy_pb2.PolicyProblem:
    made = policy_pb2.PolicyProblem
    return made(
        severity=made.SEVERITY_ERROR if problem.refused else made.SEVERITY_WARNING,
        # What is about its uses is about no field of it.
        field=problem.field if problem.field == "coverage" else f"policy.{problem.field}",
        line=problem.line,
        column=problem.column,
        message=problem.message,
    )


def _coverage(found: Coverage) -> policy_pb2.Coverage:
    question = found.question
    return policy_pb2.Coverage(
        app_id=question.app_id,
        app_display_name=question.app_display_name,
        access_profile_id=question.audience.access_profile_id,
        access_profile_display_name=question.audience.display_name,
        rule=question.rule,
        step=question.step,
        verdict=policy_pb2.Coverage.Verdict.ValueType(found.verdict.value),
        without_approver=found.gap.without_approver,
        user_ids=found.gap.user_ids,
        message=found.message,
    )
