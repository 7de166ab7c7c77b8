"""Facts, as the messages they are published as."""

from google.protobuf.message import Message

from latchkey.connector.v1 import events_pb2
from libs.domain.changes import Fact
from libs.ledger.actors import actor_to_proto
from services.connector.domain import facts
from services.connector.translate.connections import REMOVED_ACCESS_ACTIONS
from services.connector.translate.syncs import held_removal_to_proto


def fact_to_message(fact: Fact) -> Message:
    """The message of a fact."""
    match fact.body:
        case facts.ConnectionCreated() as body:
            return events_pb2.ConnectionCreated(
                connection_id=body.connection_id,
                entra_tenant_id=body.entra_tenant_id,
                actor=actor_to_proto(body.actor),
            )
        case facts.ConnectionUpdated() as body:
            return events_pb2.ConnectionUpdated(
                connection_id=body.connection_id,
                changed_fields=body.changed_fields,
                actor=actor_to_proto(body.actor),
            )
        case facts.SyncStarted() as body:
            return events_pb2.SyncStarted(
                sync_id=body.sync_id,
                connection_id=body.connection_id,
                actor=actor_to_proto(body.actor),
            )
        case facts.SyncSucceeded() as body:
            return events_pb2.SyncSucceeded(
                sync_id=body.sync_id,
                connection_id=body.connection_id,
                object_count=body.object_count,
                removed_count=body.removed_count,
            )
        case facts.SyncHeld() as body:
            return events_pb2.SyncHeld(
                sync_id=body.sync_id,
                connection_id=body.connection_id,
                held_removals=[held_removal_to_proto(held) for held in body.held_removals],
            )
        case facts.SyncConfirmed() as body:
            return events_pb2.SyncConfirmed(
                sync_id=body.sync_id,
                connection_id=body.connection_id,
                actor=actor_to_proto(body.actor),
            )
        case facts.SyncFailed() as body:
            return events_pb2.SyncFailed(
                sync_id=body.sync_id, connection_id=body.connection_id, problem=body.problem
            )
        case facts.SyncCancelled() as body:
            return events_pb2.SyncCancelled(
                sync_id=body.sync_id,
                connection_id=body.connection_id,
                actor=actor_to_proto(body.actor),
            )
        case facts.AccessProvisioned() as body:
            return events_pb2.AccessProvisioned(lease_id=body.lease_id, round=body.round)
        case facts.AccessProvisioningFailed() as body:
            return events_pb2.AccessProvisioningFailed(
                lease_id=body.lease_id,
                round=body.round,
                failure_reason=body.failure_reason,
                failure_message=body.failure_message,
            )
        case facts.AccessDeprovisioned() as body:
            return events_pb2.AccessDeprovisioned(lease_id=body.lease_id)
        case facts.AccessRemovedOutside() as body:
            return events_pb2.AccessRemovedOutside(
                lease_id=body.lease_id,
                round=body.round,
                directory_entitlement_ids=body.directory_entitlement_ids,
                action=REMOVED_ACCESS_ACTIONS[body.action],
            )
        case facts.ReconciliationHeld() as body:
            return events_pb2.ReconciliationHeld(
                reconciliation_id=body.reconciliation_id,
                connection_id=body.connection_id,
                missing_count=body.missing_count,
                expected_count=body.expected_count,
            )
        case facts.ReconciliationConfirmed() as body:
            return events_pb2.ReconciliationConfirmed(
                reconciliation_id=body.reconciliation_id,
                connection_id=body.connection_id,
                actor=actor_to_proto(body.actor),
            )
        case body:
            raise TypeError(f"no message for {type(body).__name__}")
