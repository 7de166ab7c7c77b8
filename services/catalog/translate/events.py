"""`events.proto`."""

from google.protobuf.message import Message

from latchkey.catalog.v1 import events_pb2
from libs.domain.changes import Fact
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import duration
from services.catalog.domain import facts
from services.catalog.translate.link import choice_to_proto


def fact_to_message(fact: Fact) -> Message:
    """What happened, as the event that is published."""
    match fact.body:
        case facts.AppDiscovered() as body:
            return events_pb2.AppDiscovered(
                app_id=body.app_id,
                display_name=body.display_name,
                connection_id=body.connection_id,
            )
        case facts.AppRemoved() as body:
            return events_pb2.AppRemoved(
                app_id=body.app_id, display_name=body.display_name, was_managed=body.was_managed
            )
        case facts.AppManaged() as body:
            return events_pb2.AppManaged(
                app_id=body.app_id,
                display_name=body.display_name,
                access_entitlement_id=body.access_entitlement_id,
                actor=actor_to_proto(body.actor),
            )
        case facts.EntitlementLinked() as body:
            return events_pb2.EntitlementLinked(
                app_id=body.app_id,
                directory_entitlement_id=body.directory_entitlement_id,
                choice=choice_to_proto(body.choice),
                entitlement_id=body.entitlement_id,
                actor=actor_to_proto(body.actor),
            )
        case facts.LinkedRolesChanged(moved=moved):
            return events_pb2.LinkedRolesChanged(
                app_id=moved.app_id,
                directory_entitlement_id=moved.directory_entitlement_id,
                entitlement_id=moved.entitlement_id,
                entra_app_role_ids=moved.role_ids,
                drifted=moved.drifted,
            )
        case facts.EntitlementRulesApplied(rules=rules) as body:
            return events_pb2.EntitlementRulesApplied(
                app_id=rules.app_id,
                enabled=rules.enabled,
                resource_type_ids=rules.resource_type_ids,
                access_profile_ids=rules.access_profile_ids,
                policy_id=rules.policy_id,
                max_duration=duration(rules.max_duration),
                actor=actor_to_proto(body.actor),
            )
        case facts.AccessProfileCreated() as body:
            return events_pb2.AccessProfileCreated(
                access_profile_id=body.access_profile_id,
                display_name=body.display_name,
                actor=actor_to_proto(body.actor),
            )
        case facts.AppUpdated() as body:
            return events_pb2.AppUpdated(
                app_id=body.app_id,
                changed_fields=body.changed_fields,
                actor=actor_to_proto(body.actor),
            )
        case facts.AppUnmanaged() as body:
            return events_pb2.AppUnmanaged(
                app_id=body.app_id,
                display_name=body.display_name,
                end_access=body.end_access,
                reason=body.reason,
                actor=actor_to_proto(body.actor),
            )
        case facts.EntitlementUpdated() as body:
            return events_pb2.EntitlementUpdated(
                entitlement_id=body.entitlement_id,
                app_id=body.app_id,
                changed_fields=body.changed_fields,
                actor=actor_to_proto(body.actor),
            )
        case facts.EntitlementRemoved() as body:
            return events_pb2.EntitlementRemoved(
                entitlement_id=body.entitlement_id, app_id=body.app_id, reason=body.reason
            )
        case facts.EntitlementUnlinked() as body:
            return events_pb2.EntitlementUnlinked(
                app_id=body.app_id,
                directory_entitlement_id=body.directory_entitlement_id,
                entitlement_id=body.entitlement_id,
                entitlement_removed=body.entitlement_removed,
                reason=body.reason,
                actor=actor_to_proto(body.actor),
            )
        case facts.AccessProfileUpdated() as body:
            return events_pb2.AccessProfileUpdated(
                access_profile_id=body.access_profile_id,
                changed_fields=body.changed_fields,
                actor=actor_to_proto(body.actor),
            )
        case facts.AccessProfileDeleted() as body:
            return events_pb2.AccessProfileDeleted(
                access_profile_id=body.access_profile_id,
                display_name=body.display_name,
                actor=actor_to_proto(body.actor),
            )
        case facts.UserDeactivated() as body:
            return events_pb2.UserDeactivated(
                user_id=body.user_id, display_name=body.display_name, deleted=body.deleted
            )
        case facts.UnmanagedAccessFound() as body:
            return events_pb2.UnmanagedAccessFound(
                app_id=body.app_id,
                entitlement_id=body.entitlement_id,
                directory_entitlement_id=body.directory_entitlement_id,
                user_ids=body.user_ids,
                user_count=body.user_count,
            )
        case facts.DirectoryRefreshed() as body:
            return events_pb2.DirectoryRefreshed(
                connection_id=body.connection_id,
                sync_id=body.sync_id,
                seen_count=body.seen_count,
                removed_count=body.removed_count,
            )
    raise TypeError(f"{type(fact.body).__name__} is no fact of the catalog")
