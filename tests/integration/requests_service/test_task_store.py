"""The store of tasks: what is kept, what is refused, and what is read of it."""

from dataclasses import replace
from datetime import timedelta

from libs.db.engine import Database
from libs.domain.paging import Page, PageRequest
from services.requests.domain.person import PersonRef
from services.requests.domain.task import Task, TaskKind, TaskState, TaskTarget
from services.requests.store.leases import LeaseStore
from tests.fakes.requests_neighbours import APP, TARGET
from tests.integration.catalog.plans import captured, plan_of, rows_read
from tests.integration.requests_service.stores import NOW, Ports, made_wish
from tests.integration.requests_service.test_store import approved_of
from tests.unit.requests_service.house import person

OLGA, OTTO = PersonRef.of(person("Olga")), PersonRef.of(person("Otto"))
_FIRST = PageRequest(5, "", ("x",))


async def _task(number: int = 0, *assignees: PersonRef) -> Task:
    """A task with an id that sorts as its number does."""
    wish, lease = approved_of(await made_wish())
    targets = (TaskTarget(TARGET, "group_not_writable", "No.", "Ä ☂\nDo it."),)
    kind = TaskKind.DELIVER
    return Task.open(f"tsk_{number:05}", kind, lease, wish, targets, assignees or (OLGA,), NOW)


def _ids(page: Page[Task]) -> list[str]:
    return [each.task_id for each in page.items]


async def test_what_is_kept_comes_back_the_same(ports: Ports) -> None:
    """At every station; a lease has one open one of a kind at most, and the next version follows
    the one that was seen."""
    tasks, task = ports.leases.tasks, await _task(1)
    await ports.keep(*tasks.added(task))
    assert await tasks.get(task.task_id) == task
    assert await tasks.get("tsk_none") is None
    assert await tasks.open_of(task.lease_id, TaskKind.DELIVER) == task
    assert await tasks.open_of(task.lease_id, TaskKind.REMOVE) is None
    second = replace(task, task_id="tsk_00002")
    await ports.refuses(*tasks.added(second))
    remove = replace(task, task_id="tsk_00003", kind=TaskKind.REMOVE, assignees=())
    await ports.keep(*tasks.added(remove))
    assert await tasks.last_of(task.lease_id) == remove
    assert await tasks.last_of("lea_none") is None
    assert await tasks.waiting("", 5) == [task.task_id, remove.task_id]
    moved = task.assigned_to((OTTO, OLGA))
    await ports.keep(*tasks.changed(moved, seen=task.version))
    await ports.refuses(*tasks.changed(moved, seen=task.version))
    done = moved.complete(person("Otto"), "I did.", NOW + timedelta(hours=1))
    await ports.keep(*tasks.changed(done, seen=moved.version))
    assert await tasks.get(task.task_id) == done
    await ports.keep(*tasks.added(second))
    closed = second.close("not needed", NOW)
    await ports.keep(*tasks.changed(closed, seen=1))
    assert await tasks.get(second.task_id) == closed
    assert await tasks.waiting("", 5) == [remove.task_id]


async def test_lists_are_of_who_can_do_it_newest_first(ports: Ports) -> None:
    """By person, state and app, page by page."""
    tasks = ports.leases.tasks
    other_app = await _task(3, OLGA)
    some = [await _task(1), await _task(2, OTTO), replace(other_app, app_id="app_2")]
    for each in some:
        await ports.keep(*tasks.added(each))
    done = some[0].complete(person("Olga"), "I did.", NOW)
    await ports.keep(*tasks.changed(done, seen=1))
    for user_id, state, app_id, expected in (
        (None, None, "", [3, 2, 1]),
        (None, TaskState.OPEN, "", [3, 2]),
        (None, None, APP, [2, 1]),
        (None, TaskState.COMPLETED, APP, [1]),
        (OLGA.user_id, None, "", [3, 1]),
        (OLGA.user_id, TaskState.OPEN, "", [3]),
        (OLGA.user_id, None, APP, [1]),
        (OLGA.user_id, TaskState.OPEN, APP, []),
        (OTTO.user_id, None, "app_2", []),
    ):
        request, found = PageRequest(1, "", ("x",)), list[str]()
        while True:
            page = await tasks.page(request, user_id=user_id, state=state, app_id=app_id)
            found += _ids(page)
            if not page.next_page_token:
                break
            request = replace(request, token=page.next_page_token)
        assert found == [f"tsk_{number:05}" for number in expected]


async def test_no_read_goes_through_more_than_its_page(database: Database) -> None:
    """Of 3,000 tasks that are over, among which a few are open, and a person has a few."""
    async with Ports(database) as ports:
        tasks = LeaseStore(database).tasks
        over = [
            replace(
                (await _task(number, OTTO if number % 1000 == 0 else OLGA)),
                state=TaskState.CLOSED,
                app_id=f"app_{number % 3}",
            )
            for number in range(3000)
        ]
        opened = [await _task(number, OTTO, OLGA) for number in range(100, 3000, 1000)]
        opened = [replace(each, task_id=f"{each.task_id}o", app_id="app_0") for each in opened]
        await ports.keep(*(write for each in (*over, *opened) for write in tasks.added(each)))
    with captured() as statements:
        for user_id in (None, OTTO.user_id, OLGA.user_id):
            for state in (None, TaskState.OPEN, TaskState.CLOSED):
                for app_id in ("", "app_0"):
                    page = await tasks.page(_FIRST, user_id=user_id, state=state, app_id=app_id)
                    if state is TaskState.OPEN:
                        assert _ids(page) == [each.task_id for each in reversed(opened)]
                    assert page.items
                    if page.next_page_token:
                        more = replace(_FIRST, token=page.next_page_token)
                        await tasks.page(more, user_id=user_id, state=state, app_id=app_id)
        assert await tasks.waiting("", 10) == [each.task_id for each in opened]
        assert await tasks.last_of(opened[0].lease_id) == opened[0]
        assert await tasks.open_of(opened[0].lease_id, TaskKind.DELIVER) == opened[0]
    for statement in statements:
        assert await rows_read(database, statement) < 100, await plan_of(database, statement)
