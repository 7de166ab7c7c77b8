"""Tasks by hand over gRPC, on each kind of database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc

from latchkey.requests.v1 import access_request_pb2 as access_pb
from latchkey.requests.v1 import events_pb2, lease_pb2
from latchkey.requests.v1 import task_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, HELPDESK
from libs.domain.ids import new_id
from tests.fakes.requests_peers import APP, group_target, role_target
from tests.integration.requests_service.deciders import kinds, told, uid
from tests.integration.requests_service.house import House, Person, Refusal, answer_of, refused
from tests.support.eventually import eventually
from tests.support.issuer import object_id

_OPEN, _COMPLETED, _CLOSED = pb.TASK_STATE_OPEN, pb.TASK_STATE_COMPLETED, pb.TASK_STATE_CLOSED
_DENIED, _MISSING = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def _get(who: Person, task_id: str) -> pb.Task:
    found: pb.Task = (await who.call(who.tasks.GetTask, pb.GetTaskRequest(task_id=task_id))).task
    return found


async def _tasks(who: Person, **fields: Any) -> list[pb.Task]:
    """All pages."""
    found: list[pb.Task] = []
    request = pb.ListTasksRequest(**fields)
    while True:
        answer = await who.call(who.tasks.ListTasks, request)
        assert len(answer.tasks) <= (request.page_size or 50)
        found += answer.tasks
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


async def _complete(who: Person, task: pb.Task, **fields: Any) -> pb.Task:
    request = pb.CompleteTaskRequest(
        **{"task_id": task.task_id, "note": "I added them.", "etag": task.etag} | fields
    )
    found: pb.Task = (await who.call(who.tasks.CompleteTask, request)).task
    return found


async def _retry(who: Person, found: access_pb.AccessRequest) -> access_pb.AccessRequest:
    request = access_pb.RetryAccessRequestRequest(access_request_id=found.access_request_id)
    answer = await who.call(who.access_requests.RetryAccessRequest, request)
    after: access_pb.AccessRequest = answer.access_request
    return after


async def _failed(house: House, who: Person, **fields: Any) -> access_pb.AccessRequest:
    """An access request of which Entra refuses the membership."""
    made = await who.create(**fields)
    house.connector.partly(made.lease_id)
    await house.connector.say_failed(made.lease_id)
    return await who.reaches(made.access_request_id, "FAILED")


async def test_what_entra_refuses_is_done_by_hand(house: House) -> None:
    """The timeline shows which target failed, the owner has a task with instructions and completes
    it though nothing was done: it fails again, with a new one. Completed once more, and found
    there, it is delivered; the lease takes over what was given by hand."""
    house.catalog.owners = [uid("Olga")]
    ada, olga = house.person("Ada"), house.person("Olga")
    failed = await _failed(house, ada)
    assert kinds(failed)[-4:] == [
        "target_delivered",
        "target_failed",
        "delivery_failed",
        "task_opened",
    ]
    there, refusal, _, opened = failed.timeline[-4:]
    assert there.target_delivered.target == role_target()
    assert refusal.target_failed.target == group_target()
    assert (refusal.target_failed.answer, refusal.target_failed.failure_reason) == (
        "403",
        "group_not_writable",
    )
    (task,) = await _tasks(olga, state=_OPEN)
    assert task == await _get(ada, opened.task_opened.task_id)
    assert (task.kind, task.lease_id, task.app_id) == (
        pb.TASK_KIND_DELIVER,
        failed.lease_id,
        APP,
    )
    assert (task.app_display_name, task.entitlement_display_name) == ("Design Tool", "Editor")
    assert [each.user_id for each in task.assignees] == [uid("Olga")]
    assert task.subject == failed.subject and not task.HasField("finish_time")
    (target,) = task.targets
    assert (target.target, target.failure_reason) == (group_target(), "group_not_writable")
    assert task.subject.entra_object_id in target.instructions
    assert "Design Tool Editors" in target.instructions

    done = await _complete(olga, task, idempotency_key="once")
    assert (
        done == await _complete(olga, task, idempotency_key="once") == await _get(ada, done.task_id)
    )
    assert (done.state, done.note) == (_COMPLETED, "I added them.")
    assert done.finished_by.person.entra_object_id == object_id("Olga")
    assert done.HasField("finish_time")
    lease = await ada.lease(failed.lease_id)
    assert (lease.state, lease.round, lease.takes_over) == (lease_pb2.LEASE_STATE_GRANTED, 2, True)
    house.connector.partly(failed.lease_id, round=2)
    await house.connector.say_failed(failed.lease_id, round=2)
    await ada.reaches(failed.access_request_id, "FAILED")
    (second,) = await _tasks(olga, state=_OPEN)
    assert [each.task_id for each in await _tasks(olga)] == [second.task_id, done.task_id]

    await _complete(olga, second)
    house.connector.delivered(failed.lease_id, round=3)
    await house.connector.say_provisioned(failed.lease_id, round=3)
    found = await ada.reaches(failed.access_request_id, "FULFILLED")
    assert kinds(found).count("target_failed") == kinds(found).count("task_completed") == 2
    (completed, *_) = (e for e in found.timeline if e.WhichOneof("fact") == "task_completed")
    assert (completed.actor, completed.task_completed.task_id) == (
        done.finished_by,
        done.task_id,
    )
    assert [each.task_id for each in await told(house, events_pb2.TaskOpened)] == [
        done.task_id,
        second.task_id,
    ]
    (first, _) = await told(house, events_pb2.TaskOpened)
    assert (first.kind, list(first.assignee_user_ids)) == (pb.TASK_KIND_DELIVER, [uid("Olga")])
    assert len(await told(house, events_pb2.TaskCompleted)) == 2
    assert await house.actions(done.task_id) == ["task.opened", "task.completed"]


async def test_a_task_done_and_retried_and_revoked_at_once(house: House) -> None:
    """One of the first two begins the delivery once more, and the other is told that it came too
    late; a revocation ends the lease whichever it was, and never leaves a task open."""
    house.catalog.owners = [uid("Olga")]
    ada, olga = house.person("Ada"), house.person("Olga")
    seen: set[str] = set()
    for number in range(8):
        failed = await _failed(house, ada)
        (task,) = await _tasks(olga, state=_OPEN)
        calls = [_complete(olga, task), _retry(ada, failed), ada.revoke(failed.lease_id)]
        # Each comes first in turn, and sometimes nothing is revoked.
        first = number % 3
        some = (calls[first:] + calls[:first]) if number % 2 else calls[:2]
        for each in calls:
            if each not in some:
                each.close()
        answers = await asyncio.gather(*map(answer_of, some))
        refusals = [each for each in answers if isinstance(each, Refusal)]
        seen.update(f"{each.code.name} {each.reason}" for each in refusals)
        found, lease = await _get(olga, task.task_id), await ada.lease(failed.lease_id)
        won = sum(isinstance(each, pb.Task | access_pb.AccessRequest) for each in answers)
        assert won <= 1 and lease.round == 1 + won
        assert (found.state == _COMPLETED) == any(isinstance(each, pb.Task) for each in answers)
        assert found.state in (_COMPLETED, _CLOSED)
        if number % 2:
            assert lease.state == lease_pb2.LEASE_STATE_ENDING
        else:
            assert won == 1 and lease.state == lease_pb2.LEASE_STATE_GRANTED
            await ada.revoke(failed.lease_id)
        assert lease.takes_over == (found.state == _COMPLETED)
        house.connector.removed(failed.lease_id)
        await house.connector.say_deprovisioned(failed.lease_id)
        await ada.lease_reaches(failed.lease_id, "ENDED")
    assert seen <= {
        "ABORTED ETAG_MISMATCH",
        "FAILED_PRECONDITION ACCESS_REQUEST_STATE",
        "FAILED_PRECONDITION LEASE_STATE",
    }
    events = await told(house, events_pb2.TaskClosed)
    closed = [each.task_id for each in await _tasks(olga, state=_CLOSED)]
    assert sorted(each.task_id for each in events) == sorted(closed)


async def test_who_sees_and_who_completes(house: House) -> None:
    """Owners, requester, subject, administrators and auditors see it; owners of that moment and
    administrators complete it. To everybody else there is no such task; services may not ask."""
    house.catalog.owners = [uid("Olga")]
    house.catalog.line[uid("Sue")] = [uid("Max")]
    max_ = house.person("Max")
    await _failed(house, max_, subject_user_id=uid("Sue"))
    olga, root = house.person("Olga"), house.person("Root", [ADMIN])
    (task,) = await _tasks(olga)
    aud = house.person("Aud", [AUDITOR])
    seeing = [olga, root, aud, max_, house.person("Sue")]
    blind = [
        house.person("Eve"),
        house.person("Hana", [HELPDESK]),
        house.person("Con", [CONNECTOR_ADMIN]),
    ]
    assert [await _get(each, task.task_id) for each in seeing] == [task] * 5
    assert [len(await _tasks(each)) for each in seeing + blind] == [1, 1, 1, 0, 0, 0, 0, 0]
    for each in blind:
        answers = [
            await refused(call)
            for task_id in (task.task_id, new_id("tsk"))
            for call in (_get(each, task_id), _complete(each, task, task_id=task_id))
        ]
        assert {(it.code, it.reason) for it in answers} == {(_MISSING, "TASK_NOT_FOUND")}
    for each in (aud, max_, house.person("Sue")):
        refusal = await refused(_complete(each, task))
        assert (refusal.code, refusal.reason) == (_DENIED, "CALLER_NOT_ALLOWED")
    for name in ("connector", "catalog", "policy"):
        service = house.as_service(name)
        for call in (_get(service, task.task_id), _tasks(service), _complete(service, task)):
            assert (await refused(call)).code is _DENIED

    house.catalog.owners = [uid("Otto")]
    assert (await refused(_complete(olga, task))).reason == "CALLER_NOT_ALLOWED"
    await house.catalog.stop()
    refusal = await refused(_complete(house.person("Otto"), task))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
    )
    # Another replica's first round finds who owns the app now; until then the list is as it was.
    assert (await _get(olga, task.task_id)) == task
    assert (await refused(_complete(root, task, etag="77"))).reason == "ETAG_MISMATCH"
    assert (await _complete(root, task)).finished_by.person.entra_object_id == object_id("Root")
    refusal = await refused(_complete(root, task, etag="2"))
    assert (refusal.code, refusal.reason, refusal.facts["state"]) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "TASK_STATE",
        "COMPLETED",
    )
    await house.catalog.start()


async def test_owners_that_are_found_later_find_the_task(house: House) -> None:
    """The failure does not wait for the catalog; a round of the service finds who owns the app."""
    house.catalog.owners = [uid("Olga")]
    ada, olga = house.person("Ada"), house.person("Olga")
    made = await ada.create()
    await house.catalog.stop()
    house.connector.partly(made.lease_id)
    await house.connector.say_failed(made.lease_id)
    await ada.reaches(made.access_request_id, "FAILED")
    (task,) = await _tasks(house.person("Root", [ADMIN]))
    assert not task.assignees and not await _tasks(olga)
    await house.catalog.start()

    async def found() -> list[str]:
        listed = [each.task_id for each in await _tasks(olga, state=_OPEN, app_id=APP)]
        if not listed:
            # The first round of another replica is at once, and may come before the catalog can
            # be reached again; the next one of the same is a minute later.
            await house.start()
        return listed

    assert await eventually(found, 15, every=2) == [task.task_id]
    assert await house.actions(task.task_id) == ["task.opened", "task.assignees_changed"]


async def test_an_end_that_entra_refuses_is_done_by_hand(sweeping: House) -> None:
    """When it is late the owners have a task; done by hand is recorded, and the connector hears of
    the end once more. Out of Entra by whatever way, the lease ends, and an open task closes."""
    house = sweeping
    house.catalog.owners = [uid("Olga")]
    ada, olga = house.person("Ada"), house.person("Olga")
    lease = await house.leased(ada)
    await ada.revoke(lease.lease_id)
    house.connector.keeps(lease.lease_id)
    now = datetime.now(UTC)
    await house.shape(lease.lease_id, end_time=now - timedelta(minutes=5))

    async def opened() -> list[pb.Task]:
        return await _tasks(olga, state=_OPEN)

    (task,) = await eventually(opened, 20) or [pb.Task()]
    assert (task.kind, [each.target for each in task.targets]) == (
        pb.TASK_KIND_REMOVE,
        [group_target()],
    )
    assert (await ada.lease(lease.lease_id)).HasField("alarm_time")
    before = (await house.event_types()).count("LeaseEnded")
    done = await _complete(olga, task, note="I removed her.")
    assert done.state == _COMPLETED
    assert (await house.event_types()).count("LeaseEnded") == before + 1
    assert (await ada.lease(lease.lease_id)).state == lease_pb2.LEASE_STATE_ENDING
    house.connector.removed(lease.lease_id)
    await ada.lease_reaches(lease.lease_id, "ENDED")
    found = await ada.get(lease.access_request_id)
    assert kinds(found)[-3:] == ["task_opened", "task_completed", "lease_ended"]

    again = await house.leased(ada)
    await ada.revoke(again.lease_id)
    house.connector.keeps(again.lease_id)
    await house.shape(again.lease_id, end_time=now - timedelta(minutes=5), alarm_time=now)
    (task,) = await eventually(opened, 20) or [pb.Task()]
    house.connector.removed(again.lease_id)
    await ada.lease_reaches(again.lease_id, "ENDED")
    closed = await _get(olga, task.task_id)
    assert (closed.state, closed.finished_by.service) == (_CLOSED, "requests")
    (event,) = await told(house, events_pb2.TaskClosed)
    assert (event.task_id, event.lease_id) == (task.task_id, again.lease_id)


async def test_bad_input_names_the_field(house: House) -> None:
    """Of every call, all that is wrong at once."""
    ada = house.person("Ada")
    calls: list[tuple[Any, Any, set[str]]] = [
        (ada.tasks.GetTask, pb.GetTaskRequest(), {"task_id"}),
        (ada.tasks.GetTask, pb.GetTaskRequest(task_id=new_id("lea")), {"task_id"}),
        (
            ada.tasks.ListTasks,
            pb.ListTasksRequest(
                page_size=501,
                state=9,  # type: ignore[arg-type]
                app_id="app",
            ),
            {"page_size", "state", "app_id"},
        ),
        (
            ada.tasks.CompleteTask,
            pb.CompleteTaskRequest(note=" \n", idempotency_key="x" * 201),
            {"task_id", "note", "etag", "idempotency_key"},
        ),
        (
            ada.tasks.CompleteTask,
            pb.CompleteTaskRequest(task_id=new_id("tsk"), note="n" * 2001, etag="e" * 101),
            {"note", "etag"},
        ),
    ]
    for method, request, fields in calls:
        refusal = await refused(ada.call(method, request))
        assert (refusal.code, refusal.reason) == (_INVALID, "FIELD_INVALID")
        assert set(refusal.fields) == fields
    refusal = await refused(ada.call(ada.tasks.ListTasks, pb.ListTasksRequest(page_token="x")))
    assert (refusal.code, refusal.reason) == (_INVALID, "PAGE_TOKEN_INVALID")
