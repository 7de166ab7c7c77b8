"""kill -9 of the connector between Graph's answer and its own commit, again and again."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from latchkey.connector.v1 import provisioning_pb2, provisioning_pb2_grpc
from latchkey.requests.v1 import access_request_pb2
from tests.e2e.conftest import Ready, ready_house
from tests.soak.house import report
from tests.support.eventually import eventually
from tools.bench.tenant import crowd, write_tenant
from tools.dev.cast import Member

pytestmark = pytest.mark.timeout(1200)
_KILLS = 50
# From when Graph's answer is seen; the commit comes a few milliseconds later.
_MOST_DELAY_SECONDS = 0.004
DONE = provisioning_pb2.ATTEMPT_OUTCOME_DONE
ALREADY = provisioning_pb2.ATTEMPT_OUTCOME_ALREADY
UNKNOWN = provisioning_pb2.ATTEMPT_OUTCOME_UNKNOWN


async def test_fifty_kills(tmp_path: Path) -> None:
    """Each time Entra has one membership, one operation says so, and nothing is lost."""
    people = crowd(_KILLS)
    tenant = tmp_path / "tenant.json"
    write_tenant(tenant, people)
    chance = random.Random(3)
    ends: Counter[str] = Counter()
    async with (
        ready_house(tmp_path / "house", tenant=tenant) as ready,
        httpx.AsyncClient(
            base_url=ready.entra.url, verify=ready.entra.context(), trust_env=False
        ) as simulator,
    ):
        for member in people:
            seen = len(await ready.entra.journal())
            request = await ready.guide(member).ask(
                ready.role_entitlement_id, "The house is on fire.", member.label
            )
            await eventually(lambda: _written(simulator, member, seen), 20, every=0.0)  # noqa: B023
            await asyncio.sleep(chance.uniform(0, _MOST_DELAY_SECONDS))
            await ready.house.kill("connector")
            await ready.house.begin("connector")
            async for now in ready.guide(member).watch_request(request.access_request_id):
                request = now
            assert request.state == access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED
            ends[await _checked(ready, member)] += 1
        report(f"{_KILLS} kills between Graph's answer and the commit", **ends)
        assert ends["found_there"] > 0, "some of the kills came before the commit"


async def _written(simulator: httpx.AsyncClient, member: Member, seen: int) -> bool:
    answer = await simulator.get("/_simulator/journal", params={"since": seen})
    return any(
        change["principal"] and change["principal"]["id"] == member.entra_object_id
        for entry in answer.json()["entries"]
        for change in entry["changes"]
    )


async def _checked(ready: Ready, member: Member) -> str:
    """What the records of a person say, held against what Entra has done."""
    writes = await ready.entra.writes(member.entra_object_id)
    changes = [change for write in writes for change in write["changes"]]
    assert [(c["kind"], c["action"]) for c in changes] == [("groupMembership", "added")]

    stub = provisioning_pb2_grpc.ProvisioningServiceStub(ready.operator.channel("connector"))
    assignments = await ready.operator.call(
        stub.ListAssignments, provisioning_pb2.ListAssignmentsRequest(page_size=500)
    )
    (assignment,) = [
        a for a in assignments.assignments if a.entra_principal_id == member.entra_object_id
    ]
    assert assignment.state == provisioning_pb2.ASSIGNMENT_STATE_PRESENT
    assert not assignment.preexisting, "it is ours, and goes when the lease ends"
    listed = await ready.operator.call(
        stub.ListOperations,
        provisioning_pb2.ListOperationsRequest(assignment_id=assignment.assignment_id),
    )
    (operation,) = listed.operations
    assert operation.state == provisioning_pb2.OPERATION_STATE_SUCCEEDED
    whole = await ready.operator.call(
        stub.GetOperation,
        provisioning_pb2.GetOperationRequest(operation_id=operation.operation_id),
    )
    outcomes = [attempt.outcome for attempt in whole.operation.attempts]
    if outcomes == [DONE]:
        return "committed_before"
    assert outcomes[:-1] == [UNKNOWN] * (len(outcomes) - 1) and outcomes[-1] in (ALREADY, DONE)
    return "found_there"
