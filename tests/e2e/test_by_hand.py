"""What people do in Entra by hand, in a whole house: for a lease, and against one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import update

from latchkey.connector.v1 import connection_pb2, connection_pb2_grpc
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import access_request_pb2_grpc, lease_pb2, task_pb2, task_pb2_grpc
from libs.db.engine import Database
from services.connector.store.tables import assignments
from services.requests.store.tables import leases
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.databases import database_urls
from tools.entra_simulator.control_client import ControlClient

pytestmark = pytest.mark.asyncio(loop_scope="module")
_OWNER = "Priya Raman"
_VIEWERS = cast.VIEWERS_GROUP_ID


@pytest_asyncio.fixture(loop_scope="module")
async def hand(ready: Ready) -> AsyncIterator[ControlClient]:
    """Somebody in the Entra admin center."""
    client = ControlClient(ready.house.simulator_url, ready.house.simulator_ca)
    yield client
    client.close()


@contextmanager
def _synced(hand: ControlClient, group_id: str) -> Iterator[None]:
    """The group is synced from a local directory meanwhile, so that Graph refuses its members."""
    hand.call("PATCH", f"/groups/{group_id}", {"onPremisesSyncEnabled": True})
    try:
        yield
    finally:
        hand.call("PATCH", f"/groups/{group_id}", {"onPremisesSyncEnabled": None})


async def _reaches(ready: Ready, member: Member, request_id: str, state: str) -> pb.AccessRequest:
    """The access request, once it is in a state."""
    client = ready.client(member)
    stub = access_request_pb2_grpc.AccessRequestServiceStub(client.channel("requests"))
    wanted = pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{state}")

    async def look() -> pb.AccessRequest:
        request = pb.GetAccessRequestRequest(access_request_id=request_id)
        found: pb.AccessRequest = (await client.call(stub.GetAccessRequest, request)).access_request
        assert found.state == wanted, f"it is {pb.AccessRequestState.Name(found.state)}"
        return found

    return await eventually(look, 30, every=0.1)


async def _lease_reaches(
    ready: Ready, member: Member, lease_id: str, state: str
) -> lease_pb2.Lease:
    """The lease, once it is in a state."""
    wanted = lease_pb2.LeaseState.Value(f"LEASE_STATE_{state}")

    async def look() -> lease_pb2.Lease:
        found = await ready.guide(member).lease(lease_id)
        assert found.state == wanted, f"it is {lease_pb2.LeaseState.Name(found.state)}"
        return found

    return await eventually(look, 60, every=0.2)


async def _task(ready: Ready, lease_id: str, but_for: str = "") -> task_pb2.Task:
    """The open task of a lease that the owner finds in their list."""
    client = ready.client(people(_OWNER)[0])
    stub = task_pb2_grpc.TaskServiceStub(client.channel("requests"))
    request = task_pb2.ListTasksRequest(state=task_pb2.TASK_STATE_OPEN, app_id=ready.app_id)

    async def look() -> task_pb2.Task:
        answer = await client.call(stub.ListTasks, request)
        theirs = [each for each in answer.tasks if each.lease_id == lease_id]
        found: task_pb2.Task = theirs[0] if theirs else task_pb2.Task()
        assert found.task_id not in ("", but_for), "there is no task"
        return found

    return await eventually(look, 60, every=0.2)


async def _complete(ready: Ready, task: task_pb2.Task) -> task_pb2.Task:
    client = ready.client(people(_OWNER)[0])
    stub = task_pb2_grpc.TaskServiceStub(client.channel("requests"))
    request = task_pb2.CompleteTaskRequest(task_id=task.task_id, etag=task.etag, note="Done.")
    answer: task_pb2.CompleteTaskResponse = await client.call(stub.CompleteTask, request)
    return answer.task


_LONG_AGO = timedelta(minutes=10)


async def _shape(ready: Ready, service: str, change: Any) -> None:
    """Changes what a service keeps, since nobody waits ten minutes here."""
    urls = await database_urls((service,), ready.house.folder, None)
    database = Database.open(urls[service])
    await database.write(lambda connection: connection.execute(change) and None)
    await database.close()


async def _overdue(ready: Ready, lease_id: str) -> None:
    """Has the end of a lease be late."""
    time = datetime.now(UTC) - _LONG_AGO
    change = update(leases).where(leases.c.lease_id == lease_id).values(end_time=time)
    await _shape(ready, "requests", change)


async def _settled(ready: Ready) -> None:
    """Has everything been in Entra for so long that no replica of it is behind."""
    change = update(assignments).values(add_time=datetime.now(UTC) - _LONG_AGO)
    await _shape(ready, "connector", change)


def _told(found: pb.AccessRequest, kind: str) -> list[Any]:
    return [getattr(it, kind) for it in found.timeline if it.WhichOneof("fact") == kind]


async def test_what_entra_refuses_is_done_by_hand_in_and_out(
    ready: Ready, hand: ControlClient
) -> None:
    """Of two targets Entra gives one and refuses a synced group: the app's owner has a task, says
    too early that it is done, and has another. Added by hand it is found, and the lease is active.
    At its end the role goes at once and the group is refused: late, that is the owner's task again;
    taken out by hand and said so, the lease has ended."""
    (member,) = people("Nora Eriksen")
    object_id = member.entra_object_id
    with _synced(hand, _VIEWERS):
        made = await ready.guide(member).ask(ready.access_entitlement_id, "I review designs.")
        failed = await _reaches(ready, member, made.access_request_id, "FAILED")
        (there,), (refusal,) = _told(failed, "target_delivered"), _told(failed, "target_failed")
        assert there.target.HasField("app_role_assignment")
        assert refusal.target.group_membership.entra_group_id == _VIEWERS
        assert refusal.failure_reason == failed.failure_reason == "group_not_writable"
        first = await _task(ready, failed.lease_id)
        assert [each.display_name for each in first.assignees] == [_OWNER]
        (target,) = first.targets
        assert target.target == refusal.target
        assert "Nora Eriksen" in target.instructions and object_id in target.instructions

        await _complete(ready, first)
        second = await _task(ready, failed.lease_id, but_for=first.task_id)
        hand.call("POST", f"/groups/{_VIEWERS}/members", {"memberId": object_id})
        await _complete(ready, second)
        found = await _reaches(ready, member, made.access_request_id, "FULFILLED")
        assert len(_told(found, "target_failed")) == len(_told(found, "task_completed")) == 2
        assert not any(each.preexisting for each in _told(found, "target_delivered"))
        lease = await _lease_reaches(ready, member, found.lease_id, "ACTIVE")
        assert (lease.takes_over, lease.round) == (True, 3)

        await ready.guide(member).give_back(lease.lease_id, "I am done.")

        async def half_gone() -> bool:
            holdings = await ready.entra.holds(object_id)
            return not holdings.service_principal_ids and _VIEWERS in holdings.group_ids

        await eventually(half_gone, 20, every=0.1)
        await _overdue(ready, lease.lease_id)
        await _settled(ready)
        task = await _task(ready, lease.lease_id)
        assert task.kind == task_pb2.TASK_KIND_REMOVE
        assert [each.target for each in task.targets] == [refusal.target]
        ending = await _lease_reaches(ready, member, lease.lease_id, "ENDING")
        assert ending.HasField("alarm_time")
        hand.call("DELETE", f"/groups/{_VIEWERS}/members/{object_id}")
        await _complete(ready, task)
        await _lease_reaches(ready, member, lease.lease_id, "ENDED")
    holdings = await ready.entra.holds(object_id)
    assert not holdings.group_ids & {_VIEWERS} and not holdings.service_principal_ids


async def _removed_by_hand(
    ready: Ready, hand: ControlClient, member: Member, action: str, key: str
) -> str:
    """The id of a lease of which somebody took a part out of Entra, as the next sync has seen."""
    guide, connector = ready.guide(member), ready.operator.channel("connector")
    connection = await guide.connect()
    connection.removed_access_action = connection_pb2.RemovedAccessAction.Value(
        f"REMOVED_ACCESS_ACTION_{action}"
    )
    stub = connection_pb2_grpc.ConnectionServiceStub(connector)
    request = connection_pb2.UpdateConnectionRequest(
        connection=connection, update_mask=FieldMask(paths=["removed_access_action"])
    )
    request.connection.etag = ""
    await ready.operator.call(stub.UpdateConnection, request)
    made = await guide.ask(ready.access_entitlement_id, "I look at designs.")
    found = await _reaches(ready, member, made.access_request_id, "FULFILLED")
    hand.call("DELETE", f"/groups/{_VIEWERS}/members/{member.entra_object_id}")
    await _settled(ready)
    sync = await guide.start_sync(connection.connection_id, key=key)
    async for now in guide.watch_sync(sync.sync_id):
        sync = now
    assert sync.problem == ""
    return found.lease_id


async def test_access_removed_by_hand_ends_its_lease(ready: Ready, hand: ControlClient) -> None:
    """The sync that comes next finds it: the lease ends with that cause, what else it brought goes
    with it, and what was there before stays."""
    (member,) = people("Hannah Lindqvist")
    before = await ready.entra.holds(member.entra_object_id)
    lease_id = await _removed_by_hand(ready, hand, member, "END", "it ends")
    lease = await _lease_reaches(ready, member, lease_id, "ENDED")
    assert lease.end_cause == lease_pb2.LEASE_END_CAUSE_REMOVED_OUTSIDE
    assert "Atelier Viewers" in lease.end_reason
    after = await _reaches(ready, member, lease.access_request_id, "FULFILLED")
    (removed,) = _told(after, "removed_outside")
    assert removed.target.group_membership.entra_group_id == _VIEWERS and not removed.restored
    assert await ready.entra.holds(member.entra_object_id) == before


async def test_access_removed_by_hand_is_put_back(ready: Ready, hand: ControlClient) -> None:
    """Where the connection says so: the lease and its end stay, and tell of it."""
    (member,) = people("Martin Kowalski")
    lease_id = await _removed_by_hand(ready, hand, member, "RESTORE", "it is put back")

    async def told() -> lease_pb2.Lease:
        found = await ready.guide(member).lease(lease_id)
        assert found.HasField("removed_outside_time"), "it does not tell of it"
        return found

    lease = await eventually(told, 20, every=0.2)
    assert lease.state == lease_pb2.LEASE_STATE_ACTIVE

    async def there() -> bool:
        return _VIEWERS in (await ready.entra.holds(member.entra_object_id)).group_ids

    await eventually(there, 20, every=0.2)
    found = await _reaches(ready, member, lease.access_request_id, "FULFILLED")
    assert [each.restored for each in _told(found, "removed_outside")] == [True]
