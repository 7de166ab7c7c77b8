"""`ingest.proto`, but for what a page holds."""

from latchkey.catalog.v1 import ingest_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.directory import AppInScope, Complete, DirectoryKind
from services.catalog.domain.removal import HeldRemoval
from services.catalog.domain.sync import Message, Sync
from services.catalog.handlers import ingest_page
from services.catalog.translate import shapes
from services.catalog.translate.directory_page import directory_page

_MOST_CHECKPOINT = 200_000
_MOST_APPS = 1000


def ingest_page_command(request: ingest_pb2.IngestRequest) -> ingest_page.Command:
    """The wish to take a message of a sync."""
    content = request.WhichOneof("content")
    with Fields() as fields:
        if content is None:
            fields.wrong("content", "is required: page or complete")
        if not request.checkpoint:
            fields.wrong("checkpoint", "is required")
        elif "\x00" in request.checkpoint:
            fields.wrong("checkpoint", "holds the control character U+0000")
        elif len(request.checkpoint) > _MOST_CHECKPOINT:
            fields.wrong("checkpoint", f"has more than {_MOST_CHECKPOINT} characters")
        tenant = fields.guid("entra_tenant_id", request.entra_tenant_id)
        return ingest_page.Command(
            Message(
                sync_id=fields.id("sync_id", request.sync_id, "syn"),
                connection_id=fields.id("connection_id", request.connection_id, "con"),
                entra_tenant_id=tenant,
                page_number=_positive(fields, "page_number", request.page_number),
                checkpoint=request.checkpoint,
                round=_positive(fields, "round", request.round),
                run=_positive(fields, "run", request.run),
                groups_only=request.groups_only,
            ),
            _complete(fields, request.complete, request.round)
            if content == "complete"
            else directory_page(fields, request.page, tenant),
        )


def ingest_response(taken: ingest_page.Taken | None) -> ingest_pb2.IngestResponse:
    """What came of the messages; none for a stream without any."""
    if taken is None:
        return ingest_pb2.IngestResponse()
    return ingest_pb2.IngestResponse(
        last_page_number=taken.sync.last_page_number,
        completed=taken.sync.completed,
        seen_count=taken.sync.seen_count,
        removed_count=taken.sync.removed_count,
        held_removals=map(_held_to_proto, taken.held),
    )


def get_checkpoint(request: ingest_pb2.GetCheckpointRequest) -> str:
    """The id of the connection."""
    with Fields() as fields:
        return fields.id("connection_id", request.connection_id, "con")


def get_checkpoint_response(sync: Sync | None) -> ingest_pb2.GetCheckpointResponse:
    """How far the newest sync of the connection is."""
    if sync is None:
        return ingest_pb2.GetCheckpointResponse()
    return ingest_pb2.GetCheckpointResponse(
        last_page_number=sync.last_page_number,
        checkpoint=sync.checkpoint,
        completed=sync.completed,
        sync_id=sync.sync_id,
        round=sync.round,
        run=sync.run,
        seen_count=sync.seen_count,
        removed_count=sync.removed_count,
    )


def list_apps_in_scope(
    request: ingest_pb2.ListAppsInScopeRequest,
) -> tuple[str, PageRequest]:
    """Of which connection, which page."""
    with Fields() as fields:
        connection_id = fields.id("connection_id", request.connection_id, "con")
        if not 0 <= request.page_size <= _MOST_APPS:
            fields.wrong("page_size", f"must be between 1 and {_MOST_APPS}, or 0 for {_MOST_APPS}")
        return connection_id, PageRequest(
            size=request.page_size or _MOST_APPS,
            token=fields.page_token(request.page_token),
            scope=("apps_in_scope", connection_id),
        )


def list_apps_in_scope_response(
    page: Page[AppInScope],
) -> ingest_pb2.ListAppsInScopeResponse:
    """A page of apps."""
    return ingest_pb2.ListAppsInScopeResponse(
        apps=[
            ingest_pb2.AppInScope(
                entra_service_principal_id=app.entra_service_principal_id,
                assignments_digest=app.assignments_digest,
                owners_known=app.owners_known,
            )
            for app in page.items
        ],
        next_page_token=page.next_page_token,
    )


def _positive(fields: Fields, field: str, value: int) -> int:
    if value < 1:
        fields.wrong(field, "must be 1 or more")
    return value


def _complete(fields: Fields, complete: ingest_pb2.SyncComplete, newest: int) -> Complete:
    sweeps: dict[DirectoryKind, int] = {}
    for index, sweep in enumerate(complete.sweeps):
        path = f"complete.sweeps[{index}]"
        kind = shapes.enum_value(fields, f"{path}.kind", sweep.kind, DirectoryKind)
        # A round that nothing was seen in yet would take everything away.
        if not 1 <= sweep.round <= max(newest, 1):
            fields.wrong(f"{path}.round", "must be 1 or more, and no more than the message's")
        if sweep.kind == 0:
            fields.wrong(f"{path}.kind", "is required")
        elif kind in sweeps:
            fields.wrong(f"{path}.kind", "is swept more than once")
        elif kind is not None:
            sweeps[kind] = sweep.round
    return Complete(sweeps, complete.removals_confirmed)


def _held_to_proto(held: HeldRemoval) -> ingest_pb2.HeldRemoval:
    return ingest_pb2.HeldRemoval(
        kind=ingest_pb2.DirectoryKind.Value(f"DIRECTORY_KIND_{held.kind}"),
        removed_count=held.removed_count,
        total_count=held.total_count,
    )
