"""Who may call the connector."""

from itertools import product
from typing import Any

import grpc

from latchkey.connector.v1 import (
    connection_pb2,
    provisioning_pb2,
    reconciliation_pb2,
    sync_pb2,
)
from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, POLICY_ADMIN
from services.connector.servicers.access import ACCESS
from tests.integration.connector.house import ConnectorHouse

READERS = {ADMIN, CONNECTOR_ADMIN, AUDITOR}
ALLOWED = {
    "CreateConnection": {CONNECTOR_ADMIN},
    "GetConnection": READERS,
    "ListConnections": READERS,
    "UpdateConnection": {CONNECTOR_ADMIN},
    "TestConnection": {CONNECTOR_ADMIN},
    "StartSync": {CONNECTOR_ADMIN},
    "GetSync": READERS,
    "ListSyncs": READERS,
    "WatchSync": READERS,
    "CancelSync": {CONNECTOR_ADMIN},
    "ConfirmSync": {CONNECTOR_ADMIN},
    "GetDelivery": READERS | {"requests"},
    "BatchGetDeliveries": {"requests"},
    "ListAssignments": READERS,
    "ListOperations": READERS,
    "GetOperation": READERS,
    "RetryOperation": {CONNECTOR_ADMIN},
    "GetReconciliation": READERS,
    "ListReconciliations": READERS,
    "ConfirmReconciliation": {CONNECTOR_ADMIN},
}
ROLES = [ADMIN, CONNECTOR_ADMIN, POLICY_ADMIN, AUDITOR]
SERVICES = ["catalog", "connector", "policy", "requests"]


def _calls(house: ConnectorHouse) -> dict[str, tuple[Any, Any]]:
    """Each method, with a request that reaches its handler and changes nothing."""
    return {
        "CreateConnection": (
            house.connections.CreateConnection,
            connection_pb2.CreateConnectionRequest(),
        ),
        "GetConnection": (
            house.connections.GetConnection,
            connection_pb2.GetConnectionRequest(connection_id="con_none"),
        ),
        "ListConnections": (
            house.connections.ListConnections,
            connection_pb2.ListConnectionsRequest(),
        ),
        "UpdateConnection": (
            house.connections.UpdateConnection,
            connection_pb2.UpdateConnectionRequest(),
        ),
        "TestConnection": (
            house.connections.TestConnection,
            connection_pb2.TestConnectionRequest(connection_id="con_none"),
        ),
        "StartSync": (
            house.syncs.StartSync,
            sync_pb2.StartSyncRequest(connection_id="con_none"),
        ),
        "GetSync": (house.syncs.GetSync, sync_pb2.GetSyncRequest(sync_id="syn_none")),
        "ListSyncs": (house.syncs.ListSyncs, sync_pb2.ListSyncsRequest()),
        "WatchSync": (house.syncs.WatchSync, sync_pb2.WatchSyncRequest(sync_id="syn_none")),
        "CancelSync": (house.syncs.CancelSync, sync_pb2.CancelSyncRequest(sync_id="syn_none")),
        "ConfirmSync": (house.syncs.ConfirmSync, sync_pb2.ConfirmSyncRequest(sync_id="syn_none")),
        "BatchGetDeliveries": (
            house.provisioning.BatchGetDeliveries,
            provisioning_pb2.BatchGetDeliveriesRequest(lease_ids=["lea_none"]),
        ),
        "GetDelivery": (
            house.provisioning.GetDelivery,
            provisioning_pb2.GetDeliveryRequest(lease_id="lea_none"),
        ),
        "ListAssignments": (
            house.provisioning.ListAssignments,
            provisioning_pb2.ListAssignmentsRequest(),
        ),
        "ListOperations": (
            house.provisioning.ListOperations,
            provisioning_pb2.ListOperationsRequest(),
        ),
        "GetOperation": (
            house.provisioning.GetOperation,
            provisioning_pb2.GetOperationRequest(operation_id="opr_none"),
        ),
        "RetryOperation": (
            house.provisioning.RetryOperation,
            provisioning_pb2.RetryOperationRequest(operation_id="opr_none"),
        ),
        "GetReconciliation": (
            house.reconciliations.GetReconciliation,
            reconciliation_pb2.GetReconciliationRequest(reconciliation_id="rcn_none"),
        ),
        "ListReconciliations": (
            house.reconciliations.ListReconciliations,
            reconciliation_pb2.ListReconciliationsRequest(),
        ),
        "ConfirmReconciliation": (
            house.reconciliations.ConfirmReconciliation,
            reconciliation_pb2.ConfirmReconciliationRequest(reconciliation_id="rcn_none"),
        ),
    }


async def _code(call: Any) -> grpc.StatusCode:
    try:
        if hasattr(call, "read"):
            await call.read()
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_only_those_may_call(small_house: ConnectorHouse) -> None:
    """Each method answers those whom the contract names, and refuses all others."""
    house = small_house
    assert {method.rpartition("/")[2] for method in ACCESS} == ALLOWED.keys()
    callers = {role: house.as_person(role) for role in ROLES}
    callers |= {name: house.as_service(name) for name in SERVICES}
    callers["nobody in particular"] = house.as_person()
    for (method, (stub, request)), (name, metadata) in product(
        _calls(house).items(), callers.items()
    ):
        code = await _code(stub(request, metadata=metadata))
        refused = code is grpc.StatusCode.PERMISSION_DENIED
        assert refused is (name not in ALLOWED[method]), (method, name, code)


async def test_nobody_calls_without_a_token(small_house: ConnectorHouse) -> None:
    """Not even to read."""
    for method, (stub, request) in _calls(small_house).items():
        assert await _code(stub(request)) is grpc.StatusCode.UNAUTHENTICATED, method
