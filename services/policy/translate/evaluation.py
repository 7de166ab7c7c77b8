"""`evaluation.proto`."""

from datetime import timedelta

from latchkey.policy.v1 import evaluation_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration_field, time_field, timestamp
from services.policy.domain.plan import AppFacts, EntitlementFacts, Facts, PersonFacts, Plan
from services.policy.handlers.evaluate_policy import EvaluatePolicy
from services.policy.translate.steps import steps_to_proto

# Ampler than any directory's own limit: what can't be asked about can't be approved either.
_MOST_IN_A_FACT = 1000
_RESOURCE_KINDS = ("CREDENTIAL", "ROLE", "APP_ROLE")


def evaluate_policy(request: evaluation_pb2.EvaluatePolicyRequest) -> EvaluatePolicy:
    """The question to a policy. Facts that are missing or impossible are refused: from half of
    them a policy would approve what it was not asked.

    Raises:
        Invalid: FIELD_INVALID.
    """
    facts = request.facts
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol", required=False)
        for name in ("subject", "requester", "entitlement", "app", "now"):
            if not facts.HasField(name):
                fields.wrong(f"facts.{name}", "is required")
        command = EvaluatePolicy(
            policy_id=policy_id,
            facts=Facts(
                subject=_person(fields, "facts.subject", facts.subject),
                requester=_person(fields, "facts.requester", facts.requester),
                entitlement=_entitlement(fields, "facts.entitlement", facts.entitlement),
                app=AppFacts(
                    app_id=fields.id("facts.app.app_id", facts.app.app_id, "app"),
                    display_name=_fact(fields, "facts.app.display_name", facts.app.display_name),
                ),
                requested_duration=_duration(fields, facts),
                emergency=facts.emergency,
                now=time_field(fields, "facts.now", facts.now),
            ),
        )
    return command


def evaluate_policy_response(plan: Plan) -> evaluation_pb2.EvaluatePolicyResponse:
    return evaluation_pb2.EvaluatePolicyResponse(
        plan=evaluation_pb2.Plan(
            policy_id=plan.policy_id,
            policy_display_name=plan.policy_display_name,
            policy_version=plan.policy_version,
            policy_digest=plan.policy_digest,
            rule=plan.rule,
            condition=plan.condition,
            explanation=plan.explanation,
            steps=steps_to_proto(plan.steps),
            evaluate_time=timestamp(plan.evaluate_time),
        )
    )


def person_facts_to_proto(person: PersonFacts) -> evaluation_pb2.PersonFacts:
    return evaluation_pb2.PersonFacts(
        user_id=person.user_id,
        display_name=person.display_name,
        department=person.department,
        job_title=person.job_title,
        manager_user_id=person.manager_user_id,
    )


def entitlement_facts_to_proto(entitlement: EntitlementFacts) -> evaluation_pb2.EntitlementFacts:
    return evaluation_pb2.EntitlementFacts(
        entitlement_id=entitlement.entitlement_id,
        display_name=entitlement.display_name,
        resource_kind=entitlement.resource_kind,
    )


def app_facts_to_proto(app: AppFacts) -> evaluation_pb2.AppFacts:
    return evaluation_pb2.AppFacts(app_id=app.app_id, display_name=app.display_name)


def _person(fields: Fields, path: str, person: evaluation_pb2.PersonFacts) -> PersonFacts:
    return PersonFacts(
        user_id=fields.id(f"{path}.user_id", person.user_id, "usr"),
        display_name=_fact(fields, f"{path}.display_name", person.display_name),
        department=_fact(fields, f"{path}.department", person.department),
        job_title=_fact(fields, f"{path}.job_title", person.job_title),
        manager_user_id=fields.id(
            f"{path}.manager_user_id", person.manager_user_id, "usr", required=False
        ),
    )


def _entitlement(
    fields: Fields, path: str, entitlement: evaluation_pb2.EntitlementFacts
) -> EntitlementFacts:
    if entitlement.resource_kind not in _RESOURCE_KINDS:
        fields.wrong(f"{path}.resource_kind", f"must be one of {', '.join(_RESOURCE_KINDS)}")
    return EntitlementFacts(
        entitlement_id=fields.id(f"{path}.entitlement_id", entitlement.entitlement_id, "ent"),
        display_name=_fact(fields, f"{path}.display_name", entitlement.display_name),
        resource_kind=entitlement.resource_kind,
    )


def _fact(fields: Fields, path: str, value: str) -> str:
    """A text out of the directory, which may be empty."""
    return fields.text(path, value, least=0, most=_MOST_IN_A_FACT, lines=True)


def _duration(fields: Fields, facts: evaluation_pb2.Facts) -> timedelta | None:
    if not facts.HasField("requested_duration"):
        return None
    path, message = "facts.requested_duration", facts.requested_duration
    return duration_field(fields, path, message, least=timedelta(seconds=1))
