"""`policy.proto`."""

from collections.abc import Callable
from typing import Any

from latchkey.policy.v1 import policy_pb2
from libs.domain.callers import Caller
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.policy.domain.content import EXPRESSION_MOST, Content, Rule
from services.policy.domain.policy import Policy
from services.policy.domain.steps import Step
from services.policy.handlers.create_policy import CreatePolicy
from services.policy.handlers.delete_policy import DeletePolicy
from services.policy.handlers.update_policy import UpdatePolicy
from services.policy.translate.steps import steps, steps_to_proto

_MOST_RULES = 1000
_MOST_TOLD_APART = 100


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
            display_name=name_field(fields, "policy", policy),
            description=description_field(fields, "policy", policy),
            content=content(fields, "policy", policy),
        )
    return command


def create_policy_response(policy: Policy) -> policy_pb2.CreatePolicyResponse:
    return policy_pb2.CreatePolicyResponse(policy=policy_to_proto(policy))


def get_policy(request: policy_pb2.GetPolicyRequest) -> tuple[str, int]:
    """The id of the policy that is asked for, and the version; 0 for the current one.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol")
        if request.version < 0:
            fields.wrong("version", "must be 1 or more, or 0 for the current one")
    return policy_id, request.version


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


def list_versions(request: policy_pb2.ListPolicyVersionsRequest) -> tuple[str, PageRequest]:
    """Of which policy, which page.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol")
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("versions", policy_id),
        )
    return policy_id, page


def list_versions_response(page: Page[Policy]) -> policy_pb2.ListPolicyVersionsResponse:
    return policy_pb2.ListPolicyVersionsResponse(
        policies=[policy_to_proto(policy) for policy in page.items],
        next_page_token=page.next_page_token,
    )


def update_policy(request: policy_pb2.UpdatePolicyRequest, actor: Caller) -> UpdatePolicy:
    """The wish for a next version.

    Raises:
        Invalid: FIELD_INVALID.
    """
    policy = request.policy
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not request.HasField("policy"):
            fields.wrong("policy", "is required")
        read: dict[str, Callable[[], Any]] = {
            "display_name": lambda: name_field(fields, "policy", policy),
            "description": lambda: description_field(fields, "policy", policy),
            "rules": lambda: rules_field(fields, "policy", policy),
            "baseline": lambda: baseline_field(fields, "policy", policy),
        }
        paths = fields.update_mask(request.update_mask.paths, read)
        command = UpdatePolicy(
            actor=actor,
            policy_id=fields.id("policy.policy_id", policy.policy_id, "pol"),
            etag=fields.text("etag", request.etag, most=40),
            values={path: read[path]() for path in paths},
        )
    return command


def update_policy_response(policy: Policy) -> policy_pb2.UpdatePolicyResponse:
    return policy_pb2.UpdatePolicyResponse(policy=policy_to_proto(policy))


def delete_policy(request: policy_pb2.DeletePolicyRequest, actor: Caller) -> DeletePolicy:
    """The wish for a policy to be gone.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        command = DeletePolicy(
            actor=actor,
            policy_id=fields.id("policy_id", request.policy_id, "pol"),
            etag=fields.text("etag", request.etag, most=40),
            reason=fields.text("reason", request.reason, least=0, most=2000, lines=True),
        )
    return command


def delete_policy_response(policy: Policy) -> policy_pb2.DeletePolicyResponse:
    return policy_pb2.DeletePolicyResponse(policy=policy_to_proto(policy))


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
                app_ids=rule.app_ids,
                entitlement_ids=rule.entitlement_ids,
            )
            for rule in policy.content.rules
        ],
        baseline=steps_to_proto(policy.content.baseline),
        create_time=timestamp(policy.create_time),
        etag=policy.etag,
        delete_time=timestamp(policy.delete_time),
    )


def name_field(fields: Fields, path: str, policy: policy_pb2.Policy) -> str:
    return fields.text(f"{path}.display_name", policy.display_name, most=200)


def description_field(fields: Fields, path: str, policy: policy_pb2.Policy) -> str:
    return fields.text(f"{path}.description", policy.description, least=0, most=2000, lines=True)


def content(fields: Fields, path: str, policy: policy_pb2.Policy) -> Content:
    """What a policy of a request decides by."""
    return Content(
        rules=rules_field(fields, path, policy), baseline=baseline_field(fields, path, policy)
    )


def baseline_field(fields: Fields, path: str, policy: policy_pb2.Policy) -> tuple[Step, ...]:
    return steps(fields, f"{path}.baseline", policy.baseline)


def rules_field(fields: Fields, path: str, policy: policy_pb2.Policy) -> tuple[Rule, ...]:
    path, rules = f"{path}.rules", policy.rules
    if len(rules) > _MOST_RULES:
        fields.wrong(path, f"has {len(rules)} rules, at most {_MOST_RULES} are taken")
        return ()
    return tuple(_rule(fields, f"{path}[{n}]", rule) for n, rule in enumerate(rules))


def _rule(fields: Fields, path: str, rule: policy_pb2.Rule) -> Rule:
    return Rule(
        display_name=fields.text(f"{path}.display_name", rule.display_name, most=200),
        condition=fields.text(
            f"{path}.condition", rule.condition, most=EXPRESSION_MOST, lines=True
        ),
        steps=steps(fields, f"{path}.steps", rule.steps),
        app_ids=fields.ids(f"{path}.app_ids", rule.app_ids, "app", most=_MOST_TOLD_APART),
        entitlement_ids=fields.ids(
            f"{path}.entitlement_ids", rule.entitlement_ids, "ent", most=_MOST_TOLD_APART
        ),
    )
