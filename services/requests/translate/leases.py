"""LeaseService, between its messages and the domain."""

from collections.abc import Iterable
from datetime import timedelta

from latchkey.requests.v1 import lease_pb2 as pb
from libs.domain.callers import Caller, Person
from libs.domain.fields import Fields
from libs.domain.paging import Page
from libs.rpc.well_known import duration, duration_field, timestamp
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.lease import Lease, LeaseState
from services.requests.handlers.end_lease import RevokeLease
from services.requests.handlers.extend_lease import ExtendLease
from services.requests.handlers.list_leases import ListLeases
from services.requests.translate.common import (
    MOST_TEXT,
    person_to_proto,
    target_to_proto,
    wanted_state,
)
from services.requests.translate.shown import access_request_to_proto

_MOST_LEASES = 100


def lease_id(request: pb.GetLeaseRequest) -> str:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return fields.id("lease_id", request.lease_id, "lea")


def lease_ids(request: pb.BatchGetLeasesRequest) -> tuple[str, ...]:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        if not request.lease_ids:
            fields.wrong("lease_ids", f"is required, 1 to {_MOST_LEASES} ids")
        return fields.ids("lease_ids", request.lease_ids, "lea", most=_MOST_LEASES)


def list_command(request: pb.ListLeasesRequest, caller: Caller) -> ListLeases:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        state = wanted_state(fields, request.state, pb.LeaseState, LeaseState, "a lease")
        command = ListLeases(
            caller=caller,
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            state=state,
            alarmed=request.alarmed,
            app_id=fields.id("app_id", request.app_id, "app", required=False),
            subject_user_id=fields.id(
                "subject_user_id", request.subject_user_id, "usr", required=False
            ),
        )
    return command


def revoke_command(request: pb.RevokeLeaseRequest, person: Person) -> RevokeLease:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = RevokeLease(
            person=person,
            lease_id=fields.id("lease_id", request.lease_id, "lea"),
            reason=fields.text("reason", request.reason, most=MOST_TEXT, lines=True),
            etag=fields.text("etag", request.etag, least=0, most=100),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def extend_command(request: pb.ExtendLeaseRequest, person: Person) -> ExtendLease:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        length = None
        if request.HasField("duration"):
            length = duration_field(fields, "duration", request.duration)
        else:
            fields.wrong("duration", "is required: for how much longer")
        command = ExtendLease(
            person=person,
            lease_id=fields.id("lease_id", request.lease_id, "lea"),
            justification=fields.text(
                "justification", request.justification, most=MOST_TEXT, lines=True
            ),
            duration=length or timedelta(0),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def extend_response(found: AccessRequest, reader: Person) -> pb.ExtendLeaseResponse:
    """The access request by which a lease may last longer."""
    return pb.ExtendLeaseResponse(access_request=access_request_to_proto(found, reader))


def get_response(found: Lease) -> pb.GetLeaseResponse:
    """One lease."""
    return pb.GetLeaseResponse(lease=lease_to_proto(found))


def batch_response(found: Iterable[Lease]) -> pb.BatchGetLeasesResponse:
    """Some leases."""
    return pb.BatchGetLeasesResponse(leases=map(lease_to_proto, found))


def list_response(page: Page[Lease]) -> pb.ListLeasesResponse:
    """A page of leases."""
    return pb.ListLeasesResponse(
        leases=[lease_to_proto(item) for item in page.items],
        next_page_token=page.next_page_token,
    )


def revoke_response(found: Lease) -> pb.RevokeLeaseResponse:
    """The lease on its way to its end."""
    return pb.RevokeLeaseResponse(lease=lease_to_proto(found))


def lease_to_proto(found: Lease) -> pb.Lease:
    """A lease."""
    return pb.Lease(
        lease_id=found.lease_id,
        access_request_id=found.access_request_id,
        state=pb.LeaseState.Value(f"LEASE_STATE_{found.state}"),
        entitlement_id=found.entitlement_id,
        app_id=found.app_id,
        subject=person_to_proto(found.subject),
        targets=[target_to_proto(target) for target in found.targets],
        duration=duration(found.duration),
        round=found.round,
        create_time=timestamp(found.create_time),
        start_time=timestamp(found.start_time),
        end_time=timestamp(found.end_time),
        end_cause=pb.LeaseEndCause.Value(f"LEASE_END_CAUSE_{found.end_cause or 'UNSPECIFIED'}"),
        end_reason=found.end_reason,
        etag=str(found.version),
        emergency=found.emergency,
        remind_time=timestamp(found.remind_time),
        alarm_time=timestamp(found.alarm_time),
        takes_over=found.takes_over,
        removed_outside_time=timestamp(found.removed_outside_time),
    )
