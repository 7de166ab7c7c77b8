"""Words that several messages share."""

from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.catalog.v1 import target_pb2
from latchkey.requests.v1 import access_request_pb2
from libs.domain.fields import Fields
from services.requests.domain.person import PersonRef
from services.requests.domain.target import AppRoleAssignment, GroupMembership, Target

MOST_TEXT = 2000


def timestamp(time: datetime | None) -> Timestamp | None:
    """A time, if there is one."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def duration(length: timedelta | None) -> Duration | None:
    """A length of time, if there is one."""
    if length is None:
        return None
    message = Duration()
    message.FromTimedelta(length)
    return message


def duration_field(fields: Fields, field: str, message: Duration) -> timedelta | None:
    """A length of time that a request holds."""
    try:
        length = timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError:
        fields.wrong(field, "is out of all bounds")
        return None
    return fields.duration(field, length)


def person_to_proto(person: PersonRef) -> access_request_pb2.PersonRef:
    """A person."""
    return access_request_pb2.PersonRef(
        user_id=person.user_id,
        entra_tenant_id=person.entra_tenant_id,
        entra_object_id=person.entra_object_id,
        display_name=person.display_name,
    )


def target_to_proto(target: Target) -> target_pb2.Target:
    """A target."""
    message = target_pb2.Target(
        directory_entitlement_id=target.directory_entitlement_id,
        connection_id=target.connection_id,
        display_name=target.display_name,
    )
    if isinstance(target.kind, GroupMembership):
        message.group_membership.entra_group_id = target.kind.entra_group_id
    else:
        message.app_role_assignment.entra_service_principal_id = (
            target.kind.entra_service_principal_id
        )
        message.app_role_assignment.entra_app_role_id = target.kind.entra_app_role_id
    return message


def target_from_proto(message: target_pb2.Target) -> Target | None:
    """A target; none of a kind that this version does not know."""
    kind: GroupMembership | AppRoleAssignment
    match message.WhichOneof("kind"):
        case "group_membership":
            kind = GroupMembership(message.group_membership.entra_group_id)
        case "app_role_assignment":
            assignment = message.app_role_assignment
            kind = AppRoleAssignment(
                assignment.entra_service_principal_id, assignment.entra_app_role_id
            )
        case _:
            return None
    return Target(
        message.directory_entitlement_id, message.connection_id, message.display_name, kind
    )
