"""What the connector says of its operations, and which it never begins."""

import grpc
import pytest
from sqlalchemy import update

from latchkey.connector.v1 import provisioning_pb2 as pb
from services.connector.store.tables import assignments
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector import crowd
from tests.integration.connector.house import ConnectorHouse, refusal
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually

pytestmark = pytest.mark.either_database


async def _retry(
    house: ConnectorHouse, operation_id: str, key: str = ""
) -> pb.RetryOperationResponse:
    found: pb.RetryOperationResponse = await house.provisioning.RetryOperation(
        pb.RetryOperationRequest(operation_id=operation_id, idempotency_key=key),
        metadata=house.admin,
    )
    return found


async def test_an_operation_with_every_attempt(house: ConnectorHouse) -> None:
    """By their ids Microsoft finds the calls, and so do we; what failed says how."""
    connection_id = await house.connect()
    path = "/servicePrincipals/*/appRoleAssignedTo"
    house.simulator.faults.add("gateway-timeout", method="POST", path=path, times=1)
    lease_id = house.lease(cast.NORA, [app_role(connection_id, cast.TENANT, cast.ATELIER)])
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    [listed] = await house.operations()
    assert not listed.attempts and listed.lane == pb.OPERATION_LANE_GRANT
    assert not listed.HasField("next_attempt_time") and listed.remedy == pb.REMEDY_UNSPECIFIED
    found = await crowd.operation(house, listed.operation_id)
    first, second = found.attempts
    call = f"POST /servicePrincipals/{cast.ATELIER}/appRoleAssignedTo"
    assert (first.number, first.status, first.code, first.call) == (1, 504, "UnknownError", call)
    assert first.outcome == pb.ATTEMPT_OUTCOME_UNKNOWN
    assert (second.number, second.status, second.call) == (2, 201, call)
    assert second.outcome == pb.ATTEMPT_OUTCOME_DONE
    entries = {entry["requestId"]: entry for entry in house.simulator.journal.entries()}
    for attempt in found.attempts:
        entry = entries[attempt.graph_request_id]
        assert entry["clientRequestId"] == attempt.client_request_id
        assert attempt.start_time.ToDatetime() <= attempt.finish_time.ToDatetime()
    assert first.client_request_id != second.client_request_id

    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    for state, kinds in (
        (pb.OPERATION_STATE_SUCCEEDED, [pb.OPERATION_KIND_ADD, pb.OPERATION_KIND_REMOVE]),
        (pb.OPERATION_STATE_FAILED, []),
    ):
        page = await house.provisioning.ListOperations(
            pb.ListOperationsRequest(state=state), metadata=house.reader
        )
        assert [each.kind for each in page.operations] == kinds
    assert page.next_page_token == ""


async def test_retried_at_once(house: ConnectorHouse) -> None:
    """An operation in a long pause does not wait for its end; one that is over stays so."""
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    house.simulator.faults.add("forbidden", method="DELETE", path="**")
    await house.ended(lease_id)

    async def refused() -> pb.Operation | None:
        found = (await house.operations())[-1]
        return found if found.remedy == pb.REMEDY_NEEDS_PERSON else None

    waiting = await eventually(refused, 10, every=0.02)
    assert waiting is not None and waiting.state == pb.OPERATION_STATE_INTENDED
    assert waiting.lane == pb.OPERATION_LANE_REVOKE
    assert waiting.next_attempt_time.ToDatetime() > waiting.create_time.ToDatetime()
    assert (await house.delivery(lease_id)).state == pb.DELIVERY_STATE_REMOVING
    house.simulator.faults.clear()
    retried = await _retry(house, waiting.operation_id, "once")
    assert [each.outcome for each in retried.operation.attempts] == [pb.ATTEMPT_OUTCOME_REFUSED]
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert await _retry(house, waiting.operation_id, "once") == retried, "the same call again"
    facts = await refusal(
        _retry(house, waiting.operation_id),
        grpc.StatusCode.FAILED_PRECONDITION,
        "OPERATION_FINISHED",
    )
    assert facts == {"operation_id": waiting.operation_id, "state": "SUCCEEDED"}
    for call in (
        _retry(house, "opr_none"),
        crowd.operation(house, "opr_none"),
    ):
        facts = await refusal(call, grpc.StatusCode.NOT_FOUND, "OPERATION_NOT_FOUND")
        assert facts == {"operation_id": "opr_none"}


async def test_groups_only(small_house: ConnectorHouse) -> None:
    """A connection for group memberships only refuses app roles without a call, and says why."""
    house = small_house
    connection_id = await house.connect(mode="CONNECTION_MODE_GROUPS_ONLY")
    since = house.simulator.journal.last_number
    group = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    lease_id = house.lease(cast.NORA, [group, app_role(connection_id, cast.TENANT, cast.ATELIER)])
    await house.granted(lease_id)
    failed = await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    assert (failed.failure_reason, failed.remedy) == ("groups_only", pb.REMEDY_NEEDS_PERSON)
    assert house.simulator.journal.entries(since) == []
    allowed = house.lease(cast.NORA, [group])
    await house.granted(allowed)
    await house.reached(allowed, pb.DELIVERY_STATE_DELIVERED)


async def test_an_emergency_has_its_own_lane(small_house: ConnectorHouse) -> None:
    """A lease granted in an emergency goes before others, and its operations say so."""
    house = small_house
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    house.requests.leases[lease_id].emergency = True
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    [operation] = await house.operations()
    assert operation.lane == pb.OPERATION_LANE_EMERGENCY


async def test_somebody_elses_assignment_is_never_deleted(house: ConnectorHouse) -> None:
    """Even when ours is on record with the id of theirs: the right one is looked for."""
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    other = tenant.add_assignment(cast.PRIYA, cast.ATELIER)
    lease_id = house.lease(cast.NORA, [app_role(connection_id, cast.TENANT, cast.ATELIER)])
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    wrong = update(assignments).values(entra_assignment_id=other["id"])
    await house.running.database.write(lambda connection: connection.execute(wrong))
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert other["id"] in tenant.assignments
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    deleted = [e["path"] for e in crowd.graph_writes(house) if e["method"] == "DELETE"]
    assert len(deleted) == 1 and other["id"] not in deleted[0]
