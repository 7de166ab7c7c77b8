"""Syncs, as messages."""

from latchkey.connector.v1 import sync_pb2
from libs.domain.callers import Caller
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import duration, timestamp
from services.connector.domain.sync import HeldRemoval, Sync, SyncKind, SyncState
from services.connector.handlers import start_sync

_STATES = {
    SyncState.RUNNING: sync_pb2.SYNC_STATE_RUNNING,
    SyncState.SUCCEEDED: sync_pb2.SYNC_STATE_SUCCEEDED,
    SyncState.FAILED: sync_pb2.SYNC_STATE_FAILED,
    SyncState.CANCELLED: sync_pb2.SYNC_STATE_CANCELLED,
    SyncState.HELD: sync_pb2.SYNC_STATE_HELD,
}
_KINDS = {
    SyncKind.INCREMENTAL: sync_pb2.SYNC_KIND_INCREMENTAL,
    SyncKind.FULL: sync_pb2.SYNC_KIND_FULL,
}
_WISHES = {number: kind for kind, number in _KINDS.items()} | {
    sync_pb2.SYNC_KIND_UNSPECIFIED: SyncKind.INCREMENTAL
}


def start_command(actor: Caller, request: sync_pb2.StartSyncRequest) -> start_sync.Command:
    """The wish for a sync."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        connection_id = fields.id("connection_id", request.connection_id, "con")
        if request.kind not in _WISHES:
            fields.wrong("kind", f"{request.kind} is no value of SyncKind")
        kind = _WISHES.get(request.kind, SyncKind.INCREMENTAL)
        return start_sync.Command(actor, connection_id, kind)


def sync_id(request: sync_pb2.GetSyncRequest | sync_pb2.WatchSyncRequest) -> str:
    """Which sync is asked for."""
    with Fields() as fields:
        return fields.id("sync_id", request.sync_id, "syn")


def ended_id(request: sync_pb2.CancelSyncRequest | sync_pb2.ConfirmSyncRequest) -> str:
    """Which sync is to be stopped, or to go on."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return fields.id("sync_id", request.sync_id, "syn")


def page_request(request: sync_pb2.ListSyncsRequest) -> tuple[PageRequest, str]:
    """Which page is asked for, and of which connection; of all when that is empty."""
    with Fields() as fields:
        connection_id = fields.id("connection_id", request.connection_id, "con", required=False)
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("syncs", request.connection_id),
        )
    return page, connection_id


def sync_to_proto(sync: Sync) -> sync_pb2.Sync:
    """A sync."""
    return sync_pb2.Sync(
        sync_id=sync.sync_id,
        connection_id=sync.connection_id,
        state=_STATES[sync.state],
        phase=sync.progress.phase,
        page_count=sync.progress.page_count,
        object_count=sync.progress.object_count,
        request_count=sync.progress.request_count,
        problem=sync.problem,
        create_time=timestamp(sync.create_time),
        finish_time=timestamp(sync.finish_time),
        kind=_KINDS[sync.kind],
        objects_per_second=round(sync.progress.objects_per_second, 1),
        estimated_rest_duration=duration(sync.estimated_rest),
        held_removals=[held_removal_to_proto(held) for held in sync.held_removals],
        removed_count=sync.removed_count,
    )


def held_removal_to_proto(held: HeldRemoval) -> sync_pb2.HeldRemoval:
    """What a held sync would remove of one kind."""
    return sync_pb2.HeldRemoval(
        kind=held.kind, removed_count=held.removed_count, total_count=held.total_count
    )


def start_response(sync: Sync) -> sync_pb2.StartSyncResponse:
    """The started sync."""
    return sync_pb2.StartSyncResponse(sync=sync_to_proto(sync))


def get_response(sync: Sync) -> sync_pb2.GetSyncResponse:
    """One sync."""
    return sync_pb2.GetSyncResponse(sync=sync_to_proto(sync))


def list_response(page: Page[Sync]) -> sync_pb2.ListSyncsResponse:
    """A page of syncs."""
    return sync_pb2.ListSyncsResponse(
        syncs=[sync_to_proto(sync) for sync in page.items], next_page_token=page.next_page_token
    )


def watch_response(sync: Sync) -> sync_pb2.WatchSyncResponse:
    """A sync that is followed."""
    return sync_pb2.WatchSyncResponse(sync=sync_to_proto(sync))


def cancel_response(sync: Sync) -> sync_pb2.CancelSyncResponse:
    """The stopped sync."""
    return sync_pb2.CancelSyncResponse(sync=sync_to_proto(sync))


def confirm_response(sync: Sync) -> sync_pb2.ConfirmSyncResponse:
    """The sync that goes on."""
    return sync_pb2.ConfirmSyncResponse(sync=sync_to_proto(sync))
