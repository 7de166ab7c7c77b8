"""`policy.proto`."""

from collections.abc import Iterable, Sequence

from latchkey.policy.v1 import policy_pb2
from libs.domain.callers import Caller
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.policy.domain.content import CONDITION_MOST, Accept, Content, Reject, Rule, Step
from services.policy.domain.policy import Policy
from services.policy.handlers.create_policy import CreatePolicy

_MOST_RULES = 50
_MOST_STEPS = 20


def create_policy(request: policy_pb2.CreatePolicyRequest, actor: Caller) -> CreatePolicy:
    """The wish for a policy.

    Raises:
        Invalid: FIELD_INVALID.
    """
    policy = request.policy
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not request.HasField("policy"):
            fields.wrong("policy", "is required")
        command = CreatePolicy(
            actor=actor,
            display_name=fields.text("policy.display_name", policy.display_name, most=200),
            description=fields.text(
                "policy.description", policy.description, least=0, most=2000, lines=True
            ),
            content=Content(
                rules=_rules(fields, policy.rules),
                baseline=_steps(fields, "policy.baseline", policy.baseline),
            ),
        )
    return command


def create_policy_response(policy: Policy) -> policy_pb2.CreatePolicyResponse:
    return policy_pb2.CreatePolicyResponse(policy=policy_to_proto(policy))


def get_policy(request: policy_pb2.GetPolicyRequest) -> str:
    """The id of the policy that is asked for.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol")
    return policy_id


def get_policy_response(policy: Policy) -> policy_pb2.GetPolicyResponse:
    return policy_pb2.GetPolicyResponse(policy=policy_to_proto(policy))


def list_policies(request: policy_pb2.ListPoliciesRequest) -> PageRequest:
    """The page that is asked for.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("policies",),
        )
    return page


def list_policies_response(page: Page[Policy]) -> policy_pb2.ListPoliciesResponse:
    return policy_pb2.ListPoliciesResponse(
        policies=[policy_to_proto(policy) for policy in page.items],
        next_page_token=page.next_page_token,
    )


def policy_to_proto(policy: Policy) -> policy_pb2.Policy:
    return policy_pb2.Policy(
        policy_id=policy.policy_id,
        display_name=policy.display_name,
        description=policy.description,
        built_in=policy.built_in,
        version=policy.version,
        digest=policy.digest,
        rules=[
            policy_pb2.Rule(
                display_name=rule.display_name,
                condition=rule.condition,
                steps=steps_to_proto(rule.steps),
            )
            for rule in policy.content.rules
        ],
        baseline=steps_to_proto(policy.content.baseline),
        create_time=timestamp(policy.create_time),
        etag=str(policy.version),
    )


def _rules(fields: Fields, rules: Sequence[policy_pb2.Rule]) -> tuple[Rule, ...]:
    if len(rules) > _MOST_RULES:
        fields.wrong("policy.rules", f"has {len(rules)} rules, at most {_MOST_RULES} are taken")
        return ()
    return tuple(
        Rule(
            display_name=fields.text(f"{path}.display_name", rule.display_name, most=200),
            condition=fields.text(
                f"{path}.condition", rule.condition, most=CONDITION_MOST, lines=True
            ),
            steps=_steps(fields, f"{path}.steps", rule.steps),
        )
        for path, rule in ((f"policy.rules[{n}]", rule) for n, rule in enumerate(rules))
    )


def _steps(fields: Fields, path: str, steps: Sequence[policy_pb2.Step]) -> tuple[Step, ...]:
    if not 1 <= len(steps) <= _MOST_STEPS:
        fields.wrong(path, f"has {len(steps)} steps, must be 1 to {_MOST_STEPS}")
        return ()
    return tuple(_step(fields, f"{path}[{n}]", step) for n, step in enumerate(steps))


def _step(fields: Fields, path: str, step: policy_pb2.Step) -> Step:
    kind = step.WhichOneof("kind")
    if kind == "accept":
        return Accept(
            fields.text(
                f"{path}.accept.message", step.accept.message, least=0, most=500, lines=True
            )
        )
    if kind is None:
        fields.wrong(path, "must be one of accept, reject")
        return Reject("")
    return Reject(fields.text(f"{path}.reject.message", step.reject.message, most=500, lines=True))


def steps_to_proto(steps: Iterable[Step]) -> list[policy_pb2.Step]:
    return [
        policy_pb2.Step(accept=policy_pb2.Step.Accept(message=step.message))
        if isinstance(step, Accept)
        else policy_pb2.Step(reject=policy_pb2.Step.Reject(message=step.message))
        for step in steps
    ]
