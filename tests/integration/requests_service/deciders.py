"""People who decide access requests, and the steps of plans that ask them to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from latchkey.ledger.v1 import audit_pb2
from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import delegation_pb2
from libs.domain import ids
from libs.domain.callers import ADMIN
from libs.rpc.well_known import timestamp
from tests.integration.requests_service.house import House, Person
from tests.support.issuer import TENANT, object_id

M = TypeVar("M", bound=Message)

MANAGER = policy_pb2.Approvers(manager=policy_pb2.Approvers.Manager(level=1))
OWNERS = policy_pb2.Approvers(app_owners=policy_pb2.Approvers.AppOwners())
GROUP = "grp_deciders"
MEMBERS = policy_pb2.Approvers(group_members=policy_pb2.Approvers.GroupMembers(group_id=GROUP))
ACCEPT = policy_pb2.Step(accept=policy_pb2.Step.Accept())


def uid(name: str) -> str:
    """The id of the person of this name."""
    return ids.user_id(TENANT, object_id(name))


def named(*names: str) -> policy_pb2.Approvers:
    """These people."""
    return policy_pb2.Approvers(
        people=policy_pb2.Approvers.People(user_ids=[uid(each) for each in names])
    )


def seconds(length: float) -> Duration:
    """So long."""
    found = Duration()
    found.FromTimedelta(timedelta(seconds=length))
    return found


def asks(approvers: policy_pb2.Approvers, **fields: Any) -> policy_pb2.Step:
    """A step where these decide."""
    return policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=approvers, **fields))


def kinds(found: pb.AccessRequest) -> list[str | None]:
    """What is on the timeline."""
    return [entry.WhichOneof("fact") for entry in found.timeline]


def asked(found: pb.AccessRequest) -> set[str]:
    """Who may decide the step that it is at."""
    return {each.user_id for each in found.current_step.approvers}


async def approve(person: Person, found: pb.AccessRequest, **fields: Any) -> pb.AccessRequest:
    """Approves it as it was seen."""
    request = pb.ApproveAccessRequestRequest(
        **{"access_request_id": found.access_request_id, "etag": found.etag} | fields
    )
    answer = await person.call(person.access_requests.ApproveAccessRequest, request)
    after: pb.AccessRequest = answer.access_request
    return after


async def deny(person: Person, found: pb.AccessRequest, **fields: Any) -> pb.AccessRequest:
    """Denies it as it was seen."""
    request = pb.DenyAccessRequestRequest(
        **{"access_request_id": found.access_request_id, "etag": found.etag} | fields
    )
    answer = await person.call(person.access_requests.DenyAccessRequest, request)
    after: pb.AccessRequest = answer.access_request
    return after


async def reassign(
    person: Person, found: pb.AccessRequest, *names: str, **fields: Any
) -> pb.AccessRequest:
    """Hands it to others."""
    request = pb.ReassignAccessRequestRequest(
        **{
            "access_request_id": found.access_request_id,
            "etag": found.etag,
            "approver_user_ids": [uid(each) for each in names],
            "reason": "they know it",
        }
        | fields
    )
    answer = await person.call(person.access_requests.ReassignAccessRequest, request)
    after: pb.AccessRequest = answer.access_request
    return after


async def restart(person: Person, found: pb.AccessRequest, **fields: Any) -> pb.AccessRequest:
    """Has it begin anew."""
    request = pb.RestartAccessRequestRequest(
        **{"access_request_id": found.access_request_id, "reason": "the policy changed"} | fields
    )
    answer = await person.call(person.access_requests.RestartAccessRequest, request)
    after: pb.AccessRequest = answer.access_request
    return after


async def comment(person: Person, found: pb.AccessRequest, **fields: Any) -> pb.AccessRequest:
    """Says something."""
    request = pb.CommentOnAccessRequestRequest(
        **{"access_request_id": found.access_request_id, "comment": "why so long?"} | fields
    )
    answer = await person.call(person.access_requests.CommentOnAccessRequest, request)
    after: pb.AccessRequest = answer.access_request
    return after


async def review(person: Person, found: pb.AccessRequest, **fields: Any) -> pb.AccessRequest:
    """Closes the review of emergency access."""
    given: dict[str, Any] = {
        "access_request_id": found.access_request_id,
        "etag": found.etag,
        "verdict": pb.EMERGENCY_REVIEW_STATE_JUSTIFIED,
        "comment": "it burned",
    }
    request = pb.ReviewEmergencyAccessRequest(**given | fields)
    answer = await person.call(person.access_requests.ReviewEmergencyAccess, request)
    after: pb.AccessRequest = answer.access_request
    return after


async def listed(person: Person, **fields: Any) -> list[str]:
    """The ids of all pages of a list, newest first."""
    found: list[str] = []
    request = pb.ListAccessRequestsRequest(**fields)
    while not found or request.page_token:
        answer = await person.call(person.access_requests.ListAccessRequests, request)
        found += [each.access_request_id for each in answer.access_requests]
        request.page_token = answer.next_page_token
        if not answer.access_requests:
            break
    return found


async def inbox(person: Person, name: str, **fields: Any) -> list[str]:
    """What waits for somebody."""
    return await listed(person, approver_user_id=uid(name), **fields)


async def delegate(house: House, name: str, to: str) -> None:
    """From now on somebody decides in another's place."""
    who = house.person(name)
    end = timestamp(datetime.now(UTC) + timedelta(days=1))
    request = delegation_pb2.CreateDelegationRequest(delegate_user_id=uid(to), end_time=end)
    await who.call(who.delegations.CreateDelegation, request)


async def told(house: House, kind: type[M]) -> list[M]:
    """The events of one kind, oldest first."""
    name = kind.DESCRIPTOR.full_name
    return [kind.FromString(event.payload) for event in await house.events() if event.type == name]


async def records(house: House, resource_id: str) -> Sequence[audit_pb2.AuditRecord]:
    """The audit records of something, oldest first."""
    admin = house.person("Admin", [ADMIN])
    request = audit_pb2.ListAuditRecordsRequest(resource_id=resource_id, page_size=500)
    answer = await admin.call(admin.audit.ListAuditRecords, request)
    found: Sequence[audit_pb2.AuditRecord] = answer.audit_records
    return found
