"""What can't be meant as it was sent."""

from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.connector.v1 import connection_pb2, provisioning_pb2, reconciliation_pb2, sync_pb2
from libs.rpc.errors import error_info, field_violations
from tests.integration.connector.house import ConnectorHouse, refusal

BAD_IDS = ["", " ", "con", "con_", "CON_1", "con_1\0", "con_ü", "con_" + "x" * 99, "req_1", "../x"]
BAD_TOKENS = ["x", "%%%", "a" * 3000, "bm9uc2Vuc2U", "\0"]


def _by_id(house: ConnectorHouse) -> dict[str, Any]:
    return {
        "con": [
            lambda found: house.connections.GetConnection(
                connection_pb2.GetConnectionRequest(connection_id=found), metadata=house.admin
            ),
            lambda found: house.connections.UpdateConnection(
                connection_pb2.UpdateConnectionRequest(
                    connection=connection_pb2.Connection(connection_id=found, display_name="x"),
                    update_mask=FieldMask(paths=["display_name"]),
                ),
                metadata=house.admin,
            ),
            lambda found: house.connections.TestConnection(
                connection_pb2.TestConnectionRequest(connection_id=found), metadata=house.admin
            ),
            lambda found: house.syncs.StartSync(
                sync_pb2.StartSyncRequest(connection_id=found), metadata=house.admin
            ),
        ],
        "syn": [
            lambda found: house.syncs.GetSync(
                sync_pb2.GetSyncRequest(sync_id=found), metadata=house.admin
            ),
            lambda found: house.syncs.ConfirmSync(
                sync_pb2.ConfirmSyncRequest(sync_id=found), metadata=house.admin
            ),
            lambda found: house.syncs.CancelSync(
                sync_pb2.CancelSyncRequest(sync_id=found), metadata=house.admin
            ),
            lambda found: house.syncs.WatchSync(
                sync_pb2.WatchSyncRequest(sync_id=found), metadata=house.admin
            ).read(),
        ],
        "lea": [
            lambda found: house.provisioning.GetDelivery(
                provisioning_pb2.GetDeliveryRequest(lease_id=found), metadata=house.admin
            ),
        ],
        "opr": [
            lambda found: house.provisioning.GetOperation(
                provisioning_pb2.GetOperationRequest(operation_id=found), metadata=house.admin
            ),
            lambda found: house.provisioning.RetryOperation(
                provisioning_pb2.RetryOperationRequest(operation_id=found), metadata=house.admin
            ),
        ],
        "rcn": [
            lambda found: house.reconciliations.GetReconciliation(
                reconciliation_pb2.GetReconciliationRequest(reconciliation_id=found),
                metadata=house.admin,
            ),
            lambda found: house.reconciliations.ConfirmReconciliation(
                reconciliation_pb2.ConfirmReconciliationRequest(reconciliation_id=found),
                metadata=house.admin,
            ),
        ],
    }


async def test_ids_of_no_kind_are_refused(small_house: ConnectorHouse) -> None:
    """Every method that takes an id names the field; nothing reaches the database."""
    for prefix, calls in _by_id(small_house).items():
        for call in calls:
            for bad in BAD_IDS:
                found = bad.replace("con", prefix).replace("CON", prefix.upper())
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await call(found)
                assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT, (found, raised)
                assert field_violations(raised.value)[0].field.endswith("_id")


async def test_what_there_is_not_is_not_found(house: ConnectorHouse) -> None:
    """Each kind with its own reason."""
    reasons = {
        "con": "CONNECTION_NOT_FOUND",
        "syn": "SYNC_NOT_FOUND",
        "lea": "DELIVERY_NOT_FOUND",
        "opr": "OPERATION_NOT_FOUND",
        "rcn": "RECONCILIATION_NOT_FOUND",
    }
    for prefix, calls in _by_id(house).items():
        for call in calls:
            await refusal(call(f"{prefix}_none"), grpc.StatusCode.NOT_FOUND, reasons[prefix])


async def test_lists_take_only_their_own_pages(house: ConnectorHouse) -> None:
    """Page sizes out of bounds, tokens of nothing, and filters of another kind."""
    lists: dict[str, Any] = {
        "connections": lambda **fields: house.connections.ListConnections(
            connection_pb2.ListConnectionsRequest(**fields), metadata=house.reader
        ),
        "syncs": lambda **fields: house.syncs.ListSyncs(
            sync_pb2.ListSyncsRequest(**fields), metadata=house.reader
        ),
        "assignments": lambda **fields: house.provisioning.ListAssignments(
            provisioning_pb2.ListAssignmentsRequest(**fields), metadata=house.reader
        ),
        "operations": lambda **fields: house.provisioning.ListOperations(
            provisioning_pb2.ListOperationsRequest(**fields), metadata=house.reader
        ),
        "reconciliations": lambda **fields: house.reconciliations.ListReconciliations(
            reconciliation_pb2.ListReconciliationsRequest(**fields), metadata=house.reader
        ),
    }
    for name, call in lists.items():
        for size in (-1, 501):
            await refusal(call(page_size=size), grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
        for token in BAD_TOKENS:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await call(page_token=token)
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT, (name, token)
            assert error_info(raised.value).reason in ("PAGE_TOKEN_INVALID", "FIELD_INVALID")
    for call, field in (
        (lists["syncs"], "connection_id"),
        (lists["assignments"], "user_id"),
        (lists["operations"], "assignment_id"),
        (lists["reconciliations"], "connection_id"),
    ):
        await refusal(call(**{field: "x\0"}), grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_a_key_is_for_one_wish(house: ConnectorHouse) -> None:
    """The same key with another body is refused; a key that is too long too."""
    connection_id = await house.connect()
    request = sync_pb2.StartSyncRequest(connection_id=connection_id, idempotency_key="one")
    await house.syncs.StartSync(request, metadata=house.admin)
    other = sync_pb2.StartSyncRequest(connection_id="con_other", idempotency_key="one")
    await refusal(
        house.syncs.StartSync(other, metadata=house.admin),
        grpc.StatusCode.INVALID_ARGUMENT,
        "IDEMPOTENCY_KEY_REUSED",
    )
    long = sync_pb2.StartSyncRequest(connection_id=connection_id, idempotency_key="x" * 201)
    await refusal(
        house.syncs.StartSync(long, metadata=house.admin),
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
    )
    for key in ("x" * 201, "a\0b"):
        await refusal(
            house.syncs.CancelSync(
                sync_pb2.CancelSyncRequest(sync_id="syn_1", idempotency_key=key),
                metadata=house.admin,
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "FIELD_INVALID",
        )


@pytest.mark.parametrize("state", [4, 99, -1])
async def test_a_state_that_there_is_not(small_house: ConnectorHouse, state: int) -> None:
    """A filter by it is refused, and is not an empty list."""
    call = small_house.provisioning.ListOperations(
        provisioning_pb2.ListOperationsRequest(state=state),  # type: ignore[arg-type]
        metadata=small_house.reader,
    )
    await refusal(call, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    listed = small_house.reconciliations.ListReconciliations(
        reconciliation_pb2.ListReconciliationsRequest(state=state + 1 if state > 0 else state),  # type: ignore[arg-type]
        metadata=small_house.reader,
    )
    await refusal(listed, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
