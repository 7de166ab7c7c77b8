"""kill -9 of any part of the house, at the worst moments, costs time and nothing else."""

import asyncio
from collections import Counter

import pytest

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc
from latchkey.requests.v1 import access_request_pb2, lease_pb2
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.issuer import SERVICES

pytestmark = pytest.mark.asyncio(loop_scope="module")

# For each part two people who hold nothing of the app: one asks while the part is dead, the other
# just before it dies.
VICTIMS = {
    "catalog": people("Nora Eriksen", "Diego Fuentes"),
    "policy": people("Greta Baumann", "Luis Cardoso"),
    "requests": people("Hannah Lindqvist", "Amara Okafor"),
    "connector": people("Martin Kowalski", "Ellen Grady"),
    "nats-server": people("Samuel Osei", "Beatrice Moreau"),
}
FULFILLED = access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED


@pytest.mark.parametrize("victim", VICTIMS)
async def test_killed_in_the_middle_the_request_is_still_fulfilled_once(
    ready: Ready, victim: str
) -> None:
    """The access request ends FULFILLED; Entra saw one membership and one assignment; each
    change has one audit record; every chain holds."""
    while_dead, before_death = VICTIMS[victim]

    await ready.house.kill(victim)
    asking = asyncio.create_task(_ask(ready, while_dead))
    # Long enough for the call to meet the gap, and not a promise that the test rests on.
    await asyncio.wait([asking], timeout=0.5)
    await ready.house.begin(victim)
    await _ends_well(ready, while_dead, await asking)

    request = await _ask(ready, before_death)
    await ready.house.kill(victim)
    await ready.house.begin(victim)
    await _ends_well(ready, before_death, request)

    for service in SERVICES:
        verified = await ready.operator.call(
            audit_pb2_grpc.AuditServiceStub(ready.operator.channel(service)).VerifyAudit,
            audit_pb2.VerifyAuditRequest(),
        )
        assert verified.intact, f"{service}: {verified.problem}"


async def test_access_ends_without_policy_and_without_nats(ready: Ready) -> None:
    """With both of them dead a lease that is given back is out of Entra, and the requester is
    told so."""
    (member,) = people("Ruth Adeyemi")
    request = await _ask(ready, member)
    await _ends_well(ready, member, request)
    for part in ("policy", "nats-server"):
        await ready.house.kill(part)
    guide = ready.guide(member)
    await guide.give_back(request.lease_id, "The fire is out.")

    async def ended() -> bool:
        return (await guide.lease(request.lease_id)).state == lease_pb2.LEASE_STATE_ENDED

    await eventually(ended, 20, every=0.1)
    holdings = await ready.entra.holds(member.entra_object_id)
    assert cast.SERVICE_PRINCIPAL_ID not in holdings.service_principal_ids
    assert cast.VIEWERS_GROUP_ID not in holdings.group_ids
    for part in ("policy", "nats-server"):
        await ready.house.begin(part)


async def _ask(ready: Ready, member: Member) -> access_request_pb2.AccessRequest:
    guide = ready.guide(member)
    return await guide.ask(ready.access_entitlement_id, "The house is on fire.", member.label)


async def _ends_well(
    ready: Ready, member: Member, request: access_request_pb2.AccessRequest
) -> None:
    async for now in ready.guide(member).watch_request(request.access_request_id):
        request = now
    assert request.state == FULFILLED

    holdings = await ready.entra.holds(member.entra_object_id)
    assert cast.SERVICE_PRINCIPAL_ID in holdings.service_principal_ids
    assert cast.VIEWERS_GROUP_ID in holdings.group_ids
    writes = await ready.entra.writes(member.entra_object_id)
    kinds = Counter(change["kind"] for write in writes for change in write["changes"])
    assert kinds == {"groupMembership": 1, "appRoleAssignment": 1}

    records = await _audit_records(ready.operator, request.access_request_id)
    actions = [record.action for record in records]
    # Policy decides within the change that makes the request, or in one of its own later.
    decided_later = ["access_request.approved"] if len(actions) == 3 else []
    assert actions == ["access_request.created", *decided_later, "access_request.fulfilled"]


async def _audit_records(operator: Client, resource_id: str) -> list[audit_pb2.AuditRecord]:
    answer: audit_pb2.ListAuditRecordsResponse = await operator.call(
        audit_pb2_grpc.AuditServiceStub(operator.channel("requests")).ListAuditRecords,
        audit_pb2.ListAuditRecordsRequest(resource_id=resource_id, page_size=500),
    )
    return list(answer.audit_records)
