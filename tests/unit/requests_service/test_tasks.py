"""Tasks by hand: when they open, who does them, and what closes them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from libs.domain.callers import AUDITOR
from services.requests.domain import facts, timeline
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.delivery import Delivery, DeliveryState, Remedy, TargetAnswer
from services.requests.domain.lease import LATE, Lease, LeaseState
from services.requests.domain.steps import Accept
from services.requests.domain.target import AppRoleAssignment, Target
from services.requests.domain.task import MOST_ASSIGNEES, Task, TaskKind, TaskState
from services.requests.handlers.end_lease import Ender
from services.requests.handlers.reassign_task import AssigneesAgain
from services.requests.handlers.settle_lease import Settled
from services.requests.handlers.watch_over_leases import Alarm
from tests.fakes.clock import FakeClock
from tests.fakes.requests_neighbours import APP, TARGET
from tests.unit.requests_service.cast import (
    ADA,
    AUDREY,
    GIL,
    OLA,
    OTO,
    ROOT,
    happened,
    ids,
    refused,
    told,
    town,
)
from tests.unit.requests_service.house import House, person

Way = Callable[[House, AccessRequest], Awaitable[None]]
NOW = FakeClock().now()
ROLE = Target("den_role", "con_1", "role Editor of Design Tool", AppRoleAssignment("sp-1", "r-1"))
THERE = TargetAnswer(ROLE, "201", False, NOW, present=True)


def _no(
    reason: str = "group_not_writable",
    target: Target = TARGET,
    remedy: Remedy = Remedy.HOPELESS,
) -> TargetAnswer:
    return TargetAnswer(
        target,
        "403",
        False,
        NOW,
        failure_reason=reason,
        failure_message=f"No: {reason}.",
        remedy=remedy,
    )


def _says(
    house: House, lease_id: str, state: DeliveryState, *targets: TargetAnswer, round: int = 1
) -> None:
    reason = next((each.failure_reason for each in targets if each.failure_reason), "")
    house.connector.deliveries[lease_id] = Delivery(
        state, round, targets, reason, f"No: {reason}." if reason else ""
    )


async def _failed(house: House, *targets: TargetAnswer) -> AccessRequest:
    """Ada's access request, of which Entra refuses something."""
    made = await house.create()
    _says(house, made.lease_id, DeliveryState.FAILED, *(targets or (THERE, _no())))
    await house.settle(made.lease_id)
    return house.kept(made.access_request_id)


def _task(house: House, state: TaskState = TaskState.OPEN) -> Task:
    """The only one in this state."""
    (found,) = (each for each in house.store.kept_tasks.values() if each.state is state)
    return found


async def test_a_partial_delivery_tells_each_target_and_opens_one_task() -> None:
    """What is there and what Entra refused are told once each, in one change with the failure, the
    task and its record; a second look changes nothing."""
    house = town(Accept())
    found = await _failed(house)
    task = _task(house)
    assert found.state is AccessRequestState.FAILED
    assert happened(found, timeline.TargetDelivered) == [
        timeline.TargetDelivered(ROLE, "201", False)
    ]
    assert happened(found, timeline.TargetFailed) == [
        timeline.TargetFailed(TARGET, "403", "group_not_writable", "No: group_not_writable.")
    ]
    assert happened(found, timeline.TaskOpened) == [timeline.TaskOpened(task.task_id)]
    assert told(house) == [
        facts.AccessRequestFailed(found.access_request_id, found.lease_id, "group_not_writable"),
        facts.TaskOpened(task.task_id, "DELIVER", found.lease_id, APP, ids(OLA, OTO)),
    ]
    assert [each.action for each in house.last.also] == ["task.opened"]
    assert (task.kind, task.lease_id) == (TaskKind.DELIVER, found.lease_id)
    (target,) = task.targets
    assert target.target == TARGET
    for words in ("Editors", "Ada", found.subject.entra_object_id, "complete this task"):
        assert words in target.instructions
    count = len(house.store.changes)
    await house.settle(found.lease_id)
    assert len(house.store.changes) == count


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (_no("group_not_writable"), "Exchange"),
        (_no("directory_refused"), "Members"),
        (_no("permission_missing", ROLE), "Users and groups"),
        (_no("sign_in_refused"), "credentials"),
        (_no("groups_only", ROLE), "app roles"),
        (_no("target_not_listed"), "link it again"),
        (_no("connection_not_found"), "connect the tenant"),
        (_no("something_new", remedy=Remedy.NEEDS_PERSON), "Members"),
        (_no("something_new"), ""),
        (_no("principal_not_found"), ""),
        (_no("target_protected", ROLE), ""),
    ],
)
async def test_what_can_be_done_goes_by_the_reason(refusal: TargetAnswer, words: str) -> None:
    """A task says what to do where somebody can do anything about it, and there is none where
    nobody can; nor where one target of two is beyond help."""
    house = town(Accept())
    await _failed(house, refusal)
    assert [words in each.targets[0].instructions for each in house.store.kept_tasks.values()] == (
        [True] if words else []
    )
    both = town(Accept())
    await _failed(both, refusal, _no("principal_mismatch", ROLE))
    assert not both.store.kept_tasks


async def test_a_delivery_that_is_refused_as_a_whole_is_about_all_targets() -> None:
    """A connector that names no target, as an older one, or before it called Entra at all."""
    house = town(Accept())
    made = await house.create()
    house.connector.deliveries[made.lease_id] = Delivery(
        DeliveryState.FAILED, 1, (), "connection_not_found", "Gone.", Remedy.NEEDS_PERSON
    )
    await house.settle(made.lease_id)
    assert [each.target for each in _task(house).targets] == [TARGET]
    assert not happened(house.kept(made.access_request_id), timeline.TargetFailed)


async def test_done_by_hand_is_delivered_once_more_and_taken_over() -> None:
    """It is a retry with a note: one change, a lease that takes over what is found, and both on the
    timeline. Who owns the app completes it, also when it is their own access."""
    house = town(Accept())
    house.catalog.owners = list(ids(ADA))
    failed = await _failed(house)
    task = await house.complete(_task(house), ADA, "I added her.")
    assert (task.state, task.note, task.finished_by) == (TaskState.COMPLETED, "I added her.", ADA)
    lease, found = house.store.kept_leases[task.lease_id], house.kept(failed.access_request_id)
    assert (lease.state, lease.round, lease.takes_over) == (LeaseState.GRANTED, 2, True)
    assert found.state is AccessRequestState.APPROVED
    assert [type(entry.what) for entry in found.timeline[-3:]] == [
        timeline.TaskCompleted,
        timeline.Retried,
        timeline.LeaseGranted,
    ]
    assert told(house) == [
        facts.TaskCompleted(task.task_id, task.lease_id, ADA),
        facts.AccessRequestRetried(failed.access_request_id, task.lease_id, ADA),
        facts.LeaseGranted(task.lease_id, 2),
    ]
    assert [each.action for each in house.last.also] == ["access_request.retried"]
    _says(house, task.lease_id, DeliveryState.DELIVERED, THERE, round=2)
    await house.settle(task.lease_id)
    assert house.kept(failed.access_request_id).state is AccessRequestState.FULFILLED


async def test_what_was_not_done_fails_again_with_a_new_task() -> None:
    """That it is done is believed only of Entra."""
    house = town(Accept())
    await _failed(house)
    first = await house.complete(_task(house), OLA)
    _says(house, first.lease_id, DeliveryState.FAILED, _no(), round=2)
    await house.settle(first.lease_id)
    second = _task(house)
    assert second.task_id != first.task_id
    assert house.kept(first.access_request_id).state is AccessRequestState.FAILED


async def _end(house: House, found: AccessRequest) -> None:
    store = house.store
    ender = Ender(store.access_requests, store.leases, house.clock)
    house.keep(await ender(found.lease_id, "the app is gone"))


async def _expire(house: House, found: AccessRequest) -> None:
    house.clock.advance(timedelta(hours=9))
    await house.expire(found.lease_id)


async def _revoke(house: House, found: AccessRequest) -> None:
    await house.revoke(found.lease_id)


async def _retry(house: House, found: AccessRequest) -> None:
    await house.retry(found.access_request_id)


async def _ask_anew(house: House, found: AccessRequest) -> None:
    await house.create()


async def _lose(house: House, found: AccessRequest) -> None:
    _says(house, found.lease_id, DeliveryState.LOST, THERE)
    await house.settle(found.lease_id)


@pytest.mark.parametrize("what", [_end, _expire, _revoke, _retry, _ask_anew, _lose])
async def test_every_way_out_of_the_failure_closes_the_task_with_it(what: Way) -> None:
    """In the same change: by a revocation, the end of its time, an end that nobody asks for, a
    retry, the same asked for anew, and a loss. It is not completed any more then."""
    house = town(Accept())
    found = await _failed(house)
    seen = _task(house)
    await what(house, found)
    task = _task(house, TaskState.CLOSED)
    assert task.task_id == seen.task_id and task.note
    assert facts.TaskClosed(task.task_id, task.lease_id) in told(house)
    records = [each.action for each in house.last.also]
    # A new lease ends the failed one, which has a record of its own.
    assert records == [*(["lease.revoked"] if what is _ask_anew else []), "task.closed"]
    await refused(house.complete(seen, OLA), "ETAG_MISMATCH")
    await refused(house.complete(task, OLA), "TASK_STATE", state="CLOSED")


async def test_who_may_complete_is_asked_at_that_moment() -> None:
    """Who came to own the app may, who no longer does may not; who can only see it is told who may,
    and to everybody else there is no such task. Administrators do not wait for the catalog."""
    house = town(Accept())
    await _failed(house)
    task = _task(house)
    house.catalog.owners = list(ids(GIL))
    for who in (OLA, ADA, AUDREY):
        await refused(house.complete(task, who), "CALLER_NOT_ALLOWED")
    await refused(house.complete(task, person("Eve", AUDITOR)), "CALLER_NOT_ALLOWED")
    await refused(house.complete(task, person("Eve")), "TASK_NOT_FOUND")
    house.catalog.away = True
    await refused(house.complete(task, GIL), "DEPENDENCY_UNAVAILABLE")
    house.catalog.away = False
    assert (await house.complete(task, GIL)).finished_by == GIL
    other = town(Accept())
    await _failed(other)
    other.catalog.away = True
    assert (await other.complete(_task(other), ROOT)).finished_by == ROOT


async def test_a_task_opens_without_the_catalog_and_finds_its_owners_later() -> None:
    """The failure does not wait; a later round finds who can do it, and changes nothing when they
    are the same, and nothing of a task that is over."""
    house = town(Accept())
    made = await house.create()
    _says(house, made.lease_id, DeliveryState.FAILED, _no())
    house.catalog.away = True
    await house.settle(made.lease_id)
    assert _task(house).assignees == ()
    house.catalog.away = False
    again = AssigneesAgain(house.store.leases.tasks, house.catalog)
    for _ in range(2):
        house.keep(await again(_task(house).task_id))
    assert house.last.audit.action == "task.assignees_changed"
    task = _task(house)
    assert [each.user_id for each in task.assignees] == list(ids(OLA, OTO))
    assert task.version == 2
    house.catalog.owners = [f"usr_{number}" for number in range(MOST_ASSIGNEES + 1)]
    house.keep(await again(task.task_id))
    assert len(_task(house).assignees) == MOST_ASSIGNEES
    count = len(house.store.changes)
    await house.retry(made.access_request_id)
    house.catalog.owners = []
    house.keep(await again(task.task_id))
    assert len(house.store.changes) == count + 1


async def _late(house: House) -> Lease:
    """A lease whose end is late, and of which Entra does not let the membership go."""
    lease = await house.active()
    await house.revoke(lease.lease_id)
    _says(house, lease.lease_id, DeliveryState.REMOVING, THERE, _no())
    assert await house.settle(lease.lease_id) is Settled.UNDER_WAY
    assert not house.store.kept_tasks
    house.clock.advance(LATE)
    house.keep(await Alarm(house.store.leases, house.clock)(lease.lease_id))
    return house.store.kept_leases[lease.lease_id]


async def test_an_end_that_is_refused_and_late_is_somebodys_task() -> None:
    """Not before the alarm, one at a time, and not while Entra refuses nothing. Done by hand it is
    recorded and the connector is told to look; a new one opens when that did not help, once the
    connector had the time to look; out of Entra it closes."""
    house = town(Accept())
    lease = await _late(house)
    _says(house, lease.lease_id, DeliveryState.REMOVING, THERE)
    await house.settle(lease.lease_id)
    assert not house.store.kept_tasks
    _says(house, lease.lease_id, DeliveryState.REMOVING, THERE, _no())
    for _ in range(2):
        assert await house.settle(lease.lease_id) is Settled.UNDER_WAY
    task = _task(house)
    assert (task.kind, [each.target for each in task.targets]) == (TaskKind.REMOVE, [TARGET])
    assert "no longer a member" in task.targets[0].instructions
    done = await house.complete(task, OTO, "I removed her.")
    assert told(house) == [
        facts.TaskCompleted(task.task_id, lease.lease_id, OTO),
        facts.LeaseEnded(lease.lease_id),
    ]
    assert house.store.kept_leases[lease.lease_id].state is LeaseState.ENDING
    found = house.kept(task.access_request_id)
    assert happened(found, timeline.TaskCompleted) == [
        timeline.TaskCompleted(done.task_id, "I removed her.")
    ]
    await house.settle(lease.lease_id)
    house.clock.advance(LATE - timedelta(seconds=1))
    await house.settle(lease.lease_id)
    assert len(house.store.kept_tasks) == 1
    house.clock.advance(timedelta(seconds=1))
    await house.settle(lease.lease_id)
    second = _task(house)
    _says(house, lease.lease_id, DeliveryState.REMOVED)
    assert await house.settle(lease.lease_id) is Settled.DONE
    assert _task(house, TaskState.CLOSED).task_id == second.task_id
    assert house.store.kept_leases[lease.lease_id].state is LeaseState.ENDED


async def test_an_end_is_told_of_without_the_catalog() -> None:
    """A task for it opens all the same, for administrators first."""
    house = town(Accept())
    lease = await _late(house)
    house.catalog.away = True
    await house.settle(lease.lease_id)
    assert _task(house).assignees == ()
    assert told(house) == [
        facts.TaskOpened(_task(house).task_id, "REMOVE", lease.lease_id, APP, ())
    ]
