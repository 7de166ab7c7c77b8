"""What would happen, as it is shown."""

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.rpc.well_known import duration
from services.requests.domain.plan import Easier
from services.requests.domain.steps import length_in_words
from services.requests.handlers.preview_access_request import Preview, PreviewStep, in_words
from services.requests.translate.common import target_to_proto
from services.requests.translate.plans import plan_to_proto
from services.requests.translate.timeline import origin_to_proto, people_to_proto


def preview_response(preview: Preview) -> pb.PreviewAccessRequestResponse:
    """What would happen."""
    return pb.PreviewAccessRequestResponse(
        plan=plan_to_proto(preview.plan),
        steps=[_step(step) for step in preview.steps],
        duration=duration(preview.duration),
        targets=[target_to_proto(target) for target in preview.targets],
        easier=None if preview.easier is None else _easier(preview.easier),
        instructions=preview.instructions,
    )


def _step(step: PreviewStep) -> pb.PreviewAccessRequestResponse.PreviewStep:
    return pb.PreviewAccessRequestResponse.PreviewStep(
        number=step.number,
        summary=step.summary,
        approvers=people_to_proto(step.approvers),
        approver_count=step.approver_count,
        needed=step.needed,
        origin=origin_to_proto(step.origin),
        problem=step.problem,
    )


def _easier(easier: Easier) -> pb.PreviewAccessRequestResponse.Easier:
    words = in_words(easier.plan)
    this = "this" if words.startswith("waits") else "this is"
    return pb.PreviewAccessRequestResponse.Easier(
        requested_duration=duration(easier.duration),
        summary=f"up to {length_in_words(easier.duration)} {this} {words}",
        plan=plan_to_proto(easier.plan),
    )
