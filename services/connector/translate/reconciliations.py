"""Reconciliations, as messages."""

from latchkey.connector.v1 import reconciliation_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import timestamp
from services.connector.domain.reconciliation import Reconciliation, ReconciliationState
from services.connector.translate.connections import REMOVED_ACCESS_ACTIONS

_STATES = {
    ReconciliationState.HELD: reconciliation_pb2.RECONCILIATION_STATE_HELD,
    ReconciliationState.CONFIRMED: reconciliation_pb2.RECONCILIATION_STATE_CONFIRMED,
    ReconciliationState.DONE: reconciliation_pb2.RECONCILIATION_STATE_DONE,
    ReconciliationState.SUPERSEDED: reconciliation_pb2.RECONCILIATION_STATE_SUPERSEDED,
}
_STATES_ASKED_FOR = {asked: state for state, asked in _STATES.items()}


def reconciliation_id(request: reconciliation_pb2.GetReconciliationRequest) -> str:
    """Which reconciliation is asked for."""
    with Fields() as fields:
        return fields.id("reconciliation_id", request.reconciliation_id, "rcn")


def confirmed_id(request: reconciliation_pb2.ConfirmReconciliationRequest) -> str:
    """Which reconciliation is to be acted on."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return fields.id("reconciliation_id", request.reconciliation_id, "rcn")


def page_request(
    request: reconciliation_pb2.ListReconciliationsRequest,
) -> tuple[PageRequest, str, ReconciliationState | None]:
    """Which page is asked for, of which connection and in which state; each empty when of all."""
    with Fields() as fields:
        connection_id = fields.id("connection_id", request.connection_id, "con", required=False)
        state = _STATES_ASKED_FOR.get(request.state)
        if request.state and state is None:
            fields.wrong("state", f"{request.state} is no state of a reconciliation")
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("reconciliations", request.connection_id, str(request.state)),
        )
    return page, connection_id, state


def get_response(found: Reconciliation) -> reconciliation_pb2.GetReconciliationResponse:
    """One reconciliation."""
    return reconciliation_pb2.GetReconciliationResponse(reconciliation=_to_proto(found))


def list_response(
    page: Page[Reconciliation],
) -> reconciliation_pb2.ListReconciliationsResponse:
    """A page of reconciliations."""
    return reconciliation_pb2.ListReconciliationsResponse(
        reconciliations=map(_to_proto, page.items), next_page_token=page.next_page_token
    )


def confirm_response(found: Reconciliation) -> reconciliation_pb2.ConfirmReconciliationResponse:
    """The reconciliation that is acted on."""
    return reconciliation_pb2.ConfirmReconciliationResponse(reconciliation=_to_proto(found))


def _to_proto(found: Reconciliation) -> reconciliation_pb2.Reconciliation:
    confirmed_by = found.confirmed_by
    return reconciliation_pb2.Reconciliation(
        reconciliation_id=found.reconciliation_id,
        connection_id=found.connection_id,
        sync_id=found.sync_id,
        state=_STATES[found.state],
        expected_count=found.expected_count,
        missing_count=found.missing_count,
        action=REMOVED_ACCESS_ACTIONS[found.action],
        create_time=timestamp(found.create_time),
        finish_time=timestamp(found.finish_time),
        confirmed_by=None if confirmed_by is None else actor_to_proto(confirmed_by),
        assignment_ids=found.shown_ids,
    )
