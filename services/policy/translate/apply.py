"""Policies as code: the requests and responses of `policy.proto` that hold a document."""

import difflib
from collections.abc import Mapping, Sequence

from latchkey.policy.v1 import policy_pb2
from libs.domain.callers import Caller
from libs.domain.errors import Invalid, Violation
from libs.domain.fields import Fields
from services.policy.domain import errors
from services.policy.domain.apply_plan import Applied, ApplyPlan, DocumentPolicy, PolicyChange
from services.policy.domain.policy import Policy, folded
from services.policy.handlers.apply_policies import ApplyPolicies
from services.policy.handlers.export_policies import Exported
from services.policy.translate.document.nodes import DocumentProblem, read_nodes
from services.policy.translate.document.reader import Reader
from services.policy.translate.document.writer import document, policy_lines
from services.policy.translate.policy import content, description_field, name_field

_MOST_BYTES = 1024 * 1024
_MOST_POLICIES = 1000
_MOST_NAMED = 100
# A response has to fit into 4 MiB.
_MOST_DIFF = 1024 * 1024
_MOST_VIOLATIONS = 20


def export_policies(request: policy_pb2.ExportPoliciesRequest) -> tuple[str, ...]:
    """The ids of the policies that are asked for; none for all.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        policy_ids = fields.ids("policy_ids", request.policy_ids, "pol", most=_MOST_NAMED)
    return policy_ids


def export_policies_response(exported: Exported) -> policy_pb2.ExportPoliciesResponse:
    """The document.

    Raises:
        Invalid: FIELD_INVALID, it would be one that `ApplyPolicies` does not take.
    """
    text = document(exported.policies, exported.names)
    if len(exported.policies) > _MOST_POLICIES or len(text.encode()) > _MOST_BYTES:
        raise Invalid.field(
            "policy_ids",
            f"are {len(exported.policies)} policies in {len(text.encode())} bytes, and a document "
            f"holds at most {_MOST_POLICIES} in {_MOST_BYTES}: ask for some of them at a time",
        )
    return policy_pb2.ExportPoliciesResponse(document=text)


def apply_policies(request: policy_pb2.ApplyPoliciesRequest, actor: Caller) -> ApplyPolicies:
    """The wish for policies to be as a document says.

    Raises:
        Invalid: FIELD_INVALID or DOCUMENT_INVALID.
    """
    size = len(request.document.encode())
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        digest = fields.text("plan_digest", request.plan_digest, least=0, most=64)
        if not request.document.strip():
            fields.wrong("document", "is required")
        if size > _MOST_BYTES:
            fields.wrong("document", f"has {size} bytes, at most {_MOST_BYTES} are taken")
    policies, escalations = _read(request.document)
    return ApplyPolicies(
        actor=actor,
        document=request.document,
        policies=policies,
        escalations=escalations,
        plan_digest=digest,
        delete_others=request.delete_others,
    )


def _read(text: str) -> tuple[tuple[DocumentPolicy, ...], dict[str, str]]:
    """The policies of a document, and the names for which ids stand in them.

    Raises:
        Invalid: DOCUMENT_INVALID.
    """
    try:
        root = read_nodes(text)
    except DocumentProblem as problem:
        raise errors.document_invalid([Violation("document", str(problem))]) from None
    reader = Reader(Fields())
    try:
        with reader.fields as fields:
            messages = reader.policies(root)
            if len(messages) > _MOST_POLICIES:
                fields.wrong(
                    "document",
                    f"has {len(messages)} policies, at most {_MOST_POLICIES} are taken",
                )
                messages = []
            policies = tuple(
                DocumentPolicy(
                    name_field(fields, path, message),
                    description_field(fields, path, message),
                    content(fields, path, message),
                )
                for path, message in (
                    (f"policies[{number}]", message) for number, message in enumerate(messages)
                )
            )
            _check_names(fields, policies)
    except Invalid as invalid:
        placed = [_placed(reader, violation) for violation in invalid.violations]
        raise errors.document_invalid(placed[:_MOST_VIOLATIONS]) from None
    return policies, reader.escalations


def _check_names(fields: Fields, policies: Sequence[DocumentPolicy]) -> None:
    first: dict[str, int] = {}
    for number, policy in enumerate(policies):
        earlier = first.setdefault(folded(policy.display_name), number)
        if earlier != number:
            path = f"policies[{number}].display_name"
            fields.wrong(path, f"is the name of policies[{earlier}] too")


def _placed(reader: Reader, violation: Violation) -> Violation:
    """With the place in the document, where the field came from one."""
    place = reader.place_of(violation.field)
    if place is None:
        return violation
    return Violation("document", f"{place}: {violation.problem}")


def apply_policies_response(applied: Applied) -> policy_pb2.ApplyPoliciesResponse:
    left, changes = _MOST_DIFF, []
    for change in applied.plan.changes:
        diff = _diff(change, applied.plan)
        if len(diff) > left:
            diff = diff[:left] + "\n… cut here: all the diffs together are too long\n"
        left -= min(left, len(diff))
        changes.append(_change(change, diff, applied.applied))
    return policy_pb2.ApplyPoliciesResponse(
        changes=changes, plan_digest=applied.plan.digest, applied=applied.applied
    )


def _change(change: PolicyChange, diff: str, applied: bool) -> policy_pb2.PolicyChange:
    before, after = change.before, change.after
    return policy_pb2.PolicyChange(
        action=policy_pb2.PolicyChange.Action.ValueType(change.action.value),
        policy_id=after.policy_id if before is not None or applied else "",
        display_name=after.display_name,
        from_version=0 if before is None else before.version,
        to_version=0 if after.delete_time is not None else after.version,
        diff=diff,
    )


def _diff(change: PolicyChange, plan: ApplyPlan) -> str:
    before, after = change.before, change.after
    kept = None if after.delete_time is not None else after
    if before == kept:
        return ""
    lines = difflib.unified_diff(
        _lines(before, plan.names_before),
        _lines(kept, plan.names_after),
        _label(before),
        _label(kept),
        lineterm="",
    )
    return "\n".join(lines) + "\n"


def _lines(policy: Policy | None, names: Mapping[str, str]) -> list[str]:
    return [] if policy is None else policy_lines(policy, names)


def _label(policy: Policy | None) -> str:
    return "/dev/null" if policy is None else f"{policy.display_name} (version {policy.version})"
