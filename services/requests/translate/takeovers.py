"""TakeoverService, between its messages and the domain."""

from latchkey.catalog.v1 import settings_pb2
from latchkey.requests.v1 import events_pb2
from latchkey.requests.v1 import takeover_pb2 as pb
from libs.domain.callers import Person
from libs.domain.fields import Fields
from libs.domain.paging import Page
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import timestamp
from services.requests.domain import facts
from services.requests.domain.takeover import Takeover, TakeoverState, UnmanagedAction
from services.requests.handlers.start_takeover import StartTakeover
from services.requests.translate.common import wanted_state

_ACTIONS = {
    settings_pb2.UNMANAGED_ACCESS_ACTION_ADOPT: UnmanagedAction.ADOPT,
    settings_pb2.UNMANAGED_ACCESS_ACTION_REMOVE: UnmanagedAction.REMOVE,
}


def start_command(request: pb.StartTakeoverRequest, person: Person) -> StartTakeover:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        action = _ACTIONS.get(request.action)
        if action is None:
            fields.wrong("action", "must be ADOPT or REMOVE")
        command = StartTakeover(
            person=person,
            entitlement_id=fields.id("entitlement_id", request.entitlement_id, "ent"),
            action=action or UnmanagedAction.ADOPT,
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def takeover_id(request: pb.GetTakeoverRequest) -> str:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return fields.id("takeover_id", request.takeover_id, "tko")


def rule_command(request: pb.ConfirmTakeoverRequest | pb.CancelTakeoverRequest) -> str:
    """Which one.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        found = fields.id("takeover_id", request.takeover_id, "tko")
        fields.idempotency_key(request.idempotency_key)
    return found


def list_command(request: pb.ListTakeoversRequest) -> tuple[int, str, TakeoverState | None]:
    """Size and token of the page, and the state.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        state = wanted_state(fields, request.state, pb.TakeoverState, TakeoverState, "a takeover")
        size = fields.page_size(request.page_size)
        return size, fields.page_token(request.page_token), state


def start_response(found: Takeover) -> pb.StartTakeoverResponse:
    """The takeover as it was started."""
    return pb.StartTakeoverResponse(takeover=takeover_to_proto(found))


def get_response(found: Takeover) -> pb.GetTakeoverResponse:
    """One takeover."""
    return pb.GetTakeoverResponse(takeover=takeover_to_proto(found))


def list_response(page: Page[Takeover]) -> pb.ListTakeoversResponse:
    """A page of takeovers."""
    return pb.ListTakeoversResponse(
        takeovers=map(takeover_to_proto, page.items), next_page_token=page.next_page_token
    )


def confirm_response(found: Takeover) -> pb.ConfirmTakeoverResponse:
    """The takeover, which goes on."""
    return pb.ConfirmTakeoverResponse(takeover=takeover_to_proto(found))


def cancel_response(found: Takeover) -> pb.CancelTakeoverResponse:
    """The takeover, which is over."""
    return pb.CancelTakeoverResponse(takeover=takeover_to_proto(found))


def takeover_to_proto(found: Takeover) -> pb.Takeover:
    """A takeover."""
    return pb.Takeover(
        takeover_id=found.takeover_id,
        app_id=found.app_id,
        entitlement_id=found.entitlement_id,
        action=_action(found.action.value),
        state=pb.TakeoverState.Value(f"TAKEOVER_STATE_{found.state}"),
        found_count=found.found_count,
        holder_count=found.holder_count,
        taken_count=found.taken_count,
        skipped_count=found.skipped_count,
        create_time=timestamp(found.create_time),
        finish_time=timestamp(found.finish_time),
        started_by=actor_to_proto(found.started_by),
        confirmed_by=None if found.confirmed_by is None else actor_to_proto(found.confirmed_by),
    )


def takeover_fact_to_message(
    body: object,
) -> events_pb2.TakeoverStarted | events_pb2.TakeoverHeld | events_pb2.TakeoverFinished | None:
    """The event that says it; none for what is of something else."""
    match body:
        case facts.TakeoverStarted() as it:
            return events_pb2.TakeoverStarted(
                takeover_id=it.takeover_id,
                app_id=it.app_id,
                entitlement_id=it.entitlement_id,
                action=_action(it.action),
                actor=actor_to_proto(it.actor),
            )
        case facts.TakeoverHeld() as it:
            return events_pb2.TakeoverHeld(
                takeover_id=it.takeover_id,
                found_count=it.found_count,
                holder_count=it.holder_count,
            )
        case facts.TakeoverFinished() as it:
            return events_pb2.TakeoverFinished(
                takeover_id=it.takeover_id, taken_count=it.taken_count
            )
        case _:
            return None


def _action(action: str) -> settings_pb2.UnmanagedAccessAction.ValueType:
    return settings_pb2.UnmanagedAccessAction.Value(f"UNMANAGED_ACCESS_ACTION_{action}")
