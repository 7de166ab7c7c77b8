"""ReplayService, between its messages and the domain."""

from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2
from latchkey.requests.v1 import replay_pb2 as pb
from libs.domain.fields import Fields
from libs.rpc.well_known import time_field
from services.requests.domain.replay import Draft
from services.requests.handlers.replay_policy import Difference, Replayed, ReplayPolicy
from services.requests.translate.common import person_to_proto
from services.requests.translate.plans import plan_to_proto

_PAGE_SIZE = 100
_NAME = "draft"


def replay_command(request: pb.ReplayPolicyRequest) -> ReplayPolicy:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        policy_id = fields.id("policy_id", request.policy_id, "pol")
        if not request.HasField("policy"):
            fields.wrong("policy", "is required")
        if not request.HasField("start_time"):
            fields.wrong("start_time", "is required")
        start = time_field(fields, "start_time", request.start_time)
        end = None
        if request.HasField("end_time"):
            end = time_field(fields, "end_time", request.end_time)
            if end <= start:
                fields.wrong("end_time", "must be later than start_time")
        command = ReplayPolicy(
            policy_id=policy_id,
            draft=_draft(policy_id, request.policy),
            start_time=start,
            end_time=end,
            size=fields.page_size(request.page_size, default=_PAGE_SIZE),
            token=fields.page_token(request.page_token),
        )
    return command


def _draft(policy_id: str, policy: policy_pb2.Policy) -> Draft:
    """What the saved policy would be: policy checks it as it would a change of that one."""
    draft = policy_pb2.Policy(
        policy_id=policy_id,
        display_name=policy.display_name or _NAME,
        rules=policy.rules,
        baseline=policy.baseline,
    )
    return Draft(draft.SerializeToString(deterministic=True))


def replay_response(replayed: Replayed) -> pb.ReplayPolicyResponse:
    """What would have come out differently."""
    return pb.ReplayPolicyResponse(
        differences=map(_difference, replayed.differences),
        replayed_count=replayed.count,
        next_page_token=replayed.next_page_token,
    )


def _difference(found: Difference) -> pb.ReplayPolicyResponse.Difference:
    seen = found.access_request
    state = access_request_pb2.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{seen.state}")
    return pb.ReplayPolicyResponse.Difference(
        access_request_id=seen.access_request_id,
        entitlement_id=seen.entitlement_id,
        entitlement_display_name=seen.entitlement_display_name,
        subject=person_to_proto(seen.subject),
        state=state,
        before=plan_to_proto(found.before),
        after=None if found.after is None else plan_to_proto(found.after),
        summary=found.summary,
    )
