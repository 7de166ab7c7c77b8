"""What requests and the catalog say of a lease, from their messages."""

from collections.abc import Iterable, Sequence

from latchkey.catalog.v1 import resolution_pb2
from latchkey.requests.v1 import lease_pb2
from libs.domain.errors import NotFound
from services.connector.domain.lease import Confirmation, ConfirmedTarget, Lease
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.target import Principal
from services.connector.translate.targets import target_of

# An entitlement, a person, and directory entitlements.
Question = tuple[str, str, tuple[str, ...]]
# A lease whose delivery failed waits for somebody: it is neither wanted nor ended.
_WANTED = (lease_pb2.LEASE_STATE_GRANTED, lease_pb2.LEASE_STATE_ACTIVE)
_ENDED = (lease_pb2.LEASE_STATE_ENDING, lease_pb2.LEASE_STATE_ENDED)

# Seconds and nanoseconds.
Moment = tuple[int, int]


def lease_of(message: lease_pb2.Lease) -> Lease:
    """A lease. Targets that do not say what must be held, or say it twice, are left out."""
    targets = [target for found in message.targets if (target := target_of(found)) is not None]
    once = {target.directory_entitlement_id: target for target in targets}
    return Lease(
        lease_id=message.lease_id,
        is_wanted=message.state in _WANTED,
        is_delivered=message.state == lease_pb2.LEASE_STATE_ACTIVE,
        is_ended=message.state in _ENDED,
        entitlement_id=message.entitlement_id,
        subject=Principal(
            message.subject.user_id,
            message.subject.entra_tenant_id.lower(),
            message.subject.entra_object_id.lower(),
        ),
        targets=tuple(once.values()),
        round=message.round,
        emergency=message.emergency,
        takes_over=message.takes_over,
    )


def end_of(message: lease_pb2.Lease) -> Moment:
    """When a lease ends, or was made to; before all others if it does not say."""
    return message.end_time.seconds, message.end_time.nanos


def confirm_request(
    questions: Iterable[Question],
) -> resolution_pb2.BatchConfirmTargetsRequest:
    """Asks about targets."""
    return resolution_pb2.BatchConfirmTargetsRequest(
        questions=[
            resolution_pb2.ConfirmTargetsRequest(
                entitlement_id=entitlement_id,
                subject_user_id=user_id,
                directory_entitlement_ids=ids,
            )
            for entitlement_id, user_id, ids in questions
        ]
    )


def check_held_request(
    connection_id: str, expected: Sequence[ExpectedAssignment]
) -> resolution_pb2.CheckHeldRequest:
    """Asks whether people still hold what they were given."""
    return resolution_pb2.CheckHeldRequest(
        connection_id=connection_id,
        items=[
            resolution_pb2.CheckHeldRequest.HeldItem(
                user_id=each.user_id, directory_entitlement_id=each.directory_entitlement_id
            )
            for each in expected
        ],
    )


def missing_of(
    expected: Sequence[ExpectedAssignment], message: resolution_pb2.CheckHeldResponse
) -> frozenset[str]:
    """Which assignments are missing: what or whose is gone altogether is not."""
    return frozenset(
        each.assignment_id
        for each, state in zip(expected, message.states, strict=True)
        if state == resolution_pb2.HELD_STATE_NOT_HELD
    )


def confirmation_of(
    answer: resolution_pb2.BatchConfirmTargetsResponse.Answer,
) -> Confirmation | NotFound:
    """What the catalog says of targets."""
    if answer.HasField("not_found"):
        return NotFound(answer.not_found.reason, answer.not_found.message)
    message = answer.confirmed
    return Confirmation(
        subject=Principal(
            message.subject.user_id,
            message.subject.entra_tenant_id.lower(),
            message.subject.entra_object_id.lower(),
        ),
        targets=tuple(
            ConfirmedTarget(
                target=target_of(found.target) if found.listed else None,
                held=found.held,
                problem=found.problem,
            )
            for found in message.targets
        ),
    )
