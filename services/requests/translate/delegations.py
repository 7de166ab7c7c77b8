"""DelegationService, between its messages and the domain."""

from latchkey.requests.v1 import delegation_pb2 as pb
from libs.domain.callers import Person
from libs.domain.fields import Fields
from libs.domain.paging import Page
from libs.rpc.well_known import time_field, timestamp
from services.requests.domain.delegation import Delegation
from services.requests.handlers.create_delegation import CreateDelegation
from services.requests.handlers.delete_delegation import DeleteDelegation
from services.requests.handlers.list_delegations import ListDelegations
from services.requests.translate.common import MOST_TEXT, person_to_proto


def create_command(request: pb.CreateDelegationRequest, person: Person) -> CreateDelegation:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        if not request.HasField("end_time"):
            fields.wrong("end_time", "is required")
        delegator = fields.id("delegator_user_id", request.delegator_user_id, "usr", required=False)
        command = CreateDelegation(
            person=person,
            delegator_user_id=delegator or person.user_id,
            delegate_user_id=fields.id("delegate_user_id", request.delegate_user_id, "usr"),
            start_time=time_field(fields, "start_time", request.start_time)
            if request.HasField("start_time")
            else None,
            end_time=time_field(fields, "end_time", request.end_time),
            reason=fields.text("reason", request.reason, least=0, most=MOST_TEXT, lines=True),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def list_command(request: pb.ListDelegationsRequest, person: Person) -> ListDelegations:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return ListDelegations(
            person=person,
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
        )


def delete_command(request: pb.DeleteDelegationRequest, person: Person) -> DeleteDelegation:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = DeleteDelegation(
            person=person,
            delegation_id=fields.id("delegation_id", request.delegation_id, "dlg"),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def create_response(made: Delegation) -> pb.CreateDelegationResponse:
    """The delegation as it was made."""
    return pb.CreateDelegationResponse(delegation=delegation_to_proto(made))


def list_response(page: Page[Delegation]) -> pb.ListDelegationsResponse:
    """A page of delegations."""
    return pb.ListDelegationsResponse(
        delegations=[delegation_to_proto(item) for item in page.items],
        next_page_token=page.next_page_token,
    )


def delete_response(_: None) -> pb.DeleteDelegationResponse:
    """The delegation is over."""
    return pb.DeleteDelegationResponse()


def delegation_to_proto(found: Delegation) -> pb.Delegation:
    """A delegation."""
    return pb.Delegation(
        delegation_id=found.delegation_id,
        delegator=person_to_proto(found.delegator),
        delegate=person_to_proto(found.delegate),
        start_time=timestamp(found.period.start),
        end_time=timestamp(found.period.end),
        reason=found.reason,
        create_time=timestamp(found.create_time),
    )
