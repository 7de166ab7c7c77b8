"""What the connector answers."""

from latchkey.connector.v1 import (
    connection_pb2,
    connection_pb2_grpc,
    provisioning_pb2,
    provisioning_pb2_grpc,
    reconciliation_pb2,
    reconciliation_pb2_grpc,
    sync_pb2,
    sync_pb2_grpc,
)
from libs.rpc.server import Servicer
from services.connector.servicers.connections import ConnectionServicer
from services.connector.servicers.provisioning import ProvisioningServicer
from services.connector.servicers.reconciliations import ReconciliationServicer
from services.connector.servicers.syncs import SyncServicer


def servicers(
    connections: ConnectionServicer,
    syncs: SyncServicer,
    provisioning: ProvisioningServicer,
    reconciliations: ReconciliationServicer,
) -> list[Servicer]:
    """All of them, for a server."""
    return [
        (
            connection_pb2.DESCRIPTOR.services_by_name["ConnectionService"],
            connection_pb2_grpc.add_ConnectionServiceServicer_to_server,
            connections,
        ),
        (
            sync_pb2.DESCRIPTOR.services_by_name["SyncService"],
            sync_pb2_grpc.add_SyncServiceServicer_to_server,
            syncs,
        ),
        (
            provisioning_pb2.DESCRIPTOR.services_by_name["ProvisioningService"],
            provisioning_pb2_grpc.add_ProvisioningServiceServicer_to_server,
            provisioning,
        ),
        (
            reconciliation_pb2.DESCRIPTOR.services_by_name["ReconciliationService"],
            reconciliation_pb2_grpc.add_ReconciliationServiceServicer_to_server,
            reconciliations,
        ),
    ]
